// The groups of one kind of consumer, by name.

import type { LogEvent, LogReader } from '../stream/log-reader.ts'
import type { Hub } from '../stream/hub.ts'
import { createGroup, type Group, type GroupLimits, type GroupStats } from './group.ts'
import type { PlaceStore } from './store.ts'

/** What groups are made of. */
export type GroupParts = {
  readonly hub: Hub
  readonly log: LogReader
  readonly store: PlaceStore
  readonly now: () => number
  readonly onLog: (line: string) => void
  readonly onError: (error: unknown) => void
}

/** Where a group begins that is new: at the oldest event of the log, or with what happens from now on. */
export type GroupStart = 'oldest' | 'live'

/** Groups by name. */
export type Groups = {
  get(name: string): Group | null
  /** Makes it where there is none; null: there are as many as may be. */
  open(name: string, start: GroupStart): Group | null
  stats(): GroupStats[]
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
  const make = (name: string, start: number): Group =>
    createGroup({ ...parts, ...options, name: `${prefix}${name}`, start })
  const groups = new Map(
    store.names(prefix).map((name) => [name.slice(prefix.length), make(name.slice(prefix.length), 1)]),
  )
  return {
    get: (name) => groups.get(name) ?? null,
    open(name, start) {
      const known = groups.get(name)
      if (known !== undefined) return known
      if (!isGroupName(name) || groups.size >= options.most) return null
      const group = make(name, start === 'oldest' ? log.floor() : hub.tip)
      groups.set(name, group)
      return group
    },
    stats: () => [...groups.values()].map((group) => group.stats()),
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
