import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'

import { formatCid } from '@avocet/data'
import { runSql, sql } from '@avocet/testing/pds-rows'
import { onPostgres } from '@avocet/testing/pds-store'

import { runCommand } from '../command.ts'
import type { TestDirectory } from '../directory.ts'
import { checkCommit, signingKeyOf } from '../firehose.ts'
import type { Known } from './book.ts'
import { readEntries } from './mover.ts'
import { expectSame, expectSameEntries } from './same.ts'
import type { CrashServer } from './server.ts'
import { readEvents, type Event, type Follower } from './stream.ts'
import { blobCid } from './writer.ts'

/** Where the events lead, for one repository. */
interface Chain {
  rev: string | null
  data: string | null
  records: Map<string, string>
  readonly revs: Set<string>
  last: Event | null
}

/**
 * The firehose from its beginning: each event once, the same as it was sent live, commits of a repository one after the other,
 * one for each that was acknowledged, and none of what is not there. Returns how many there are.
 */
export async function checkEvents(
  server: CrashServer,
  directory: TestDirectory,
  accounts: readonly Known[],
  follower: Follower,
): Promise<number> {
  const chains = new Map<string, Chain>()
  const left = new Map(follower.seen)
  const known = new Map(accounts.map((account) => [account.did, account]))
  const newest = rows(
    server,
    onPostgres ? 'SELECT max(seq) AS n FROM event' : 'SELECT newest AS n FROM event_log',
  )
  let count = 0
  const check = (event: Event): void => {
    count += 1
    const { seq, did, hash } = event
    expectSame(hash, left.get(seq)?.hash, `event ${seq} again as it was sent`)
    left.delete(seq)
    const account = known.get(did)
    if (account === undefined) throw new Error(`event ${seq} is of an account nobody made; did=${did}`)
    const chain = chains.get(did) ?? {
      rev: null,
      data: null,
      records: new Map(),
      revs: new Set(),
      last: null,
    }
    chains.set(did, chain)
    chain.last = event
    advance(chain, event, account, directory)
  }
  await readTo(server, newest, check)
  for (const [seq, { did }] of left) {
    // The events of an account go with it, but for the one that says so.
    if (known.get(did)?.state !== 'deleted')
      throw new Error(`event ${seq} was sent, and is no more; did=${did}`)
  }
  for (const account of accounts) {
    const chain = chains.get(account.did)
    if (chain === undefined) throw new Error(`no event of an account; did=${account.did}`)
    if (account.state === 'deleted') {
      const { type, body } = chain.last!
      expectSame(
        [type, body.active, body.status],
        ['#account', false, 'deleted'],
        `the end of ${account.did}`,
      )
      continue
    }
    for (const rev of account.revs) expectSame(chain.revs.has(rev), true, `an event for the commit ${rev}`)
    if (account.state === 'active') {
      expectSameEntries(chain.records, account.records, `what the events of ${account.did} lead to`)
    }
  }
  return count
}

/**
 * Reads the firehose up to event `newest`. A reader that is cut off goes on where it was, as relays do: what verifies each
 * commit on a busy machine answers a ping late.
 */
async function readTo(server: CrashServer, newest: number, onEvent: (event: Event) => void): Promise<void> {
  const last = { seq: 0 }
  const take = (event: Event): void => {
    onEvent(event)
    last.seq = event.seq
  }
  while (last.seq < newest) {
    const before = last.seq
    await readEvents(server, before, take, (seq) => seq >= newest)
    if (last.seq === before)
      throw new Error(`the firehose has nothing after event ${before}; newest=${newest}`)
  }
}

/** Follows an event: what it builds on is what came before. */
function advance(chain: Chain, event: Event, account: Known, directory: TestDirectory): void {
  const { type, body, did, seq } = event
  if (account.state === 'deleted') return
  if (type === '#sync') {
    if (body.rev === chain.rev) return
    const records = account.imported.get(body.rev)
    if (records === undefined)
      throw new Error(`event ${seq} tells of a repository that nobody imported; did=${did}`)
    Object.assign(chain, { rev: body.rev, data: null, records: new Map(records) })
    return
  }
  if (type !== '#commit') return
  if (chain.rev !== null) expectSame(body.since, chain.rev, `since of event ${seq}`)
  if (chain.data !== null) expectSame(formatCid(body.prevData), chain.data, `prevData of event ${seq}`)
  const { rev, data } = checkCommit(body, signingKeyOf(directory.log(did)))
  Object.assign(chain, { rev, data })
  chain.revs.add(rev)
  for (const { action, path, cid } of body.ops) {
    if (action === 'delete') chain.records.delete(path)
    else chain.records.set(path, formatCid(cid))
  }
}

/** Every repository, verified, is what was acknowledged; those of deleted accounts are gone. */
export async function checkRepos(
  server: CrashServer,
  directory: TestDirectory,
  accounts: readonly Known[],
): Promise<void> {
  for (const { did, records, state } of accounts) {
    if (state === 'active') {
      const { entries } = await readEntries(server, directory, did)
      expectSameEntries(entries, records, `the repository of ${did}`)
      continue
    }
    const { status, body } = await server.call(`com.atproto.sync.getRepoStatus?did=${did}`)
    const expected = state === 'deleted' ? [400, 'RepoNotFound'] : [200, false]
    expectSame([status, state === 'deleted' ? body.error : body.active], expected, `the status of ${did}`)
  }
}

/** Every blob that a record refers to is served, with its bytes. Returns how many there are. */
export async function checkBlobs(server: CrashServer, accounts: readonly Known[]): Promise<number> {
  let count = 0
  for (const { did, blobs, state } of accounts) {
    if (state !== 'active') continue
    for (const [path, cid] of blobs) {
      const bytes = await server.fetchBytes(`/xrpc/com.atproto.sync.getBlob?did=${did}&cid=${cid}`)
      expectSame(blobCid(bytes), cid, `the blob of ${path} in ${did}`)
      count += 1
    }
  }
  return count
}

/** What is to be nought once the chores of a start are done. */
const LEFTOVERS: readonly (readonly [what: string, count: string])[] = [
  ['staged or dropped sets', "SELECT count(*) AS n FROM record_set WHERE state <> 'live'"],
  ['rows of no set', 'SELECT count(*) AS n FROM record WHERE owner NOT IN (SELECT id FROM record_set)'],
  [
    'references of no set',
    'SELECT count(*) AS n FROM record_blob WHERE owner NOT IN (SELECT id FROM record_set)',
  ],
  ['removals', `SELECT count(*) AS n FROM ${onPostgres ? 'departure' : 'account_removal'}`],
  [
    'repositories of nobody',
    'SELECT count(*) AS n FROM repo WHERE did IS NULL OR did NOT IN (SELECT did FROM account)',
  ],
  ['blocks of no repository', 'SELECT count(*) AS n FROM repo_block WHERE repo NOT IN (SELECT id FROM repo)'],
  ['blobs of nobody', 'SELECT count(*) AS n FROM blob WHERE did NOT IN (SELECT did FROM account)'],
  [
    'blobs kept for no record',
    `SELECT count(*) AS n FROM blob WHERE permanent = 1 AND NOT EXISTS (SELECT 1 FROM record_blob r
       JOIN record_set s ON r.owner = s.id WHERE s.did = blob.did AND r.cid = blob.cid)`,
  ],
]
const CHORES_MS = 30_000

/** After the chores of a start nothing is left of what the kills cut short: neither rows nor files. */
export async function checkLeftovers(server: CrashServer): Promise<void> {
  const until = Date.now() + CHORES_MS
  for (;;) {
    const left = LEFTOVERS.filter(([, count]) => rows(server, count) > 0).map(([what]) => what)
    left.push(...(await strayFiles(server)))
    if (left.length === 0) return
    if (Date.now() > until) throw new Error(`left behind: ${left.slice(0, 10).join(', ')}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** Files without a row, rows without a file. */
async function strayFiles(server: CrashServer): Promise<string[]> {
  const folder = join(server.folder, 'blobs')
  const files = new Set<string>()
  for (const account of await readdir(folder)) {
    for (const name of await readdir(join(folder, account))) {
      // The look of `_health` comes and goes.
      if (!name.startsWith('probe-')) files.add(`${account}/${name}`)
    }
  }
  const known = sql(server, "SELECT did || '/' || cid AS path FROM blob")
  const missing: string[] = []
  for (const { path } of known) if (!files.delete(path as string)) missing.push(`no file ${String(path)}`)
  return [...missing, ...Array.from(files, (path) => `the file ${path}`)]
}

/** The operator's own look: everything is sound, to the last hash. */
export async function checkWithDoctor(server: CrashServer): Promise<void> {
  const { folder, port, plcUrl, env } = server
  const flags = ['--data', folder, '--port', String(port), '--plc-url', plcUrl]
  const { code, stdout, stderr } = await runCommand(['doctor', '--deep', '--json', ...flags], env, 300_000)
  const { findings } = JSON.parse(stdout) as { findings: { level: string; what: string; detail: string }[] }
  const faults = findings.filter(({ level, what }) => level !== 'ok' && !what.startsWith('disk under'))
  expectSame([code, faults], [0, []], `doctor --deep ${stderr}`)
}

function rows(server: CrashServer, count: string): number {
  return Number(sql(server, count)[0]!['n'])
}

/**
 * Makes all that a server on Postgres left two days older, while it is not running. What nobody seems to be at work on is left for an
 * hour or a day where other processes may be: the next start finds it to be nobody's.
 */
export async function ageLeftovers({ folder }: CrashServer): Promise<void> {
  runSql(
    { folder },
    `UPDATE record_set SET touched = touched - interval '2 days';
     UPDATE repo SET touched = touched - interval '2 days';
     UPDATE blob_upload SET until = until - interval '2 days'`,
  )
  const then = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000)
  for (const entry of await readdir(join(folder, 'blobs'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), then, then)
  }
}
