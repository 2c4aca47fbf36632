// The state store as the consumer uses it: repo states cached, the app's callback inside the transaction.

import type { Did } from '@avocet/syntax'
import { FirehoseError } from './errors.ts'
import type { VerifiedEvent } from './events.ts'
import { createLru } from './lru.ts'
import { isConfirmedSince } from './machine-rules.ts'
import type { ConsumeOptions } from './options.ts'
import type { RepoState, StateChange } from './state.ts'

/** What became of a save: stored, or rolled back because the app's callback threw. */
export type SaveResult = { readonly ok: true } | { readonly ok: false; readonly error: unknown }

/** The store of a consumer. */
export type Store = {
  load(did: Did): RepoState | null | Promise<RepoState | null>
  /**
   * Stores a change and hands the event over in the same transaction. Once the store has failed nothing is stored any more: the next
   * event of the repo would be stored without the one that was not.
   * @throws FirehoseError `state-failed` when the store itself fails, or has failed
   */
  save(change: StateChange, event: VerifiedEvent | null): Promise<SaveResult>
}

/**
 * Wraps the state and the app of these options.
 * @param gapAt when the source that a repo was last seen in (null: any) last lost events: a repo not confirmed since is
 *   `unconfirmed`, whatever its row says
 */
export function createStore<Tx>(
  options: Pick<ConsumeOptions<Tx>, 'state' | 'onEvent'>,
  cacheSize: number,
  gapAt: (source: string | null) => number | null,
): Store {
  const { state, onEvent } = options
  const cache = createLru<Did, RepoState>(cacheSize)

  let ended: FirehoseError | null = null

  const asOfNow = (repo: RepoState): RepoState => {
    if (repo.status !== 'synchronized' || repo.rev === null) return repo
    const gap = gapAt(repo.lastSource)
    if (gap === null || isConfirmedSince(repo, gap)) return repo
    return { ...repo, status: 'unconfirmed', reason: 'source-gap' }
  }

  const loadSlow = async (did: Did): Promise<RepoState | null> => {
    const repo = await state.load(did)
    if (repo === null) return null
    cache.set(did, repo)
    return asOfNow(repo)
  }

  return {
    load(did) {
      const repo = cache.get(did)
      return repo === undefined ? loadSlow(did) : asOfNow(repo)
    },
    async save(change, event) {
      if (ended !== null) throw ended
      let app: { readonly error: unknown } | null = null
      const alongside = (tx: Tx): void | Promise<void> => {
        const failed = (error: unknown): never => {
          app = { error }
          throw error
        }
        try {
          const running = onEvent(event!, tx)
          return running instanceof Promise ? running.catch(failed) : running
        } catch (error) {
          return failed(error)
        }
      }
      try {
        await state.save(change, event === null ? undefined : alongside)
      } catch (cause) {
        if (app !== null) return { ok: false, error: (app as { error: unknown }).error }
        ended ??= new FirehoseError('state-failed', 'state could not be saved', { cause })
        throw ended
      }
      if (change.remove !== undefined) cache.delete(change.remove)
      if (change.repo !== undefined) cache.set(change.repo.did, change.repo)
      return OK
    },
  }
}

const OK: SaveResult = { ok: true }
