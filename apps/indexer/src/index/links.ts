// What a record points to. https://atproto.com/specs/at-uri-scheme

import { type DataObject, type DataValue, isCid } from '@avocet/data'

/** One pointer out of a record. */
export type Link = {
  /** An `at://` URI or a DID. */
  readonly target: string
  /** Where it stands: `.subject.uri`, `.facets[app.bsky.richtext.facet].features[…#mention].did`. */
  readonly path: string
}

/** A record with more pointers than this is not a record of people: the rest is not indexed. */
export const MAX_LINKS = 256
/** Longest target in characters; valid DIDs and record URIs are shorter. */
const MAX_TARGET = 2600
const MAX_DEPTH = 32
/** Longest path in characters. */
const MAX_PATH = 300
/** Bytes on disk that a link takes, about, and those of a path that nothing else has. */
const LINK_COST = 48
const PATH_COST = 2
/** So many are compared one by one. */
const FEW = 8

type Search = {
  readonly segments: string[]
  readonly found: Link[]
  /** What was found, once it is much. */
  seen: Set<string> | null
  /** Characters of the segments. */
  length: number
  /** Bytes on disk that links may still take. */
  left: number
}

/**
 * The `at://` URIs and DIDs in a record, each once per path; not more than `MAX_LINKS`, nor than about one and a half times the
 * record's own bytes are for.
 * @param bytes how long the record is
 */
export function findLinks(record: DataObject, bytes: number): Link[] {
  const search: Search = { segments: [], found: [], seen: null, length: 0, left: 128 + bytes * 1.5 }
  walk(record, search)
  return search.found
}

/** @returns false when nothing more is wanted */
function walk(value: DataValue, search: Search): boolean {
  if (typeof value === 'string') return !isTarget(value) || add(value, search)
  if (typeof value !== 'object' || value === null) return true
  if (search.segments.length > MAX_DEPTH || search.length > MAX_PATH) return true
  if (Array.isArray(value)) {
    return value.every((item) => !mayLead(item) || step(`[${typeOf(item)}]`, item, search))
  }
  if (value instanceof Uint8Array || isCid(value)) return true
  for (const key in value) {
    const item = value[key]!
    if (mayLead(item) && !step(`.${key}`, item, search)) return false
  }
  return true
}

/** Whether there may be a link: most values are none, and need no path. */
function mayLead(value: DataValue): boolean {
  return typeof value === 'string' ? isTarget(value) : typeof value === 'object' && value !== null
}

function step(segment: string, value: DataValue, search: Search): boolean {
  search.segments.push(segment)
  search.length += segment.length
  const goesOn = walk(value, search)
  search.segments.pop()
  search.length -= segment.length
  return goesOn
}

function add(target: string, search: Search): boolean {
  if (search.length > MAX_PATH) return true
  // Only joined where a link is found.
  const path = search.segments.join('')
  if (isFound(search, target, path)) return true
  const isNewPath = !search.found.some((link) => link.path === path)
  search.left -= LINK_COST + (isNewPath ? PATH_COST * path.length : 0)
  if (search.left < 0) return false
  search.seen?.add(keyOf({ target, path }))
  search.found.push({ target, path })
  return search.found.length < MAX_LINKS
}

/** Most records have a link or two, which need no set. */
function isFound(search: Search, target: string, path: string): boolean {
  const { found } = search
  if (search.seen === null && found.length >= FEW) search.seen = new Set(found.map(keyOf))
  if (search.seen !== null) return search.seen.has(keyOf({ target, path }))
  return found.some((link) => link.target === target && link.path === path)
}

const keyOf = ({ target, path }: Link): string => `${path}\n${target}`

/** Items of arrays are told apart by their `$type`, as a mention and a link of a post are. */
function typeOf(item: DataValue): string {
  if (typeof item !== 'object' || item === null || Array.isArray(item) || item instanceof Uint8Array)
    return ''
  const type = (item as DataObject)['$type']
  return typeof type === 'string' ? type : ''
}

function isTarget(text: string): boolean {
  if (text.length > MAX_TARGET || text.length < 7) return false
  return text.startsWith('at://') || (text.startsWith('did:') && /^did:[a-z]+:[\w.:%-]+$/.test(text))
}
