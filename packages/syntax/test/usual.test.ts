import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isAtUri, parseAtUri } from '../src/at-uri.ts'
import { isCidString, parseCidString } from '../src/cid-string.ts'
import { isDatetime, parseDatetime } from '../src/datetime.ts'
import { isDid, parseDid } from '../src/did.ts'
import { isHandle, parseHandle } from '../src/handle.ts'
import { isLanguage, parseLanguage } from '../src/language.ts'
import { isNsid, parseNsid } from '../src/nsid.ts'
import { isRecordKey, parseRecordKey } from '../src/record-key.ts'
import { isTid, parseTid } from '../src/tid.ts'
import { isUri, parseUri } from '../src/uri.ts'

// `isX` goes by regular expressions, `parseX` reads: they must agree on texts near the edges of both.
const pad = (length: number) => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`))
const label = fc.oneof(fc.stringMatching(/^[a-z]{1,6}$/), fc.stringMatching(/^[a-zA-Z0-9-]{0,70}$/))
const dotted = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'))
const did = fc.oneof(
  fc.stringMatching(/^did:plc:[a-z2-7]{22,26}$/),
  fc.stringMatching(/^did:[a-z]{2,3}:[a-z0-9.:%-]{0,9}$/),
)
const key = fc.oneof(fc.stringMatching(/^[2-7a-z]{13}$/), fc.stringMatching(/^[a-z0-9._:~/#-]{0,15}$/))
const zone = fc.oneof(fc.constant('Z'), fc.constantFrom('z', '', 'ZZ', '+00:00', '-00:00', '+25:00'))
const near = (...of: fc.Arbitrary<string>[]) => fc.oneof(...of, fc.string({ maxLength: 80 }))

const TAGS =
  'en EN eng abcd abcde abc Latn US 419 rozaj Rozaj 1994 1abC a A b 7 x X i klingon \u212alingon sgn be fr ab longest88'.split(
    ' ',
  )

const cases: [
  string,
  (value: unknown) => boolean,
  (value: string) => { ok: boolean },
  fc.Arbitrary<string>,
][] = [
  ['at-uri', isAtUri, parseAtUri, near(fc.tuple(did, dotted, key).map((parts) => `at://${parts.join('/')}`))],
  ['cid', isCidString, parseCidString, near(fc.stringMatching(/^(?:baf|Qm)[a-zA-Z0-9+=]{43,57}$/))],
  [
    'datetime',
    isDatetime,
    parseDatetime,
    near(
      fc
        .tuple(
          pad(4),
          fc.nat(13),
          fc.nat(32),
          fc.nat(25),
          fc.nat(61),
          fc.nat(61),
          fc.stringMatching(/^(?:\.[0-9]{0,60})?$/),
          zone,
        )
        .map(([year, month, day, hour, minute, second, fraction, end]) => {
          const two = (n: number) => String(n).padStart(2, '0')
          return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}${fraction}${end}`
        }),
    ),
  ],
  ['did', isDid, parseDid, near(did)],
  ['handle', isHandle, parseHandle, near(dotted)],
  [
    'language',
    isLanguage,
    parseLanguage,
    near(
      fc.stringMatching(/^[a-zA-Z]{0,4}(?:-[a-zA-Z0-9]{0,5}){0,3}$/),
      fc.array(fc.constantFrom('', ...TAGS), { minLength: 1, maxLength: 9 }).map((tags) => tags.join('-')),
    ),
  ],
  [
    'record-key',
    isRecordKey,
    parseRecordKey,
    near(key, fc.constantFrom('.', '..', '...', '', 'x'.repeat(512), 'x'.repeat(513))),
  ],
  ['nsid', isNsid, parseNsid, near(dotted)],
  ['tid', isTid, parseTid, near(fc.stringMatching(/^[2-7a-z]{12,14}$/))],
  ['uri', isUri, parseUri, near(fc.string({ maxLength: 20 }).map((rest) => `https:${rest}`))],
]

describe('the expressions of isX', () => {
  it.each(cases)('agree with the whole grammar of %s', (_, is, parse, texts) => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(is(text)).toBe(parse(text).ok)
      }),
      { numRuns: 5000 },
    )
  })
})
