// What a record points to, and where in it.

import { type DataObject, type DataValue, isCid } from '@avocet/data'
import { isUsual, targetOf } from './targets.ts'

/** One pointer out of a record. */
export type Link = {
  /** A URI, as `targetOf` tells it. */
  readonly target: string
  /** Where it stands: `.subject.uri`, `.facets[app.bsky.richtext.facet].features[…#mention].did`. */
  readonly path: string
}

/** A record with more pointers than this is not a record of people: the rest is not indexed. */
export const MAX_LINKS = 256
/** Texts with a colon that are looked at, beside DIDs and `at://` URIs as they are usually written. */
const MAX_LOOKS = 2048
const MAX_DEPTH = 32
/** Longest path in characters. */
const MAX_PATH = 300
/** Bytes on disk that a link takes, about, and those of a path that nothing else has. */
const LINK_COST = 48
const PATH_COST = 2
/** So many are compared one by one. */
const FEW = 8

type Found = {
  readonly links: Link[]
  /** The same, once it is much. */
  seen: Set<string> | null
}

type Search = {
  readonly segments: string[]
  /** Records and accounts. */
  readonly inside: Found
  /** Everything else, which gets the room that is left. */
  readonly outside: Found
  looksLeft: number
  /** Characters of the segments. */
  length: number
  /** Bytes on disk that links may still take. */
  left: number
}

/**
 * The URIs in a record, as {@link targetOf} tells them, each once per path: records and accounts, then web pages and the rest of the
 * world. Not more than `MAX_LINKS`, nor than about one and a half times the record's own bytes are for.
 * @param bytes how long the record is
 */
export function findLinks(record: DataObject, bytes: number): Link[] {
  const search: Search = {
    segments: [],
    inside: { links: [], seen: null },
    outside: { links: [], seen: null },
    looksLeft: MAX_LOOKS,
    length: 0,
    left: 128 + bytes * 1.5,
  }
  walk(record, search)
  const { links } = search.inside
  for (const link of search.outside.links) {
    if (links.length >= MAX_LINKS || !pay(link.path, links, search)) break
    links.push(link)
  }
  return links
}

/** @returns false when nothing more is wanted */
function walk(value: DataObject | DataValue[], search: Search): boolean {
  if (search.segments.length > MAX_DEPTH || search.length > MAX_PATH) return true
  return Array.isArray(value) ? value.every((item) => look(null, item, search)) : walkObject(value, search)
}

function walkObject(value: DataObject, search: Search): boolean {
  for (const key in value) {
    if (!look(key, value[key]!, search)) return false
  }
  return true
}

/** @param key null: of an array. Most values are no links, and need no segment of a path */
function look(key: string | null, value: DataValue, search: Search): boolean {
  if (typeof value === 'string') {
    if (!value.includes(':')) return true
    const target = isUsual(value) ? value : search.looksLeft-- > 0 ? targetOf(value) : null
    return target === null || add(target, segmentOf(key, value), search)
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || isCid(value)) return true
  const segment = segmentOf(key, value)
  search.segments.push(segment)
  search.length += segment.length
  const goesOn = walk(value, search)
  search.segments.pop()
  search.length -= segment.length
  return goesOn
}

const isInside = (text: string): boolean => text.startsWith('at://') || text.startsWith('did:')

function add(target: string, segment: string, search: Search): boolean {
  if (search.length + segment.length > MAX_PATH) return true
  // Only joined where a link is found.
  const link = { target, path: search.segments.join('') + segment }
  const { inside, outside } = search
  if (!isInside(target)) {
    if (!isFound(outside, link)) remember(outside, link)
    return true
  }
  if (isFound(inside, link)) return true
  if (!pay(link.path, inside.links, search)) return false
  remember(inside, link)
  return inside.links.length < MAX_LINKS
}

/** @returns false when there is no room for one more link */
function pay(path: string, links: readonly Link[], search: Search): boolean {
  const isNewPath = !links.some((link) => link.path === path)
  search.left -= LINK_COST + (isNewPath ? PATH_COST * path.length : 0)
  return search.left >= 0
}

/** Most records have a link or two, which need no set. */
function isFound(found: Found, { target, path }: Link): boolean {
  const { links } = found
  if (found.seen === null && links.length >= FEW) found.seen = new Set(links.map(keyOf))
  if (found.seen !== null) return found.seen.has(keyOf({ target, path }))
  return links.some((link) => link.target === target && link.path === path)
}

function remember(found: Found, link: Link): void {
  found.seen?.add(keyOf(link))
  found.links.push(link)
}

const keyOf = ({ target, path }: Link): string => `${path}\n${target}`

/** Items of arrays are told apart by their `$type`, as a mention and a link of a post are. */
function segmentOf(key: string | null, value: DataValue): string {
  if (key !== null) return `.${key}`
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    return '[]'
  const type = (value as DataObject)['$type']
  return typeof type === 'string' ? `[${type}]` : '[]'
}
