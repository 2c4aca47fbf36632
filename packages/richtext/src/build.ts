import { RichTextError } from './error.ts'
import { isFeature, type Link, type Mention, type RichText, type Tag } from './facet.ts'
import { utf8Length } from './utf8.ts'

/** A feature whose value may be wrong. */
type GivenFeature =
  | { readonly $type: Mention['$type']; readonly did: string }
  | { readonly $type: Link['$type']; readonly uri: string }
  | { readonly $type: Tag['$type']; readonly tag: string }

/** A text that mentions an account. @throws RichTextError `invalid-feature` for what is no DID */
export const mention = (text: string, did: string): RichText =>
  piece(text, { $type: 'app.bsky.richtext.facet#mention', did })

/** A text that links to a web address. @throws RichTextError `invalid-feature` for what is none of `http:` or `https:` */
export const link = (text: string, uri: string): RichText =>
  piece(text, { $type: 'app.bsky.richtext.facet#link', uri })

/**
 * A tag, which shows as itself with a `#` unless there is another text. @throws RichTextError `invalid-feature` for an empty or too
 * long one
 */
export const tag = (name: string, text = `#${name}`): RichText =>
  piece(text, { $type: 'app.bsky.richtext.facet#tag', tag: name })

/**
 * Puts pieces together: plain texts, and texts with facets. Half surrogate pairs, which no record can hold, become U+FFFD.
 */
export function build(pieces: Iterable<string | RichText>): RichText {
  const facets: RichText['facets'] = []
  let text = ''
  let bytes = 0
  for (const given of pieces) {
    const one = typeof given === 'string' ? { text: given, facets: [] } : given
    const added = one.text.toWellFormed()
    for (const { index, features } of one.facets)
      facets.push({
        index: { byteStart: bytes + index.byteStart, byteEnd: bytes + index.byteEnd },
        features,
      })
    text += added
    bytes += utf8Length(added)
  }
  return { text, facets }
}

/** A text that is one thing as a whole. @throws RichTextError `invalid-feature` */
function piece(text: string, feature: GivenFeature): RichText {
  if (!isFeature(feature)) throw new RichTextError('invalid-feature', feature)
  const index = { byteStart: 0, byteEnd: utf8Length(text) }
  return { text, facets: text === '' ? [] : [{ index, features: [feature] }] }
}
