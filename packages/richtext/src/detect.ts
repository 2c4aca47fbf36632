import { isHandle, type Handle, type Uri } from '@avocet/syntax'

import { isTag, isWebUri } from './facet.ts'
import { utf8Length } from './utf8.ts'

/** Something that a text names, and where. */
export type Detected = {
  /** In bytes of UTF-8, as facets have it. */
  readonly byteStart: number
  readonly byteEnd: number
  /** In UTF-16, as strings of JavaScript have it. */
  readonly start: number
  readonly end: number
} & (
  | { readonly kind: 'mention'; readonly value: Handle }
  | { readonly kind: 'link'; readonly value: Uri }
  | { readonly kind: 'tag'; readonly value: string }
)

/** What may be changed in how {@link detect} works. */
export type DetectOptions = {
  /**
   * Which top-level domains there are: `isUsualTld`, or `isTld` of `@avocet/richtext/tlds`. An address without a scheme is a link where its
   * last label is one; without this there are no such links. Whether there is a handle is for who resolves it to say.
   */
  readonly isTld?: ((tld: string) => boolean) | undefined
}

/** Mentions, links and tags of a text: sorted, apart from each other, each valid by the lexicon. Takes time linear in the text. */
export function detect(text: string, { isTld }: DetectOptions = {}): Detected[] {
  const found: Detected[] = []
  let passed = 0
  let done = 0
  let bytes = 0
  const byteAt = (index: number): number => {
    bytes += utf8Length(text.slice(done, index))
    done = index
    return bytes
  }
  const add = (kind: Detected['kind'], value: string, start: number, end: number): void => {
    found.push({ kind, value, byteStart: byteAt(start), byteEnd: byteAt(end), start, end } as Detected)
  }
  // Behind white space, an opening parenthesis, or nothing: a link, the emoji #️⃣ or a tag, a cashtag, a name with or without an @.
  for (const match of text.matchAll(
    // oxlint-disable-next-line no-misleading-character-class -- each of these ends a tag
    /(^|[\s(])(?:(https?:\/\/\S+)|[#＃](?:\ufe0f|([^\s\xad\u200b-\u200d\u2060\u20e2]+))|(\$[a-z][a-z\d]{0,4})|(@?)([\w.-]*\w))/gi,
  )) {
    const [all, lead, link, hashtag, cashtag, at, name] = match
    const start = match.index + lead!.length
    const end = match.index + all.length
    // Within the path of an address before.
    if (start < passed) continue
    if (link) {
      const uri = trimUri(link)
      if (isWebUri(uri)) add('link', uri, start, start + uri.length)
    } else if (hashtag) {
      // Up to the last character that is no punctuation.
      const tag = /^.*\P{P}/su.exec(hashtag)?.[0]
      if (isTag(tag) && /[^\d\p{P}]/u.test(tag)) add('tag', tag, start, start + 1 + tag.length)
    } else if (cashtag) {
      if (/^[\s.,;:!?)"'’]?$/.test(text.charAt(end))) add('tag', cashtag.toUpperCase(), start, end)
    } else if (isHandle(name)) {
      if (at) add('mention', name, start, end)
      else if (/^[a-z]/i.test(name) && text[end] !== '@' && isTld?.(name.slice(name.lastIndexOf('.') + 1))) {
        const tail = /(?::\d+)?(?:[/?#]\S*)?/y
        tail.lastIndex = end
        const shown = trimUri(name + tail.exec(text)![0])
        passed = tail.lastIndex
        const uri = `https://${shown}`
        if (isWebUri(uri)) add('link', uri, start, start + shown.length)
      }
    }
  }
  return found
}

/** Without the punctuation that a sentence goes on with, and without closing parentheses that are not opened within. */
function trimUri(uri: string): string {
  let unopened = uri.split(')').length - uri.split('(').length
  let end = uri.length
  while (/[.,;:!?]/.test(uri[end - 1]!) || (uri[end - 1] === ')' && unopened-- > 0)) end--
  return uri.slice(0, end)
}
