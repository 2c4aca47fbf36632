// https://www.unicode.org/reports/tr29/#Grapheme_Cluster_Boundaries

// To make one takes longer than to use it on a post.
const SEGMENTER = new Intl.Segmenter('en')

/** The characters of a text as people count them: each as `segment`, and where it begins in UTF-16 as `index`. */
export const graphemes = (text: string): Iterable<Intl.SegmentData> => SEGMENTER.segment(text)

/** How many characters a text has as people count them, and as the lexicon does: a post has at most 300. */
export function countGraphemes(text: string): number {
  let count = 0
  for (const _ of graphemes(text)) count++
  return count
}
