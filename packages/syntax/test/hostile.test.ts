// What the grammars do with texts made to hurt: any text gets an answer, isX and parseX give the same one, and the time
// grows with the length at most.
import { createRandom, fuzzRounds } from '@avocet/testing'
import { expect, test } from 'vitest'
import * as syntax from '../src/index.ts'

const GRAMMARS = {
  'at-identifier': [syntax.isAtIdentifier, syntax.parseAtIdentifier, 'john.test'],
  'at-uri': [syntax.isAtUri, syntax.parseAtUri, 'at://did:plc:asdf123/com.atproto.feed.post/3jzfcijpj2z2a'],
  cid: [
    syntax.isCidString,
    syntax.parseCidString,
    'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a',
  ],
  datetime: [syntax.isDatetime, syntax.parseDatetime, '1985-04-12T23:20:50.123+01:45'],
  did: [syntax.isDid, syntax.parseDid, 'did:web:localhost%3A1234'],
  handle: [syntax.isHandle, syntax.parseHandle, 'xn--ls8h.test.bsky.app'],
  language: [syntax.isLanguage, syntax.parseLanguage, 'sl-rozaj-biske-u-co-phonebk-x-private'],
  nsid: [syntax.isNsid, syntax.parseNsid, 'com.example.fooBarV2'],
  'record-key': [syntax.isRecordKey, syntax.parseRecordKey, '~1.2-3_:self'],
  tid: [syntax.isTid, syntax.parseTid, '3jzfcijpj2z2a'],
  uri: [syntax.isUri, syntax.parseUri, 'https://example.com/path?q=blah&yes=true#frag.123'],
} as const

const PIECES = [
  '',
  '.',
  '..',
  '-',
  '--',
  ':',
  '::',
  '/',
  '//',
  '#',
  '#/',
  '%',
  '%41',
  '@',
  '~',
  '_',
  ' ',
  '\t',
  '\n',
  '\0',
  'a',
  'Z',
  '0',
  '9',
  'xn--',
  'did:',
  'did:plc:',
  'at://',
  'com.example',
  'T',
  'Z',
  '+00:00',
  '-00:00',
  '2023-',
  '\u00e9',
  '\u{1f600}',
  '\ud800',
  '\uff10',
  '\u212a',
  '\u0130',
  'x',
  'i-default',
  'b',
  'Qm',
]

test('random texts: one answer, from both functions', { timeout: 600_000 }, () => {
  const random = createRandom(13)
  for (const [name, [is, parse, valid]] of Object.entries(GRAMMARS)) {
    expect(is(valid), name).toBe(true)
    let accepted = 0
    let different = 0
    for (let round = fuzzRounds(3000, 1_000_000); round > 0; round--) {
      const at = random.below(valid.length + 1)
      const text =
        round % 3 === 0
          ? Array.from({ length: random.below(8) }, () => random.pick(PIECES)).join('')
          : valid.slice(0, at) + random.pick(PIECES) + valid.slice(at + random.below(3))
      const result = parse(text)
      if (result.ok !== is(text)) different++
      if (result.ok) accepted++
    }
    expect(different, name).toBe(0)
    expect(accepted, name).toBeGreaterThan(0)
  }
})

test('long texts cost no more than their length', { timeout: 60_000 }, () => {
  const length = 200_000
  const shapes = [
    'a',
    '.',
    'a.',
    '-',
    'a-',
    ':',
    '%',
    '/',
    '0',
    'a1',
    'did:',
    'at://',
    'x-',
    '\u{1f600}',
    ' ',
  ]
  for (const [name, [is, parse, valid]] of Object.entries(GRAMMARS)) {
    const start = performance.now()
    for (const shape of shapes) {
      const long = shape.repeat(length / shape.length)
      for (const text of [long, valid + long, long + valid, `${valid.slice(0, 8)}${long}!`]) {
        expect(is(text)).toBe(false)
        expect(parse(text).ok).toBe(false)
      }
    }
    // 120 texts of 200 000 characters; what looks at each character more than a few times takes seconds.
    expect(performance.now() - start, name).toBeLessThan(5000)
  }
})

test('what is just within the bounds is read as fast', () => {
  const start = performance.now()
  for (let i = 0; i < 200; i++) {
    expect(syntax.isHandle(`${'a-'.repeat(126)}!`)).toBe(false)
    expect(syntax.isNsid(`${'a.'.repeat(158)}!`)).toBe(false)
    expect(syntax.isDid(`did:plc:${':%'.repeat(1000)}`)).toBe(false)
    expect(syntax.isAtUri(`at://did:plc:${':%'.repeat(1000)}a/com.example.note/${'.'.repeat(500)}`)).toBe(
      true,
    )
    expect(syntax.isUri(`https://${'a/'.repeat(4000)} `)).toBe(false)
    expect(syntax.isLanguage(`en${'-aaaaa'.repeat(20)}`)).toBe(false)
    expect(syntax.isDatetime(`2023-01-01T00:00:00.${'1'.repeat(43)}`)).toBe(false)
    expect(syntax.isRecordKey(`${'~'.repeat(511)}!`)).toBe(false)
  }
  expect(performance.now() - start).toBeLessThan(10_000)
})
