import { clean } from './clean.ts'
import { readFeature, type Facet } from './facet.ts'
import { countGraphemes, graphemes } from './graphemes.ts'
import { encode, utf8Length } from './utf8.ts'

/** How long a text may be. */
export type TruncateLimits = {
  /** Characters as people count them: 300 in a post. */
  readonly graphemes?: number
  /** Bytes of UTF-8: 3000 in a post. */
  readonly bytes?: number
  /** What a text that was cut ends with; it counts, and is left out where there is no room for it. `…` unless said otherwise. */
  readonly ellipsis?: string
}

/**
 * The beginning of a text that keeps to the limits, cut between characters as people see them. A link that is cut still links to all of
 * its address; a mention or a tag that is cut becomes plain text. Facets may be anything, as with {@link segment}.
 */
export function truncate<F = Facet>(
  { text, facets }: { readonly text: string; readonly facets?: readonly F[] | null | undefined },
  { graphemes: most = Infinity, bytes: mostBytes = Infinity, ellipsis = '…' }: TruncateLimits,
): { text: string; facets: F[] } {
  const tail = fits(ellipsis, most, mostBytes) ? ellipsis : ''
  const isWhole = fits(text, most, mostBytes)
  const kept = isWhole
    ? text
    : text.slice(0, cutAt(text, most - countGraphemes(tail), mostBytes - utf8Length(tail)))
  const end = utf8Length(kept)
  return {
    text: isWhole ? text : kept + tail,
    facets: clean(encode(text), facets).flatMap(({ byteStart, byteEnd, facet }) =>
      byteEnd <= end
        ? facet
        : byteStart < end && readFeature(facet)?.$type === 'app.bsky.richtext.facet#link'
          ? { ...facet, index: { byteStart, byteEnd: end } }
          : [],
    ),
  }
}

const fits = (text: string, most: number, mostBytes: number): boolean =>
  cutAt(text, most, mostBytes) === text.length

/** Where the last character ends that is within the limits. */
function cutAt(text: string, most: number, mostBytes: number): number {
  // No character is shorter than a unit of UTF-16, nor such a unit longer than three bytes.
  if (text.length <= most && text.length * 3 <= mostBytes) return text.length
  let count = 0
  let bytes = 0
  for (const { segment, index } of graphemes(text)) {
    if (mostBytes < Infinity) bytes += utf8Length(segment)
    if (++count > most || bytes > mostBytes) return index
  }
  return text.length
}
