import { isDid, normalizeHandle, type Did, type Handle } from '@avocet/syntax'

import { clean } from './clean.ts'
import { detect, type DetectOptions } from './detect.ts'
import type { Feature, RichText } from './facet.ts'
import { encode } from './utf8.ts'

/** What `annotate` needs beside the text. */
export type AnnotateOptions = DetectOptions & {
  /**
   * Whose handle it is (lower case): a DID, or what has one, as `resolve` of `@avocet/atproto` gives; null for nobody's. Asked once a
   * handle, five at a time, and for the first fifty of a text at most. Without it nobody is mentioned.
   */
  readonly resolve?: ((handle: Handle) => Promise<string | { readonly did: string } | null>) | undefined
  /** Told of each handle that stays plain text, and what `resolve` threw. */
  readonly onUnresolved?: ((handle: Handle, error?: unknown) => void) | undefined
}

/** A post of 300 characters has no room for more. */
const MAX_LOOKUPS = 50
const LOOKUPS_AT_ONCE = 5

/**
 * A text with facets for all that it names, as a post takes it. What has a facet already keeps it. What cannot be resolved stays
 * plain text. Half surrogate pairs, which no record can hold, become U+FFFD.
 */
export async function annotate(given: string | RichText, options: AnnotateOptions = {}): Promise<RichText> {
  const rich = typeof given === 'string' ? { text: given, facets: [] } : given
  const text = rich.text.toWellFormed()
  const kept = clean(encode(text), rich.facets)
  let next = 0
  const found = detect(text, options).filter(({ byteStart, byteEnd }) => {
    while (next < kept.length && kept[next]!.byteEnd <= byteStart) next++
    return next === kept.length || kept[next]!.byteStart >= byteEnd
  })
  const dids = await resolveAll(
    found.flatMap(({ kind, value }) => (kind === 'mention' ? normalizeHandle(value) : [])),
    options,
  )
  const facets = kept.map(({ facet }) => facet)
  for (const { kind, value, byteStart, byteEnd } of found) {
    const did = kind === 'mention' ? dids.get(normalizeHandle(value)) : undefined
    const feature: Feature | false =
      kind === 'link'
        ? { $type: 'app.bsky.richtext.facet#link', uri: value }
        : kind === 'tag'
          ? { $type: 'app.bsky.richtext.facet#tag', tag: value }
          : did !== undefined && { $type: 'app.bsky.richtext.facet#mention', did }
    if (feature) facets.push({ index: { byteStart, byteEnd }, features: [feature] })
  }
  return { text, facets: facets.toSorted((a, b) => a.index.byteStart - b.index.byteStart) }
}

async function resolveAll(
  handles: readonly Handle[],
  { resolve, onUnresolved }: AnnotateOptions,
): Promise<ReadonlyMap<Handle, Did>> {
  const dids = new Map<Handle, Did>()
  const distinct = [...new Set(handles)]
  const rest = distinct.slice(0, MAX_LOOKUPS).values()
  // One iterator for all: whoever is free takes the next handle.
  const work = async (): Promise<void> => {
    for (const handle of rest) {
      try {
        const found = await resolve?.(handle)
        const did = typeof found === 'string' ? found : found?.did
        if (isDid(did)) dids.set(handle, did)
        else onUnresolved?.(handle)
      } catch (error) {
        onUnresolved?.(handle, error)
      }
    }
  }
  await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, work))
  for (const handle of distinct.slice(MAX_LOOKUPS)) onUnresolved?.(handle)
  return dids
}
