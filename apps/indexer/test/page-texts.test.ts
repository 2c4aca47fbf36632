// What the page makes of strangers' texts before they become nodes, and which of them it makes links.

import { describe, expect, test } from 'vitest'

type Texts = {
  readonly pieces: (text: string) => [piece: string, isUnseen: boolean][]
  readonly written: (text: string) => string
}
type Links = {
  readonly webAddress: (text: string) => URL | null
  readonly atPath: (text: string) => string[] | null
}
// As a browser loads them.
const load = (name: string): Promise<unknown> => import(new URL(`../page/${name}`, import.meta.url).href)
const { pieces, written } = (await load('text.js')) as Texts
const { webAddress, atPath } = (await load('links.js')) as Links

describe('characters that nobody sees, or that turn what follows', () => {
  test.each([
    ['a right-to-left override', 'abc\u202Egpj.exe', 'abc[U+202E]gpj.exe'],
    ['isolates', '\u2066a\u2069', '[U+2066]a[U+2069]'],
    ['marks', 'a\u200E\u200F\u061C', 'a[U+200E][U+200F][U+061C]'],
    ['no width', 'pay\u200Bpal\u2060\uFEFF', 'pay[U+200B]pal[U+2060][U+FEFF]'],
    ['a soft hyphen and a filler', 'a\u00ADb\u3164', 'a[U+00AD]b[U+3164]'],
    ['tags', 'a\u{E0041}\u{E007F}', 'a[U+E0041][U+E007F]'],
    ['controls', 'a\u0000\u0007\u001B[31m\u009B', 'a[U+0000][U+0007][U+001B][31m[U+009B]'],
    ['a half of a pair', 'a\uD83Db', 'a[U+D83D]b'],
    ['joiners outside of an emoji', 'a\u200Db\uFE0F', 'a[U+200D]b[U+FE0F]'],
  ])('%s', (_, text, shown) => expect(written(text)).toBe(shown))

  test.each([
    ['letters of any script', 'Zoë 日本語 עברית العربية हिन्दी'],
    ['emoji, joined and chosen', '👩🏽‍🔬 ❤️ 👨‍👩‍👧'],
    ['lines and tabs', 'one\n\ttwo'],
    ['markup', '<b onclick="x">&amp;</b>'],
  ])('%s: as they are', (_, text) => expect(pieces(text)).toEqual([[text, false]]))

  test('nothing is nothing', () => expect(pieces('')).toEqual([]))
})

describe('links to the web', () => {
  test.each(['https://example.com/a?b=c#d', 'http://example.com', 'HTTPS://EXAMPLE.COM/'])('%s', (text) =>
    expect(webAddress(text)?.href).toBe(new URL(text).href),
  )

  test.each([
    'javascript:alert(1)',
    'JavaScript:alert(1)//https://example.com',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://example.com/x',
    'https:javascript:alert(1)',
    'https://user:secret@example.com/',
    'https://example.com@evil.example/',
    'https://:secret@example.com/',
    'https://',
    'ftp://example.com',
    '//example.com',
    'see https://example.com',
    ' https://example.com',
    'https:example.com',
    'https:/example.com',
    'https:\\\\example.com',
    `https://example.com/${'a'.repeat(2000)}`,
    '',
  ])('%j is text', (text) => expect(webAddress(text)).toBe(null))
})

describe('links to places of the page', () => {
  test.each([
    ['at://did:plc:abc/app.bsky.feed.post/3k', ['did:plc:abc', 'app.bsky.feed.post', '3k']],
    ['at://ada.test', ['ada.test']],
    ['at://did:plc:abc/a.b.c/x#frag', ['did:plc:abc', 'a.b.c', 'x']],
    ['did:web:example.com', ['did:web:example.com']],
  ])('%s', (text, path) => expect(atPath(text)).toEqual(path))

  test.each([
    'at://',
    'at:///a/b',
    'at://a/b/c/d',
    'at://a/../b',
    'at://./b',
    'did:',
    'did:web:<b>',
    'did:web:a b',
    'at:javascript:alert(1)',
    `at://${'a'.repeat(3000)}`,
    'a did:web:example.com',
  ])('%j is text', (text) => expect(atPath(text)).toBe(null))
})
