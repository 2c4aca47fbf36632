// The app of a simulation: rows, accounts, handles, and what a crash leaves of them and of the consumer's state.

import { type CID, cidEquals } from '@avocet/data'
import type { Did, Handle } from '@avocet/syntax'
import { createMemoryState, type MemoryState, type RepoStateStore, type VerifiedEvent } from '../src/index.ts'

/** A record as the app keeps it. `unread`: there is one, and it cannot be shown. */
export type Row = { readonly cid: CID; readonly unread: boolean }

/** What the app has stored. */
export type App = {
  readonly state: MemoryState
  readonly rows: Map<Did, Map<string, Row>>
  readonly statuses: Map<Did, string>
  readonly handles: Map<Did, Handle | null>
  /** Of the operations of an event only these are kept. */
  wanted: (collection: string) => boolean
  /** Rows that are not wanted any more go. */
  narrow(): void
  /** The next event is refused. */
  failNext: boolean
  apply(event: VerifiedEvent): void
  /** The state as one process sees it: after `die` nothing of it is stored any more. */
  open(): { readonly store: RepoStateStore; readonly die: () => void }
}

/** An app without rows. */
export function createApp(): App {
  const state = createMemoryState()
  const rows = new Map<Did, Map<string, Row>>()
  const statuses = new Map<Did, string>()
  const handles = new Map<Did, Handle | null>()
  const app: App = {
    state,
    rows,
    statuses,
    handles,
    failNext: false,
    wanted: () => true,
    narrow() {
      for (const mine of rows.values()) {
        for (const path of mine.keys()) if (!app.wanted(path.split('/')[0]!)) mine.delete(path)
      }
    },
    apply(event) {
      if (event.kind === 'failure' || event.kind === 'info') return
      if (app.failNext) {
        app.failNext = false
        throw new Error('no room')
      }
      const { did } = event
      if (event.kind === 'identity' && event.uncertain !== true) handles.set(did, event.handle)
      if (event.kind === 'account') {
        statuses.set(did, event.active ? 'active' : (event.status ?? 'inactive'))
        if (event.status === 'deleted') rows.delete(did)
      }
      if (event.kind !== 'commit' && event.kind !== 'resync') return
      const mine = rows.get(did) ?? new Map<string, Row>()
      rows.set(did, mine)
      for (const { path, collection, cid, unread } of event.ops) {
        if (!app.wanted(collection)) continue
        if (cid === null) mine.delete(path)
        else mine.set(path, { cid, unread: unread !== undefined })
      }
    },
    open() {
      let dead = false
      return {
        store: {
          ...state,
          save(change, alongside) {
            if (dead) return new Promise(() => {})
            if (change.remove !== undefined)
              for (const kept of [rows, statuses, handles]) kept.delete(change.remove)
            return state.save(change, alongside)
          },
        },
        die() {
          dead = true
        },
      }
    },
  }
  return app
}

/** Whether two repos hold the same. `readable`: which of the records can be shown. */
export function sameRecords(
  rows: ReadonlyMap<string, Row>,
  truth: ReadonlyMap<string, { readonly cid: CID; readonly readable: boolean }>,
): boolean {
  if (rows.size !== truth.size) return false
  for (const [path, { cid, unread }] of rows) {
    const other = truth.get(path)
    if (other === undefined || !cidEquals(cid, other.cid) || unread === other.readable) return false
  }
  return true
}
