// Whether the index is what its PDSes have, whether what it says of itself is true, and whether its subscribers have the same.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { cidFromBytes, formatCid } from '@avocet/data'
import { differences, faultsOf, openIndex, readTruth } from '../simulated/checks.ts'
import { type Account, isWantedPath, statusAt, WANTED } from './accounts.ts'
import { compareMaps } from './fold.ts'
import type { Subscriber } from './subscribers/subscriber.ts'
import type { Host, World } from './world.ts'

const main = join(import.meta.dirname, '../../apps/indexer/src/main.ts')
/** Accounts compared at a time, and of one call of `verify`. */
const AT_ONCE = 4
const OF_ONE_CALL = 250

const cidOf = (bytes: Uint8Array): string => formatCid(cidFromBytes(bytes))

/** What the indexer says of a repo. */
export type Said = { readonly status: string; readonly reason: string | null }

/** One account: what is true, and what the index says and has. */
export type Finding = {
  readonly did: string
  /** At its host. */
  readonly status: string
  /** Null: the index does not follow it. */
  readonly said: Said | null
  /** The status that the index has of the account. */
  readonly indexStatus: string
  /** Where the records differ; null: they are not compared, or the host gives no repo. */
  readonly differences: readonly string[] | null
}

/** Runs `work` over all, some at a time. */
async function each<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < all.length) {
        const index = next++
        results[index] = await work(all[index]!)
      }
    }),
  )
  return results
}

/** Where an account is, as the directory has it. */
async function hostOf({ plcUrl, hosts }: World, { did, host }: Account): Promise<Host> {
  const response = await fetch(`${plcUrl}/${did}`)
  if (!response.ok) return host
  const { service } = (await response.json()) as { service: { id: string; serviceEndpoint: string }[] }
  const endpoint = service.find(({ id }) => id === '#atproto_pds')?.serviceEndpoint
  return hosts.find(({ front }) => front.url === endpoint) ?? host
}

/** Looks at every account. @param share of them whose records are compared */
export async function examine(world: World, accounts: readonly Account[], share: number): Promise<Finding[]> {
  const compared = new Set(accounts.filter((_, i) => Math.floor(i * share) !== Math.floor((i + 1) * share)))
  const db = openIndex(world.indexer.file)
  const statusOf = db.prepare('SELECT status FROM accounts WHERE did = ?')
  try {
    return await each(accounts, async (account) => {
      const { did } = account
      const host = await hostOf(world, account)
      const status = await statusAt(host, did)
      const truth = status === 'active' && compared.has(account) ? await readTruth(host.url, did) : null
      const said = await repoAt(world, did)
      const row = statusOf.get(did)
      return {
        did,
        status,
        said,
        indexStatus: String(row?.['status'] ?? 'active'),
        differences:
          truth === null || said === null ? null : differences(db, did, truth, cidOf, isWantedPath),
      }
    })
  } finally {
    db.close()
  }
}

async function repoAt({ indexer }: World, did: string): Promise<Said | null> {
  const response = await fetch(`${indexer.url}/repos?did=${did}`)
  if (response.status === 404) return null
  return (await response.json()) as Said
}

/** The page of coverage, as far as it counts repos. */
export type Report = {
  readonly repos: Readonly<Record<string, number>>
  readonly behind: readonly { status: string; reason: string; repos: number }[]
  readonly unreachable: number
}

/** What `/coverage` says, counted after now. */
export async function readCoverage({ indexer }: World): Promise<Report> {
  // It is counted anew after half a second.
  await fetch(`${indexer.url}/coverage`)
  await new Promise((resolve) => setTimeout(resolve, 1100))
  await fetch(`${indexer.url}/coverage`)
  return (await (await fetch(`${indexer.url}/coverage`)).json()) as Report
}

/** Statuses of hosts after which nothing is read of an account. */
const ENDED: ReadonlySet<string> = new Set(['takendown', 'deactivated', 'deleted', 'suspended', 'none'])

/**
 * What is not true of what the index says of single accounts.
 * @param excused accounts of which nobody could tell the index that something happened
 */
export function judge(
  findings: readonly Finding[],
  excused: (did: string) => boolean = () => false,
): string[] {
  const faults: string[] = []
  for (const { did, status, said, indexStatus, differences: differing } of findings) {
    if (said === null || excused(did)) continue
    const shown = `${did} (${status}) is said to be ${said.status}${said.reason === null ? '' : `: ${said.reason}`}`
    if (said.status === 'synchronized' && differing !== null && differing.length > 0)
      faults.push(`${shown}, and ${differing.join(', ')}`)
    if (said.status === 'terminal' && !ENDED.has(status)) faults.push(shown)
    const isSame = status === 'none' ? indexStatus === 'deleted' : status === indexStatus
    if (!isSame) faults.push(`${shown}; the index has it as ${indexStatus}`)
  }
  return faults
}

/** What is not true of the numbers of `/coverage`, repo by repo. What moves meanwhile is counted again, a few times. */
export async function judgeCounts(world: World, accounts: readonly Account[]): Promise<string[]> {
  for (let tries = 1; ; tries++) {
    const said = await each(accounts, ({ did }) => repoAt(world, did))
    const faults = countsOf(
      said.filter((one) => one !== null),
      await readCoverage(world),
    )
    if (faults.length === 0 || tries === 10) return faults
  }
}

function countsOf(all: readonly Said[], report: Report): string[] {
  const faults: string[] = []
  const counted = new Map<string, number>()
  for (const { status } of all) counted.set(status, (counted.get(status) ?? 0) + 1)
  for (const name of new Set([...counted.keys(), ...STATUSES])) {
    const [told, found] = [report.repos[name] ?? 0, counted.get(name) ?? 0]
    if (told !== found) faults.push(`coverage tells of ${told} repos that are ${name}: there are ${found}`)
  }
  const behind = report.behind.reduce((sum, { repos }) => sum + repos, 0)
  const followed = all.length
  const late = followed - (counted.get('synchronized') ?? 0)
  if (behind !== late) faults.push(`coverage says why ${behind} repos are behind: ${late} are`)
  if (report.repos['known'] !== followed)
    faults.push(`coverage knows ${report.repos['known']} repos: there are ${followed}`)
  return faults
}

const STATUSES = ['synchronized', 'unconfirmed', 'suspect', 'resyncing', 'desynchronized', 'terminal']

/** What `avocet-indexer verify` says of accounts: their number by result, and what it found. */
export async function verifyAll(
  world: World,
  dids: readonly string[],
  flags: readonly string[],
): Promise<{ readonly same: number; readonly unknown: number; readonly found: readonly string[] }> {
  const found: string[] = []
  let [same, unknown] = [0, 0]
  const groups = Array.from({ length: Math.ceil(dids.length / OF_ONE_CALL) }, (_, i) =>
    dids.slice(i * OF_ONE_CALL, (i + 1) * OF_ONE_CALL),
  )
  await each(groups, async (group) => {
    const args = [
      main,
      'verify',
      ...group,
      `--data=${world.indexer.folder}`,
      `--plc-url=${world.plcUrl}`,
      ...flags,
    ]
    const output = await new Promise<string>((resolve) => {
      execFile(
        process.execPath,
        [...args, '--allow-loopback', '--json'],
        { maxBuffer: 2 ** 28 },
        (_, stdout, stderr) => resolve(stdout === '' ? JSON.stringify({ result: 'failed', stderr }) : stdout),
      )
    })
    for (const line of output.trim().split('\n')) {
      const { result } = JSON.parse(line) as { result: string }
      if (result === 'same') same++
      else if (result === 'unknown') unknown++
      else found.push(line.slice(0, 500))
    }
  })
  return { same, unknown, found }
}

/** What is wrong with what a subscriber has; nothing: it has what the index has. */
export function judgeSubscriber(
  subscriber: Subscriber,
  records: ReadonlyMap<string, string>,
  statuses: ReadonlyMap<string, string>,
): string[] {
  const { name, fold, figures, atLeastOnce } = subscriber
  const faults: string[] = []
  const compared = {
    records: compareMaps(records, fold.records),
    statuses: compareMaps(statuses, fold.statuses),
  }
  for (const [what, { different, examples }] of Object.entries(compared))
    if (different > 0) faults.push(`${name}: ${different} ${what} differ: ${examples.join('; ')}`)
  if (figures.faults > 0) faults.push(`${name}: ${figures.faults} faults, such as ${figures.lastFault}`)
  // One with each connection is what the client of v1 asks for: its cursor is inclusive.
  const allowed = name === 'v1' ? figures.connections : 0
  if (!atLeastOnce && figures.repeats > allowed) faults.push(`${name}: ${figures.repeats} events came again`)
  return faults
}

/** What the index has: records by place, and accounts that are not active. */
export function readIndex(world: World): {
  readonly records: Map<string, string>
  readonly statuses: Map<string, string>
  readonly faults: readonly string[]
} {
  const db = openIndex(world.indexer.file)
  try {
    const records = new Map<string, string>()
    for (const { did, collection, rkey, cid } of db
      .prepare('SELECT did, collection, rkey, cid FROM record_list')
      .iterate())
      records.set(`${String(did)}/${String(collection)}/${String(rkey)}`, cidOf(cid as Uint8Array))
    const statuses = new Map<string, string>()
    for (const { did, status } of db
      .prepare('SELECT did, status FROM accounts WHERE status IS NOT NULL')
      .iterate())
      statuses.set(String(did), String(status))
    // Commits of followed repos without a wanted operation are counted too.
    const faults = faultsOf(db).filter((fault) => !fault.startsWith('commits with operations'))
    return { records, statuses, faults }
  } finally {
    db.close()
  }
}

export const WANTED_FLAG = `--collections=${WANTED.join(',')}`
