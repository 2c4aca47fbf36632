// What a person types, as an expression of FTS5. https://www.sqlite.org/fts5.html#full_text_query_syntax
// Nothing of it gets there as it is: each term is a quoted string.

import type { SearchKind } from './declare.ts'

/** One thing to look for. */
export type Term = {
  readonly text: string
  /** Words that begin so. */
  readonly prefix: boolean
  /** Records with it are left out. */
  readonly not: boolean
}

/** Longest question in characters, and terms in one. */
export const MAX_QUESTION = 256
const MAX_TERMS = 16
/** Shortest beginning of words: shorter ones are those of most words. */
const MIN_PREFIX = 3

/** Words, "phrases", beginnings* and -what is left out. */
export function parseTerms(
  question: string,
  kind: SearchKind,
): { readonly ok: true; readonly value: readonly Term[] } | { readonly ok: false; readonly error: string } {
  const terms: Term[] = []
  for (const [, minus, quoted, word, star] of question.matchAll(/(-?)(?:"([^"]*)"?|([^\s"*]+)(\*?))/g)) {
    const text = (quoted ?? word ?? '').trim()
    if (!/[\p{L}\p{N}]/u.test(text)) continue
    if (terms.length === MAX_TERMS) return { ok: false, error: `at most ${MAX_TERMS} words` }
    const letters = text.match(/[\p{L}\p{N}]/gu)!.length
    if (kind === 'trigram' && Array.from(text).length < 3) {
      return { ok: false, error: 'three letters of each word at least' }
    }
    if (star === '*' && letters < MIN_PREFIX) {
      return { ok: false, error: `${MIN_PREFIX} letters before * at least` }
    }
    terms.push({ text, prefix: star === '*', not: minus === '-' })
  }
  if (!terms.some(({ not }) => !not)) return { ok: false, error: 'no word to look for' }
  return { ok: true, value: terms }
}

/**
 * The expression for terms, in the first `fields` columns.
 * @param words of the last column, of which records have one each at least
 */
export function matchExpression(
  terms: readonly Term[],
  fields: number,
  words: readonly (readonly string[])[],
): string {
  const columns = Array.from({ length: fields }, (_, i) => `f${i}`).join(' ')
  const wanted = terms.filter(({ not }) => !not).map(phrase)
  const left = terms.filter(({ not }) => not).map(phrase)
  const all = [
    `({${columns}} : (${wanted.join(' AND ')}))`,
    ...words.map((some) => `(meta : (${some.map(quote).join(' OR ')}))`),
  ].join(' AND ')
  return left.length === 0 ? all : `(${all}) NOT ({${columns}} : (${left.join(' OR ')}))`
}

function phrase({ text, prefix }: Term): string {
  return quote(text) + (prefix ? ' *' : '')
}

function quote(text: string): string {
  return `"${text.toWellFormed().replaceAll('\0', ' ').replaceAll('"', '""')}"`
}
