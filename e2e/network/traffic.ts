// Clients that write at a rate, as far as the servers keep up.

import { setTimeout as delay } from 'node:timers/promises'
import { keyOf, NOTE, type Random, recordFor } from '../simulated/people.ts'
import { procedure } from '../support/network.ts'
import { type Account, collectionOf, createOf, DRAFT, PROFILE } from './accounts.ts'

/** Requests under way at a time. */
const AT_ONCE = 48
/** What is not begun within this time of its turn is left out, seconds. */
const PATIENCE = 1

/** What became of the writes; `skipped`: the servers did not keep up. */
export type TrafficFigures = {
  asked: number
  answered: number
  refused: number
  unanswered: number
  skipped: number
}

/** Writes by the accounts, until told to stop. */
export type Traffic = {
  readonly figures: Readonly<TrafficFigures>
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>
}

/** Starts. A few accounts write much, most of them little. */
export function startTraffic(accounts: readonly Account[], rate: number, random: Random): Traffic {
  const figures: TrafficFigures = { asked: 0, answered: 0, refused: 0, unanswered: 0, skipped: 0 }
  const under = new Set<Promise<void>>()
  const stopped = new AbortController()
  const begun = performance.now()
  const pick = (): Account => {
    const most = random(4) === 0 ? Math.max(1, Math.floor(accounts.length / 20)) : accounts.length
    return accounts[random(most)]!
  }
  const one = async (): Promise<void> => {
    let account = pick()
    // Who is off, or whose server is known to be away, does not write.
    for (let tries = 0; tries < 50 && (account.state !== 'on' || account.host.isAway); tries++)
      account = pick()
    figures.asked++
    try {
      if (await write(account, random)) figures.answered++
      else figures.refused++
    } catch {
      figures.unanswered++
    }
  }
  const run = async (): Promise<void> => {
    let turn = 0
    while (!stopped.signal.aborted) {
      const due = Math.floor(((performance.now() - begun) / 1000) * rate)
      if (due - turn > rate * PATIENCE) {
        figures.skipped += due - turn - rate * PATIENCE
        turn = due - rate * PATIENCE
      }
      for (; turn < due && under.size < AT_ONCE; turn++) {
        const work: Promise<void> = one().finally(() => under.delete(work))
        under.add(work)
      }
      await delay(10)
    }
  }
  const running = run()
  return {
    figures,
    async stop() {
      stopped.abort()
      await running
      await Promise.all(under)
    },
  }
}

/** One commit. @returns whether the server took it @throws when it does not answer */
async function write(account: Account, random: Random): Promise<boolean> {
  const { did: repo, paths, host } = account
  const call = async (method: string, input: object): Promise<boolean> =>
    (await procedure(host.url, `com.atproto.repo.${method}`, input, account)).status === 200
  const what = random(20)
  if (what < 5 && paths.length > 0) {
    // What is not deleted after all is no loss here: nobody reads this list for the truth.
    const at = random(paths.length)
    const path = paths[at]!
    paths[at] = paths.at(-1)!
    paths.pop()
    const [collection, rkey] = path.split('/')
    return await call('deleteRecord', { repo, collection, rkey })
  }
  if (what < 9 && paths.length > 0) {
    const path = paths[random(paths.length)]!
    const [collection, rkey] = path.split('/') as [string, string]
    const record =
      collection === DRAFT
        ? { $type: DRAFT, text: `again ${random(1e6)}` }
        : recordFor(collection, random, [account])
    return await call('putRecord', { repo, collection, rkey, record })
  }
  if (what === 9 && !account.bystander) {
    const record = { $type: PROFILE, displayName: `${account.name} ${random(1e6)}` }
    return await call('putRecord', { repo, collection: PROFILE, rkey: 'self', record })
  }
  const collection = collectionOf(account, random)
  const creates = Array.from({ length: what < 12 ? 2 + random(3) : 1 }, () =>
    createOf(account, collection, random),
  )
  if (!(await call('applyWrites', { repo, writes: creates.map((create) => create.write) }))) return false
  paths.push(...creates.map(({ path }) => path))
  return true
}

/** A note under a new key. @returns its key @throws when it is not taken */
export async function writeNote(account: Account, random: Random): Promise<string> {
  const rkey = keyOf(account.keys++)
  const input = { repo: account.did, collection: NOTE, rkey, record: recordFor(NOTE, random, [account]) }
  const { status, body } = await procedure(account.host.url, 'com.atproto.repo.createRecord', input, account)
  if (status !== 200) throw new Error(`no note of ${account.did}: ${JSON.stringify(body)}`)
  account.paths.push(`${NOTE}/${rkey}`)
  return rkey
}
