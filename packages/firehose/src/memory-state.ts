// The consumer's state in memory: for tests, and for readers that start anew each time.

import type { Did } from '@avocet/syntax'
import type { CursorState, QueuedFrame, RepoState, RepoStateStore, StateChange } from './state.ts'

/** The state in memory, open to inspection. */
export interface MemoryState extends RepoStateStore {
  readonly repos: ReadonlyMap<Did, RepoState>
  readonly cursors: ReadonlyMap<string, CursorState>
}

/** A state store in memory. A throw of `alongside` leaves it as it was. */
export function createMemoryState(): MemoryState {
  const repos = new Map<Did, RepoState>()
  const cursors = new Map<string, CursorState>()
  const queues = new Map<Did, QueuedFrame[]>()
  let nextId = 1

  const apply = (change: StateChange): void => {
    if (change.remove !== undefined) {
      repos.delete(change.remove)
      queues.delete(change.remove)
    }
    if (change.repo !== undefined) repos.set(change.repo.did, change.repo)
    if (change.cursor !== undefined) cursors.set(change.cursor.source, change.cursor)
    if (change.enqueue !== undefined) {
      const queue = queues.get(change.enqueue.did) ?? []
      queue.push({ id: nextId++, ...change.enqueue })
      queues.set(change.enqueue.did, queue)
    }
    if (change.dequeue !== undefined) {
      const { did, upTo } = change.dequeue
      const left = (queues.get(did) ?? []).filter((item) => item.id > upTo)
      if (left.length === 0) queues.delete(did)
      else queues.set(did, left)
    }
  }

  return {
    repos,
    cursors,
    load: (did) => repos.get(did) ?? null,
    loadCursor: (source) => cursors.get(source) ?? null,
    loadQueue(did, maxBytes) {
      const page: QueuedFrame[] = []
      let bytes = 0
      for (const item of queues.get(did) ?? []) {
        bytes += item.frame.length
        if (page.length > 0 && bytes > maxBytes) break
        page.push(item)
      }
      return page
    },
    find(query, limit) {
      if ('after' in query) {
        return [...repos.values()]
          .filter(({ did }) => query.after === null || did > query.after)
          .toSorted((a, b) => (a.did < b.did ? -1 : 1))
          .slice(0, limit)
      }
      if ('hearsay' in query) {
        return [...repos.values()]
          .filter(({ hearsay }) => hearsay !== null && hearsay.askAt <= query.hearsay)
          .toSorted((a, b) => a.hearsay!.askAt - b.hearsay!.askAt)
          .slice(0, limit)
      }
      return [...repos.values()]
        .filter(
          ({ nextTry, priority }) => nextTry !== null && nextTry <= query.due && priority === query.priority,
        )
        .toSorted((a, b) => a.nextTry! - b.nextTry!)
        .slice(0, limit)
    },
    async save(change, alongside) {
      await alongside?.()
      apply(change)
    },
  }
}
