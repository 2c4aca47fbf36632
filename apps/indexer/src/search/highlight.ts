// Where in a text the words stand that were looked for: places in it, not markup, so that nothing has to be escaped.

import type { SearchKind } from './declare.ts'
import type { Term } from './expression.ts'

/** A part of a text, with the places of what was found in it: bytes of its UTF-8, as facets of rich text have them. */
export type Highlight = {
  readonly text: string
  readonly ranges: readonly { readonly byteStart: number; readonly byteEnd: number }[]
}

/** Characters of a part, and of what is looked at. */
const PART = 240
const BEFORE = 60
const MAX_LOOKED_AT = 32_768
const MAX_RANGES = 20

/** The part of a text where the first of these terms stands; null when none does. */
export function highlight(text: string, terms: readonly Term[], kind: SearchKind): Highlight | null {
  const looked = text.slice(0, MAX_LOOKED_AT)
  const found = kind === 'trigram' ? substrings(looked, terms) : words(looked, terms)
  const first = found[0]
  if (first === undefined) return null
  const begin = boundary(looked, Math.max(0, first[0] - BEFORE))
  const end = boundary(looked, Math.min(looked.length, Math.max(begin + PART, first[1])))
  const bytes = (to: number): number => Buffer.byteLength(looked.slice(begin, to))
  const ranges = found
    .filter(([, last]) => last <= end)
    .slice(0, MAX_RANGES)
    .map(([from, to]) => ({ byteStart: bytes(from), byteEnd: bytes(to) }))
  return { text: looked.slice(begin, end), ranges }
}

type Span = [begin: number, end: number]

/** No part begins or ends inside of a character. */
function boundary(text: string, at: number): number {
  const unit = text.charCodeAt(at)
  return unit >= 0xdc00 && unit <= 0xdfff ? at - 1 : at
}

/** As the index sees them: letters and digits, without accents and case. */
function fold(text: string): string {
  return text
    .normalize('NFD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
}

const WORD = /[\p{L}\p{N}\p{M}\p{Co}]+/gu

function words(text: string, terms: readonly Term[]): Span[] {
  const all = [...text.matchAll(WORD)].map(({ 0: word, index }) => ({
    word: fold(word),
    index,
    length: word.length,
  }))
  const phrases = terms
    .filter(({ not }) => !not)
    .map(({ text: phrase, prefix }) => ({ parts: (phrase.match(WORD) ?? []).map(fold), prefix }))
  const spans: Span[] = []
  for (let i = 0; i < all.length && spans.length < MAX_RANGES; i++) {
    for (const { parts, prefix } of phrases) {
      const fits = parts.every((part, j) => {
        const word = all[i + j]?.word
        return prefix && j === parts.length - 1 ? word?.startsWith(part) === true : word === part
      })
      const last = all[i + parts.length - 1]
      if (!fits || last === undefined || parts.length === 0) continue
      spans.push([all[i]!.index, last.index + last.length])
      i += parts.length - 1
      break
    }
  }
  return spans
}

/** Letters stand for themselves here, so that places stay what they are. */
function substrings(text: string, terms: readonly Term[]): Span[] {
  const lower = sameLength(text)
  const spans: Span[] = []
  for (const { text: term, not } of terms) {
    const wanted = sameLength(term)
    if (not || wanted === '') continue
    for (let at = lower.indexOf(wanted); at >= 0 && spans.length < MAX_RANGES;) {
      spans.push([at, at + wanted.length])
      at = lower.indexOf(wanted, at + wanted.length)
    }
  }
  const inOrder = spans.toSorted(([a], [b]) => a - b)
  return inOrder.filter(([begin], i) => i === 0 || begin >= inOrder[i - 1]![1])
}

function sameLength(text: string): string {
  const lower = text.toLowerCase()
  return lower.length === text.length ? lower : text
}
