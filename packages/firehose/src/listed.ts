// What an entry of a host's list of repos leads to.
// Spec: https://atproto.com/specs/sync, com.atproto.sync.listRepos

import type { Did } from '@avocet/syntax'
import type { AccountStatus } from './account-status.ts'
import { checkAuthority, type Speaker } from './chain.ts'
import { newRepo, type RepoPolicy } from './facts.ts'
import type { Listed, ResyncGate } from './item.ts'
import type { Bench } from './judge.ts'
import { next } from './machine.ts'
import type { Store } from './store.ts'

/** What an entry needs. */
export type ListedOptions = {
  readonly bench: Bench
  readonly store: Store
  readonly resync: ResyncGate
  readonly statuses: AccountStatus
  readonly policy: RepoPolicy
  /** Who speaks through a source. */
  readonly speakerOf: (source: string) => Speaker
}

/** Makes the handler of entries; false: nobody has such an account, or not there; nothing was stored. */
export function createListed(options: ListedOptions): (entry: Listed) => Promise<boolean> {
  const { bench, store, resync, statuses, policy } = options
  const { now, identities } = bench

  const isThere = async (did: Did, speaker: Speaker): Promise<boolean> => {
    const found = identities.get(did)
    const result = found instanceof Promise ? await bench.aside(did, found) : found
    // A directory that does not answer refutes nothing.
    if (!result.ok) return !result.gone && speaker.kind === 'relay'
    return checkAuthority(speaker, result.identity.pds).ok
  }

  /** A list of those that have what is wanted names it: it is read in its turn. */
  const begin = async ({ did, rev }: Listed): Promise<boolean> => {
    const fact = { kind: 'requested', reason: 'discovered', claimed: rev } as const
    const { state, effects } = next(newRepo(did, policy.filter), fact, policy, now())
    // Whose list that was says nothing of who brings its events.
    await store.save({ repo: state }, null)
    resync.react(did, effects)
    return true
  }

  const listed = async (entry: Listed): Promise<boolean> => {
    const { did, rev, status, own, source, at } = entry
    let repo = await store.load(did)
    // A list is nobody's word: of a DID that is new there must be a document, and a PDS lists only what it hosts.
    const speaker = options.speakerOf(source)
    if (repo === null && !(await isThere(did, speaker))) return false
    // Nor is it heard about accounts of other hosts. What it told of itself was checked then.
    const isForeign = speaker.kind === 'pds' && repo !== null && repo.lastSource !== source
    if (isForeign && !(await isThere(did, speaker))) return true
    const before = repo?.upstreamStatus ?? 'active'
    // A list may be old by now, also the host's own: where they differ the host is asked.
    const same =
      (status === 'active') === (before === 'active') && (status === 'deleted') === (before === 'deleted')
    const believed = own && !statuses.canAsk ? status : null
    // A question that is open already decides for this word too.
    const isOpen = repo !== null && repo.hearsay !== null
    const answer = same || isOpen ? null : await statuses.ask(did, status, true)
    const heard = answer?.heard === true ? answer : null
    const said = same ? before : (heard?.status ?? believed)
    // Of an account that nothing is known of there is nothing that a word could change.
    if (said === null && repo !== null && answer?.heard !== true && statuses.canAsk) {
      repo = await statuses.leaveOpen(repo, status, answer)
    }
    if (said !== null && said !== before) {
      const told = await statuses.tell(did, repo, said, source, heard?.at ?? at)
      if (told === null) {
        // The app refused it: it is told again.
        if (statuses.canAsk) await statuses.leaveOpen(repo ?? newRepo(did, policy.filter), said, null)
        return true
      }
      repo = told
    }
    if (repo === null && entry.follow === true) return begin(entry)
    // Its host knows better, also of an account that the list hides.
    if (rev === null || (said ?? status) !== 'active') return true
    const { state, effects } = next(
      repo ?? newRepo(did, policy.filter),
      { kind: 'listed', rev, at },
      policy,
      now(),
    )
    // Not worth a row: confirmed a short time ago.
    const isSame = state.status === repo?.status && state.claimed === repo.claimed && state.lost === repo.lost
    if (repo !== null && isSame) {
      if (now() - (repo.confirmedAt ?? 0) < CONFIRM_EVERY_MS) return true
    }
    await store.save({ repo: state.lastSource === null ? { ...state, lastSource: source } : state }, null)
    resync.react(did, effects)
    return true
  }

  return listed
}

/** A list that says what is known is noted at most so often. */
const CONFIRM_EVERY_MS = 3_600_000
