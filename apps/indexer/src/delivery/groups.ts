// The groups of one kind of consumer, by name.

import type { LogEvent, LogReader } from '../stream/log-reader.ts'
import type { Hub } from '../stream/hub.ts'
import { createGroup } from './group.ts'
import type { Group, GroupBeginning, GroupLimits, GroupStats } from './group-types.ts'
import type { SnapshotReader } from './snapshot.ts'
import type { PlaceStore } from './store.ts'

/** What groups are made of. */
export type GroupParts = {
  readonly hub: Hub
  readonly log: LogReader
  readonly store: PlaceStore
  readonly snapshots: SnapshotReader
  readonly now: () => number
  readonly onLog: (line: string) => void
  readonly onError: (error: unknown) => void
}

/** Where a group begins that is new: at the oldest event of the log, or with what happens from now on. */
export type GroupStart = 'oldest' | 'live'
/**
 * Of one that takes snapshots, besides: with the whole index, then live (`snapshot`); or with all that there is (`all`), which is the
 * log where it has lost nothing yet, and else the index.
 */
export type TapStart = GroupStart | 'snapshot' | 'all'

/** The names of `TapStart`. */
export const TAP_STARTS: ReadonlySet<string> = new Set<TapStart>(['all', 'snapshot', 'oldest', 'live'])

/** Groups by name. */
export type Groups = {
  get(name: string): Group | null
  /** Makes it where there is none; null: there are as many as may be. */
  open(name: string, start: TapStart): Group | null
  stats(): GroupStats[]
  /** The oldest number of the log that one of them needs still; Infinity: none does. */
  needs(): number
  /** Forgets a group, with its place and its dead letters. @returns whether it was there, and nobody at it */
  remove(name: string): Promise<boolean>
  close(): Promise<void>
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

/** Whether a group may have this name. */
export function isGroupName(name: string): boolean {
  return NAME.test(name)
}

/** Those that have a place are there at once. @param prefix what names in the tables begin with */
export function createGroups(
  parts: GroupParts,
  options: {
    readonly prefix: string
    readonly most: number
    readonly limits: GroupLimits
    readonly test: (event: LogEvent) => boolean
  },
): Groups {
  const { hub, log, store } = parts
  const { prefix } = options
  const make = (name: string, start: GroupBeginning): Group =>
    createGroup({ ...parts, ...options, name: `${prefix}${name}`, start })
  const beginning = (start: TapStart): GroupBeginning => {
    const floor = log.floor()
    const snapshot = start === 'snapshot' || (start === 'all' && floor > 1)
    const isFromLog = start === 'oldest' || (start === 'all' && floor <= 1)
    // Who asks for nothing of what was before is not given all of it later.
    return { seq: isFromLog ? floor : hub.tip, snapshot, recovers: start !== 'live' }
  }
  const groups = new Map(
    store.names(prefix).map((stored) => {
      const name = stored.slice(prefix.length)
      return [name, make(name, { seq: 1, snapshot: false, recovers: true })]
    }),
  )
  return {
    get: (name) => groups.get(name) ?? null,
    open(name, start) {
      const known = groups.get(name)
      if (known !== undefined) return known
      if (!isGroupName(name) || groups.size >= options.most) return null
      const group = make(name, beginning(start))
      groups.set(name, group)
      return group
    },
    stats: () => [...groups.values()].map((group) => group.stats()),
    needs: () => Math.min(Infinity, ...[...groups.values()].map((group) => group.needs())),
    async remove(name) {
      const group = groups.get(name)
      if (group === undefined || group.stats().consumers > 0) return false
      groups.delete(name)
      await group.close()
      await store.remove(`${prefix}${name}`)
      return true
    },
    async close() {
      await Promise.all([...groups.values()].map((group) => group.close()))
    },
  }
}
