// Repos and collections added and removed while it runs. One change at a time; each is durable before it is answered.

import type { Consumer } from '@avocet/firehose'
import { isDid, isNsid, type Did } from '@avocet/syntax'
import type { RepoReader, RepoRow } from '../queries/repos.ts'
import type { Wanted } from '../sync/wanted.ts'

/** Why nothing was changed, in words for who asked. */
export type ChoiceError = { readonly code: 'invalid' | 'refused'; readonly message: string }

/** What came of a change: how many names it was about, or why nothing was changed. */
export type ChoiceResult =
  | { readonly ok: true; readonly value: { readonly count: number } }
  | { readonly ok: false; readonly error: ChoiceError }

/** A repo that is followed because it was named. `status`: as in `RepoState`; null: nothing of it was read yet. */
export type NamedRepo = { readonly did: string } & Pick<RepoRow, 'reason' | 'rev'> & {
    readonly status: RepoRow['status'] | null
  }

/** Repos that are followed whatever they have, and repos that are kept out. */
export type RepoChoices = {
  /** Follows these repos from now on and reads what they have; at most 10,000 at once. Durable when it resolves. */
  add(dids: readonly string[]): Promise<ChoiceResult>
  /** Follows them no more, whatever they write, and removes what is stored of them. Durable when it resolves; rows go in slices after that. */
  remove(dids: readonly string[]): Promise<ChoiceResult>
  /** Those that are named, in order of DID, after `cursor`; at most `limit`. */
  list(options?: { readonly cursor?: string; readonly limit?: number }): NamedRepo[]
}

/** The collections that are indexed. */
export type CollectionChoices = {
  /** Exact names, or namespaces ending in `.*`: their records are looked for, and read of every repo that is followed. */
  add(names: readonly string[]): Promise<ChoiceResult>
  /** Their records, as they were named, are removed in slices. */
  remove(names: readonly string[]): Promise<ChoiceResult>
  /** Null: all of the repos that are followed. */
  list(): readonly string[] | null
}

/** What changing needs. */
export type ChoicesOptions = {
  readonly wanted: Wanted
  readonly repos: Pick<RepoReader, 'get'>
  readonly consumer: Pick<Consumer, 'requestResync' | 'forget' | 'refilter'>
  readonly onTrouble: (message: string) => void
}

const MAX_NAMES = 10_000
const MAX_COLLECTIONS = 1000
/** So many are read before what is merely found; more wait for their turn. */
const MAX_URGENT = 100
const PAGE = 100

/** Makes the functions that change. */
export function createChoices(options: ChoicesOptions): {
  readonly repos: RepoChoices
  readonly collections: CollectionChoices
} {
  const { wanted, consumer } = options
  let last: Promise<unknown> = Promise.resolve()
  /** One after the other: what is added while it is being removed must not be forgotten behind that. */
  const inTurn = (work: () => Promise<ChoiceResult>): Promise<ChoiceResult> => {
    const result = last.then(work)
    last = result.catch(() => {})
    return result
  }

  const changeRepos = async (dids: readonly string[], add: boolean): Promise<ChoiceResult> => {
    const names = [...new Set(dids)]
    if (names.length === 0 || names.length > MAX_NAMES) {
      return no('invalid', `one to ${MAX_NAMES} DIDs at once`)
    }
    const odd = names.find((name) => !isDid(name))
    if (odd !== undefined) return no('invalid', `not a DID: ${odd.slice(0, 100)}`)
    return inTurn(async () => {
      await wanted.choose('repo', names, add)
      const each = add ? (did: Did) => read(did, names.length) : forget
      await Promise.all((names as Did[]).map(each))
      return yes(names.length)
    })
  }

  const read = async (did: Did, among: number): Promise<void> => {
    const repo = options.repos.get(did)
    if (repo !== null && repo.status !== 'terminal') return
    await consumer.requestResync(did, among > MAX_URGENT ? 'discovered' : 'requested')
  }

  const forget = async (did: Did): Promise<void> => {
    await consumer.forget(did, () => wanted.isRemoved(did))
  }

  const changeCollections = async (add: boolean, names: readonly string[]): Promise<ChoiceResult> => {
    const before = wanted.collections()
    const refusal = add ? cannotAdd(names, before) : cannotRemove(names, before)
    if (refusal !== null) return { ok: false, error: refusal }
    await wanted.choose('collection', names, add)
    if (add) consumer.refilter().catch((error: unknown) => options.onTrouble(String(error)))
    return yes(names.length)
  }

  const cannotAdd = (names: readonly string[], before: readonly string[] | null): ChoiceError | null => {
    const odd = names.find((name) => !isNsid(name.endsWith('.*') ? `${name.slice(0, -2)}.any` : name))
    if (odd !== undefined) return refuse('invalid', `not a collection: ${odd.slice(0, 100)}`)
    if (names.length === 0 || names.length + (before?.length ?? 0) > MAX_COLLECTIONS) {
      return refuse('invalid', `one to ${MAX_COLLECTIONS} collections in all`)
    }
    const takesAll = wanted.everything || wanted.signal !== null || wanted.named('', 1).length > 0
    if (before === null && takesAll) {
      return refuse('refused', 'all collections of the repos that are followed are indexed already')
    }
    return null
  }

  const cannotRemove = (names: readonly string[], before: readonly string[] | null): ChoiceError | null => {
    if (before === null) {
      return refuse('refused', 'all collections are indexed; start it with --collections to choose some')
    }
    const absent = names.find((name) => !before.includes(name))
    if (absent !== undefined || names.length === 0) {
      return refuse('invalid', `not in the list of collections: ${absent?.slice(0, 100) ?? 'nothing'}`)
    }
    const isLast = before.every((name) => names.includes(name))
    return isLast ? refuse('refused', 'the last collection: without any, all would be indexed') : null
  }

  return {
    repos: {
      add: (dids) => changeRepos(dids, true),
      remove: (dids) => changeRepos(dids, false),
      list: ({ cursor = '', limit = PAGE } = {}) =>
        wanted.named(cursor, limit).map((did) => {
          const { status = null, reason = null, rev = null } = options.repos.get(did) ?? {}
          return { did, status, reason, rev }
        }),
    },
    collections: {
      add: (names) => inTurn(() => changeCollections(true, [...new Set(names)])),
      remove: (names) => inTurn(() => changeCollections(false, [...new Set(names)])),
      list: () => wanted.collections(),
    },
  }
}

const yes = (count: number): ChoiceResult => ({ ok: true, value: { count } })
const refuse = (code: ChoiceError['code'], message: string): ChoiceError => ({ code, message })
const no = (code: ChoiceError['code'], message: string): ChoiceResult => ({
  ok: false,
  error: refuse(code, message),
})
