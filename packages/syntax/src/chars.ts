// Classes of ASCII characters, as a table: one load and one test a character.

/** a-z. */
export const LOWER = 1
const UPPER = 2
/** 0-9. */
export const DIGIT = 4
/** a-z A-Z. */
export const LETTER: number = LOWER | UPPER
/** a-z A-Z 0-9. */
export const ALNUM: number = LETTER | DIGIT

const CLASSES: Uint8Array = /* @__PURE__ */ makeClasses()

function makeClasses(): Uint8Array {
  const classes = new Uint8Array(128)
  for (let code = 0x61; code <= 0x7a; code++) classes[code] = LOWER
  for (let code = 0x41; code <= 0x5a; code++) classes[code] = UPPER
  for (let code = 0x30; code <= 0x39; code++) classes[code] = DIGIT
  return classes
}

const HYPHEN = 0x2d

/** Whether the character at an index is of one of these classes; false past the end. */
export function isClass(text: string, index: number, classes: number): boolean {
  const code = text.charCodeAt(index)
  return code < 128 && (CLASSES[code]! & classes) !== 0
}

/** Whether `text[start, end)` is not empty and wholly of these classes. */
export function isAll(text: string, start: number, end: number, classes: number): boolean {
  for (let i = start; i < end; i++) if (!isClass(text, i, classes)) return false
  return end > start
}

/** Longest label of a domain name. */
const MAX_LABEL = 63

/** What is wrong with `text[start, end)` as a label of a domain name: letters, digits, inner hyphens. */
export function labelProblem(text: string, start: number, end: number): string | null {
  if (end === start) return 'an empty segment'
  if (end - start > MAX_LABEL) return 'a segment longer than 63 characters'
  for (let i = start; i < end; i++) {
    if (isClass(text, i, ALNUM)) continue
    if (text.charCodeAt(i) !== HYPHEN) return 'a character outside a-z 0-9 . -'
    if (i === start || i === end - 1) return 'a segment that starts or ends with a hyphen'
  }
  return null
}
