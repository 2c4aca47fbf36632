// What must hold when several processes have written, and some were killed.
import { setTimeout as delay } from 'node:timers/promises'

import { subscribe, type Seen, type Subscriber } from './subscriber.ts'

/** A record that was asked for: its CID once that was acknowledged. */
export interface Asked {
  readonly uri: string
  cid: string | null
}

/** What is looked at. */
export interface Outcome {
  /** Of each process. */
  readonly urls: readonly string[]
  readonly dids: readonly string[]
  readonly collection: string
  readonly asked: ReadonlyMap<string, Asked>
  readonly subscribers: readonly Subscriber[]
}

type Op = { readonly action: string; readonly path: string; readonly cid: unknown }
type Page = { readonly records: { readonly uri: string; readonly cid: string }[]; readonly cursor?: string }

/** Returns the number of events. @throws Error that says what is wrong */
export async function checkOutcome(outcome: Outcome): Promise<number> {
  const { urls, dids, collection, asked, subscribers } = outcome
  const faults: string[] = []

  // Each process serves the same records: all that were acknowledged, as they were, and none that nobody asked for.
  const stored = new Map<string, string>()
  for (const [n, url] of urls.entries()) {
    const listed = new Map<string, string>()
    for (const did of dids) for (const { uri, cid } of await list(url, did, collection)) listed.set(uri, cid)
    for (const [uri, { cid }] of asked) {
      if (cid !== null && listed.get(uri) !== cid)
        faults.push(`process ${n} lost ${uri}: ${listed.get(uri)} for ${cid}`)
    }
    for (const [uri, cid] of listed) {
      if (!asked.has(uri)) faults.push(`process ${n} has ${uri}, which nobody asked for`)
      if (n === 0) stored.set(uri, cid)
      else if (stored.get(uri) !== cid) faults.push(`processes 0 and ${n} differ in ${uri}`)
    }
    if (listed.size !== stored.size)
      faults.push(`process ${n} has ${listed.size} records, not ${stored.size}`)
  }

  // One order, the same for those who read along and for those who read it all from one process.
  const replays = urls.map((url) => subscribe(url))
  await caughtUp([...subscribers, ...replays])
  const [first] = replays
  const order = (one: Subscriber): string => one.seen.map(({ seq, hash }) => `${seq} ${hash}`).join('\n')
  for (const [n, one] of [...subscribers, ...replays].entries()) {
    faults.push(...one.faults.map((fault) => `subscriber ${n}: ${fault}`))
    if (order(one) !== order(first!))
      faults.push(
        `subscriber ${n} saw ${one.seen.length} events, another ${first!.seen.length} in another order`,
      )
  }
  for (const one of replays) one.stop()
  faults.push(...checkStream(first!.seen, collection, stored))
  if (faults.length > 0) throw new Error(`${faults.length} faults\n${faults.slice(0, 20).join('\n')}`)
  return first!.seen.length
}

/** Each record comes once, and each commit of a repository follows the one before it. */
function checkStream(
  seen: readonly Seen[],
  collection: string,
  stored: ReadonlyMap<string, string>,
): string[] {
  const faults: string[] = []
  const revs = new Map<string, string>()
  const created = new Map<string, string>()
  for (const { seq, type, body } of seen) {
    if (type !== '#commit') continue
    const { repo, rev, since } = body as { repo: string; rev: string; since: string | null }
    const before = revs.get(repo) ?? null
    if (since !== before) faults.push(`event ${seq} of ${repo} follows ${since}, not ${before}`)
    revs.set(repo, rev)
    for (const { action, path, cid } of body['ops'] as Op[]) {
      if (!path.startsWith(`${collection}/`)) continue
      const uri = `at://${repo}/${path}`
      if (action !== 'create') faults.push(`event ${seq}: ${action} of ${uri}`)
      if (created.has(uri)) faults.push(`event ${seq}: ${uri} comes twice`)
      created.set(uri, String(cid))
    }
  }
  for (const [uri, cid] of stored) if (created.get(uri) !== cid) faults.push(`no event has ${uri}`)
  if (created.size !== stored.size) faults.push(`${created.size} records in events, ${stored.size} stored`)
  return faults
}

async function list(url: string, repo: string, collection: string): Promise<Page['records']> {
  const records: Page['records'] = []
  let cursor: string | undefined
  do {
    const params = new URLSearchParams({
      repo,
      collection,
      limit: '100',
      ...(cursor === undefined ? {} : { cursor }),
    })
    const page = (await (await fetch(`${url}/xrpc/com.atproto.repo.listRecords?${params}`)).json()) as Page
    records.push(...page.records)
    cursor = page.cursor
  } while (cursor !== undefined)
  return records
}

/** Until all have seen as much, and nothing more comes. */
async function caughtUp(all: readonly Subscriber[]): Promise<void> {
  const state = (): string => all.map(({ seen }) => seen.at(-1)?.seq ?? 0).join(' ')
  let [before, same] = ['', 0]
  for (let tries = 0; tries < 300 && same < 15; tries++) {
    await delay(200)
    const now = state()
    same = now === before && new Set(now.split(' ')).size === 1 && now !== '0' ? same + 1 : 0
    before = now
  }
}
