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
const MAX_LINKS = 1000
/** Longest target in characters; valid DIDs and record URIs are shorter. */
const MAX_TARGET = 2600
const MAX_DEPTH = 32

/** The `at://` URIs and DIDs in a record, each once per path. */
export function findLinks(record: DataObject): Link[] {
  const found: Link[] = []
  walk(record, [], found)
  return found
}

/** `segments` is the way from the record to `value`; it is only joined where a link is found. */
function walk(value: DataValue, segments: string[], found: Link[]): void {
  if (typeof value === 'string') {
    if (isTarget(value)) add({ target: value, path: segments.join('') }, found)
    return
  }
  if (typeof value !== 'object' || value === null || segments.length > MAX_DEPTH) return
  if (Array.isArray(value)) {
    for (const item of value) {
      segments.push(`[${typeOf(item)}]`)
      walk(item, segments, found)
      segments.pop()
    }
    return
  }
  if (value instanceof Uint8Array || isCid(value)) return
  for (const key of Object.keys(value)) {
    segments.push(`.${key}`)
    walk(value[key]!, segments, found)
    segments.pop()
  }
}

function add(link: Link, found: Link[]): void {
  if (found.length >= MAX_LINKS) return
  if (!found.some(({ target, path }) => target === link.target && path === link.path)) found.push(link)
}

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
