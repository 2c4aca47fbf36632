import { clean } from './clean.ts'
import { readFeature, type Feature, type GivenText } from './facet.ts'
import { encode } from './utf8.ts'

/** A piece of a text, to be shown. */
export type Segment<F = unknown> = {
  readonly text: string
  /** What it is: valid by the lexicon, and a link is one of `http:` or `https:`. */
  readonly feature?: Feature | undefined
  /** The facet that the piece is of, as it was given: for features that are not known here. */
  readonly facet?: F
}

/**
 * Cuts a text at its facets. The pieces put together are the text.
 *
 * Facets may be anything. Those out of range, within a character, empty, or over one that begins before them are passed over; of
 * features, the first that is known and valid counts.
 */
export function segment<F>({ text, facets }: GivenText<F>): Segment<F>[] {
  const segments: Segment<F>[] = []
  const bytes = encode(text)
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let done = 0
  const add = (end: number, rest?: Omit<Segment<F>, 'text'>): void => {
    if (done < end) segments.push({ text: decoder.decode(bytes.subarray(done, end)), ...rest })
    done = end
  }
  for (const { byteStart, byteEnd, facet } of clean(bytes, facets)) {
    add(byteStart)
    add(byteEnd, { feature: readFeature(facet), facet })
  }
  add(bytes.length)
  return segments
}
