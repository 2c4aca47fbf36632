// BCP 47: https://www.rfc-editor.org/rfc/rfc5646#section-2.1
// https://atproto.com/specs/lexicon#language

import { ALNUM, DIGIT, isAll, isClass, LETTER, LOWER } from './chars.ts'
import { createAssert, createParse, type Result } from './result.ts'

/** A BCP 47 language tag, like `pt-BR`. */
export type Language = string

const MAX_LENGTH = 128

/** The grandfathered tags of RFC 5646 that its grammar does not produce. */
const IRREGULAR =
  /^(?:en-gb-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)|sgn-(?:be-fr|be-nl|ch-de))$/i

const isLetters = (tag: string): boolean => isAll(tag, 0, tag.length, LETTER)
const isScript = (tag: string): boolean => tag.length === 4 && isLetters(tag)
const isExtendedLanguage = (tag: string): boolean => tag.length === 3 && isLetters(tag)
const isRegion = (tag: string): boolean =>
  tag.length === 2 ? isLetters(tag) : tag.length === 3 && isAll(tag, 0, 3, DIGIT)
const isVariant = (tag: string): boolean => tag.length >= 5 || (tag.length === 4 && isClass(tag, 0, DIGIT))
const isPrivate = (tag: string): boolean => tag.toLowerCase() === 'x'

/** What is wrong with the tags from `at` on, which stand after a singleton. */
function extensionProblem(tags: readonly string[], start: number): string | null {
  const seen = new Set<string>()
  let at = start
  while (at < tags.length) {
    const singleton = tags[at]!.toLowerCase()
    if (singleton.length !== 1) return 'a subtag out of place'
    if (isPrivate(singleton)) return at + 1 < tags.length ? null : 'an empty private-use part'
    if (seen.has(singleton)) return 'a repeated extension'
    seen.add(singleton)
    const first = ++at
    while (at < tags.length && tags[at]!.length > 1) at++
    if (at === first) return 'an empty extension'
  }
  return null
}

function problem(text: string): string | null {
  if (text.length > MAX_LENGTH) return `longer than ${MAX_LENGTH} characters`
  const tags = text.split('-')
  for (const tag of tags) {
    if (tag.length > 8 || !isAll(tag, 0, tag.length, ALNUM))
      return 'a subtag that is not 1 to 8 letters and digits'
  }
  if (isPrivate(tags[0]!)) return tags.length > 1 ? null : 'an empty private-use part'
  if (IRREGULAR.test(text)) return null

  const primary = tags[0]!
  if (primary.length < 2 || primary.length === 4 || !isAll(primary, 0, primary.length, LOWER)) {
    return 'a language that is not 2, 3 or 5 to 8 letters a-z'
  }
  let at = 1
  if (primary.length < 4) while (at < 4 && at < tags.length && isExtendedLanguage(tags[at]!)) at++
  if (at < tags.length && isScript(tags[at]!)) at++
  if (at < tags.length && isRegion(tags[at]!)) at++
  const variants = new Set<string>()
  for (; at < tags.length && isVariant(tags[at]!); at++) {
    const variant = tags[at]!.toLowerCase()
    if (variants.has(variant)) return 'a repeated variant'
    variants.add(variant)
  }
  return extensionProblem(tags, at)
}

/** Tags like `en`, `ban` and `pt-BR`. */
const USUAL = /^(?:[a-z]{2,3}|[a-z][a-z]-[A-Z][A-Z])$/

/** Language, script and region; then variants; then extensions and private use: all that {@link problem} finds nothing wrong with, but for repetitions. */
const HEAD =
  /^(?:[a-z]{2,3}(?:-[a-zA-Z]{3}){0,3}|[a-z]{5,8})(?:-[a-zA-Z]{4})?(?:-(?:[a-zA-Z]{2}|\d{3}))?(?=-|$)/
const VARIANTS = /^(?:-(?:[a-zA-Z\d]{5,8}|\d[a-zA-Z\d]{3}))*/
const EXTENSIONS = /^(?:-[a-wyzA-WYZ\d](?:-[a-zA-Z\d]{2,8})+)*(?:-[xX](?:-[a-zA-Z\d]{1,8})+)?$/
const PRIVATE = /^[xX](?:-[a-zA-Z\d]{1,8})+$/

/** Whether a value is a language tag: well-formed, no variant or extension twice. */
export function isLanguage(value: unknown): value is Language {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return false
  if (USUAL.test(value) || PRIVATE.test(value)) return true
  const head = HEAD.exec(value)?.[0]
  if (head === undefined) return IRREGULAR.test(value)
  const rest = value.slice(head.length)
  const variants = VARIANTS.exec(rest)![0]
  const extensions = rest.slice(variants.length)
  if (!EXTENSIONS.test(extensions)) return IRREGULAR.test(value)
  return !repeats(variants.split('-').slice(1)) && !repeats(singletons(extensions))
}

const repeats = (tags: readonly string[]): boolean =>
  new Set(tags.map((tag) => tag.toLowerCase())).size < tags.length
/** The tags of one letter that begin extensions; after `-x-` there are none. */
const singletons = (text: string): string[] => text.split(/-x-/i, 1)[0]!.match(/-.(?=-)/g) ?? []

/** The language tag in a text; failure `invalid-language`. */
export const parseLanguage: (value: unknown) => Result<Language> = /* @__PURE__ */ createParse(
  'language',
  problem,
)

/** @throws SyntaxFault `invalid-language` unless the value is a language tag. */
export const assertLanguage: (value: unknown) => asserts value is Language = /* @__PURE__ */ createAssert(
  'language',
  problem,
)
