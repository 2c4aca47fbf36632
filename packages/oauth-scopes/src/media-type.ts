// https://atproto.com/specs/lexicon#blob, names of RFC 6838, section 4.2

const TYPE = /^[a-z\d][a-z\d!#$&^_.+-]{0,126}\/[a-z\d][a-z\d!#$&^_.+-]{0,126}$/
const ANY_OF_TYPE = /^[a-z\d][a-z\d!#$&^_.+-]{0,126}\/\*$/

/** The pattern that takes every media type. */
export const ANY_TYPE = '*/*'

/** A media type or a pattern, in lower case: `image/png`, `image/*` or all; null for anything else. */
export function readAccept(text: string): string | null {
  const pattern = text.toLowerCase()
  return pattern === ANY_TYPE || ANY_OF_TYPE.test(pattern) || TYPE.test(pattern) ? pattern : null
}

/** A media type without its parameters, in lower case; null for text that is none. */
export function readMediaType(text: string): string | null {
  const end = text.indexOf(';')
  const type = (end === -1 ? text : text.slice(0, end)).trim().toLowerCase()
  return TYPE.test(type) ? type : null
}

/** The pattern for all types that begin as this type or pattern does: `image/*` for `image/png`. */
export function widerPattern(pattern: string): string {
  return `${pattern.slice(0, pattern.indexOf('/'))}/*`
}

/** Whether one of the patterns takes all that a type or pattern stands for. */
export function acceptsAll(patterns: ReadonlySet<string>, pattern: string): boolean {
  return patterns.has(ANY_TYPE) || patterns.has(pattern) || patterns.has(widerPattern(pattern))
}
