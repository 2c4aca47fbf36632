// https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky/richtext/facet.json

import { isDid, type Did, type Uri } from '@avocet/syntax'

import { graphemes } from './graphemes.ts'
import { utf8Length } from './utf8.ts'

/** A mention of an account. The text of it is usually its handle with an `@`. */
export type Mention = { $type: 'app.bsky.richtext.facet#mention'; did: Did }

/** A link, whole, whatever the text shows of it. */
export type Link = { $type: 'app.bsky.richtext.facet#link'; uri: Uri }

/** A hashtag without its `#`, or a cashtag with its `$`. At most 64 graphemes and 640 bytes. */
export type Tag = { $type: 'app.bsky.richtext.facet#tag'; tag: string }

/** What a range of text is. */
export type Feature = Mention | Link | Tag

/** A range of text and what it is. Fits `facets` of `app.bsky.feed.post` and of every other record that has some. */
export type Facet = {
  /** Offsets in the text as UTF-8; the end is exclusive. */
  index: { byteStart: number; byteEnd: number }
  features: Feature[]
}

/** A text with its facets, which are sorted, apart from each other, and on borders of characters. */
export type RichText = { text: string; facets: Facet[] }

/** A text and facets from anywhere: a record, a profile, another client. What is wrong with facets is passed over. */
export type GivenText<F = unknown> = {
  readonly text: string
  readonly facets?: readonly F[] | null | undefined
}

const MAX_URI = 8192
const MAX_TAG_BYTES = 640
const MAX_TAG_GRAPHEMES = 64

/** Web addresses alone: a `javascript:` URI is none. All that holds here the lexicon's format `uri` takes. */
export const isWebUri = (uri: unknown): uri is Uri =>
  typeof uri === 'string' &&
  uri.length <= MAX_URI &&
  /^https?:\/\/./i.test(uri) &&
  !/[\s\p{Cc}\p{Cs}]/u.test(uri)

/** What the lexicon takes as a tag, but for an empty one. */
export const isTag = (tag: unknown): tag is string =>
  typeof tag === 'string' &&
  tag !== '' &&
  tag.isWellFormed() &&
  utf8Length(tag) <= MAX_TAG_BYTES &&
  (tag.length <= MAX_TAG_GRAPHEMES || [...graphemes(tag)].length <= MAX_TAG_GRAPHEMES)

/** Whether something is a feature that is known and valid. */
export const isFeature = (given: unknown): given is Feature => {
  const { $type, did, uri, tag } = (given ?? {}) as Partial<Record<string, unknown>>
  return (
    ($type === 'app.bsky.richtext.facet#mention' && isDid(did)) ||
    ($type === 'app.bsky.richtext.facet#link' && isWebUri(uri)) ||
    ($type === 'app.bsky.richtext.facet#tag' && isTag(tag))
  )
}

/** The first feature of a facet, an object, that is known and valid; undefined for none. */
export function readFeature(facet: unknown): Feature | undefined {
  const features = (facet as { features?: unknown }).features
  return Array.isArray(features) ? features.find(isFeature) : undefined
}
