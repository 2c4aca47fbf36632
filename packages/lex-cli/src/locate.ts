/** A place in a text, 1-based. */
export type Place = { readonly line: number; readonly column: number }

/**
 * Where a JSON pointer leads in the text of a document: the place of the value, or of the nearest one above it that is
 * there. The text must be valid JSON.
 */
export function locate(text: string, pointer: string): Place {
  const steps =
    pointer === ''
      ? []
      : pointer
          .slice(1)
          .split('/')
          .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  let at = skipSpace(text, 0)
  for (const step of steps) {
    const next = text[at] === '{' ? findKey(text, at, step) : findItem(text, at, step)
    if (next === null) break
    at = next
  }
  const before = text.slice(0, at)
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n') }
}

function findKey(text: string, object: number, key: string): number | null {
  let at = skipSpace(text, object + 1)
  while (text[at] === '"') {
    const end = skipString(text, at)
    const name = JSON.parse(text.slice(at, end)) as string
    const value = skipSpace(text, skipSpace(text, end) + 1)
    if (name === key) return value
    at = skipSpace(text, skipValue(text, value))
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return null
}

function findItem(text: string, array: number, step: string): number | null {
  if (text[array] !== '[' || !/^[0-9]+$/.test(step)) return null
  let at = skipSpace(text, array + 1)
  for (let index = 0; text[at] !== ']' && at < text.length; index++) {
    if (index === Number(step)) return at
    at = skipSpace(text, skipValue(text, at))
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return null
}

function skipSpace(text: string, at: number): number {
  while (at < text.length && ' \n\r\t'.includes(text[at]!)) at++
  return at
}

function skipString(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '"') return i + 1
  }
  return text.length
}

function skipValue(text: string, at: number): number {
  let depth = 0
  let i = at
  while (i < text.length) {
    const char = text[i]!
    if (char === '"') i = skipString(text, i)
    else i++
    if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') depth--
    // A scalar ends before the next punctuation, anything else with its bracket.
    if (depth === 0 && (i >= text.length || ',}] \n\r\t'.includes(text[i]!))) return i
  }
  return i
}
