// The groups of one kind of consumer, by name.

import type { GroupStart } from '@avocet/tap/wire'
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

/** Groups by name. */
export type Groups = {
  get(name: string): Group | null
  /** Makes it where there is none; null: there are as many as may be. */
  open(name: string, start: GroupStart): Group | null
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

/**
 * Where a group begins that is new. `snapshot`: with the whole index, then live; `all`: with all that there is, which is the log where it has
 * lost nothing yet, and else the index; `oldest`: at the oldest event of the log; `live`: with what happens from now on.
 */
export function beginningOf(
  start: GroupStart,
  { hub, log }: Pick<GroupParts, 'hub' | 'log'>,
): Omit<GroupBeginning, 'recovers'> {
  const floor = log.floor()
  const snapshot = start === 'snapshot' || (start === 'all' && floor > 1)
  const isFromLog = start === 'oldest' || (start === 'all' && floor <= 1)
  return { seq: isFromLog ? floor : hub.tip, snapshot }
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
  const { store } = parts
  const { prefix } = options
  const make = (name: string, start: GroupBeginning): Group =>
    createGroup({ ...parts, ...options, name: `${prefix}${name}`, start })
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
      // Who asks for nothing of what was before is not given all of it later.
      const group = make(name, { ...beginningOf(start, parts), recovers: start !== 'live' })
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
