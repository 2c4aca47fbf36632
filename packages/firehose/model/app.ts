// The app of a simulation: rows, accounts, and what a crash leaves of them and of the consumer's state.

import { type CID, cidEquals } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { createMemoryState, type MemoryState, type RepoStateStore, type VerifiedEvent } from '../src/index.ts'

/** What the app has stored. */
export type App = {
  readonly state: MemoryState
  readonly rows: Map<Did, Map<string, CID>>
  readonly statuses: Map<Did, string>
  /** The next event is refused. */
  failNext: boolean
  apply(event: VerifiedEvent): void
  /** The state as one process sees it: after `die` nothing of it is stored any more. */
  open(): { readonly store: RepoStateStore; readonly die: () => void }
}

/** An app without rows. */
export function createApp(): App {
  const state = createMemoryState()
  const rows = new Map<Did, Map<string, CID>>()
  const statuses = new Map<Did, string>()
  const app: App = {
    state,
    rows,
    statuses,
    failNext: false,
    apply(event) {
      if (event.kind === 'failure' || event.kind === 'info') return
      if (app.failNext) {
        app.failNext = false
        throw new Error('no room')
      }
      const { did } = event
      if (event.kind === 'account') {
        statuses.set(did, event.active ? 'active' : (event.status ?? 'inactive'))
        if (event.status === 'deleted') rows.delete(did)
      }
      if (event.kind !== 'commit' && event.kind !== 'resync') return
      const mine = rows.get(did) ?? new Map<string, CID>()
      rows.set(did, mine)
      for (const { path, cid } of event.ops) {
        if (cid === null) mine.delete(path)
        else mine.set(path, cid)
      }
    },
    open() {
      let dead = false
      return {
        store: {
          ...state,
          save: (change, alongside) => (dead ? new Promise(() => {}) : state.save(change, alongside)),
        },
        die() {
          dead = true
        },
      }
    },
  }
  return app
}

/** Whether two repos hold the same. */
export function sameRecords(a: ReadonlyMap<string, CID>, b: ReadonlyMap<string, CID>): boolean {
  if (a.size !== b.size) return false
  for (const [path, cid] of a) {
    const other = b.get(path)
    if (other === undefined || !cidEquals(cid, other)) return false
  }
  return true
}
