// Which events a subscriber wants, by the rules of both wires.
import { isNsid, type Did } from '@avocet/syntax'
import type { Change } from './operation.ts'
import type { V1Event } from './v1-events.ts'
import type { V2Event, V2Kind } from './v2-events.ts'

/** Most patterns of one subscription. */
export const MAX_COLLECTIONS = 100

/** Most DIDs of one subscription. */
export const MAX_DIDS = 10_000

/** What a subscriber wants: each member left out wants everything. They are joined by *and*. */
export interface Filter {
  /** Kinds of event. On the v1 wire servers have no such parameter: the client leaves out what is not wanted. */
  readonly kinds?: readonly V2Kind[]
  /** Exact NSIDs, or prefixes ending in `.*`; at most 100. They say nothing about events that are no commits. */
  readonly collections?: readonly string[]
  /** Accounts; at most 10 000. */
  readonly dids?: readonly Did[]
  /** Servers leave out events whose JSON is larger; 0 for no bound. */
  readonly maxMessageSizeBytes?: number
}

/** Whether an event is wanted. */
export type Matcher = (event: V1Event | V2Event) => boolean

/** Makes the test of a filter; sizes are not looked at. */
export function createMatcher(filter: Filter): Matcher {
  const kinds = filter.kinds === undefined ? null : new Set<string>(filter.kinds)
  const dids = filter.dids === undefined ? null : new Set<string>(filter.dids)
  const inCollections = filter.collections === undefined ? null : collectionMatcher(filter.collections)
  return (event) => {
    if (kinds !== null && !kinds.has(event.kind)) return false
    if (dids !== null && !dids.has(event.did)) return false
    if (inCollections === null || event.kind !== 'commit') return true
    return inCollections('commit' in event ? event.commit.collection : event.collection)
  }
}

/** The test of collection patterns: exact names, and prefixes with their dot. */
export function collectionMatcher(patterns: readonly string[]): (collection: string) => boolean {
  const exact = new Set(patterns)
  const prefixes = patterns.filter((pattern) => pattern.endsWith('.*')).map((pattern) => pattern.slice(0, -1))
  return (collection) => exact.has(collection) || prefixes.some((prefix) => collection.startsWith(prefix))
}

/** Whether v1 takes a pattern: an exact NSID, or anything that ends in `.*`. */
export function isV1Pattern(pattern: string): boolean {
  return pattern.length <= 320 && (isNsid(pattern) || pattern.endsWith('.*'))
}

/** Whether v2 takes a pattern: an exact NSID, or the beginning of one and `.*`. */
export function isV2Pattern(pattern: string): boolean {
  if (!pattern.endsWith('.*')) return isNsid(pattern)
  const prefix = pattern.slice(0, -2)
  return isNsid(prefix) || isNsid(`${prefix}.x`)
}

/** The operation of a commit event of either wire, with its account; null for other kinds. */
export function changeOf(event: V1Event | V2Event): Change | null {
  if (event.kind !== 'commit') return null
  return 'commit' in event ? { did: event.did, ...event.commit } : event
}
