// BCP 47: https://www.rfc-editor.org/rfc/rfc5646#section-2.1
// https://atproto.com/specs/lexicon#language

import { ALNUM, DIGIT, HYPHEN, isAll, isClass, LETTER, LOWER, UPPER } from './chars.ts'
import { createAssert, createIs, createParse, type Result } from './result.ts'

/** A BCP 47 language tag, like `pt-BR`. */
export type Language = string

const MAX_LENGTH = 128

/** The grandfathered tags of RFC 5646 that its grammar does not produce. */
const IRREGULAR = new Set(
  (
    'en-gb-oed i-ami i-bnn i-default i-enochian i-hak i-klingon i-lux i-mingo i-navajo i-pwn i-tao i-tay i-tsu ' +
    'sgn-be-fr sgn-be-nl sgn-ch-de'
  ).split(' '),
)

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
  if (IRREGULAR.has(text.toLowerCase())) return null

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
function isUsual(text: string): boolean {
  const { length } = text
  if (length !== 2 && length !== 3 && length !== 5) return false
  if (!isClass(text, 0, LOWER) || !isClass(text, 1, LOWER)) return false
  if (length === 2) return true
  if (length === 3) return isClass(text, 2, LOWER)
  return text.charCodeAt(2) === HYPHEN && isClass(text, 3, UPPER) && isClass(text, 4, UPPER)
}

/** Whether a value is a language tag: well-formed, no variant or extension twice. */
export const isLanguage: (value: unknown) => value is Language = /* @__PURE__ */ createIs(problem, isUsual)

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
