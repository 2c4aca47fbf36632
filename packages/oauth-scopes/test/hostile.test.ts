// What the longest texts cost: as much a character as short ones.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createScopeSet,
  describeScopes,
  EXPANDED_LIMITS,
  expandScopes,
  intersectScopes,
  isSubset,
  parseScopes,
  readPermissionSet,
  setDetail,
  setTitle,
} from '../src/index.ts'
import { RUNS } from './arbitraries.ts'

const fill = (
  piece: (i: number) => string,
  separator: string,
  length: number,
  head = '',
  tail = '',
): string => {
  const pieces: string[] = []
  for (let size = head.length + tail.length, i = 0; ; i++) {
    const next = piece(i)
    size += next.length + separator.length
    if (size > length) return head + pieces.join(separator) + tail
    pieces.push(next)
  }
}

/** The shapes of text that could make a reader go over the same characters again. */
const SHAPES: [string, (length: number) => string][] = [
  ['one long name', (length) => 'a'.repeat(length)],
  ['spaces', (length) => ' '.repeat(length)],
  ['question marks', (length) => `repo:${'?'.repeat(length - 5)}`],
  ['ampersands', (length) => `repo?${'&'.repeat(length - 5)}`],
  ['percent signs', (length) => `repo:${'%'.repeat(length - 5)}`],
  ['escapes', (length) => fill(() => '%2a', '', length, 'repo:')],
  ['dots', (length) => `repo:${'a.'.repeat((length - 5) >> 1)}`],
  [
    'hashes',
    (length) =>
      `rpc:com.example.a?aud=did:web:${'a'.repeat((length - 40) >> 1)}#${'#'.repeat((length - 40) >> 1)}`,
  ],
  ['a media type', (length) => `blob:${'a'.repeat((length - 6) >> 1)}/${'a'.repeat((length - 6) >> 1)}`],
  ['many scopes', (length) => fill((i) => `repo:a.b.c${i}`, ' ', length, 'atproto ')],
  ['many services', (length) => fill((i) => `rpc:*?aud=did:web:s${i}.io%23s`, ' ', length, 'atproto ')],
  ['many collections', (length) => fill((i) => `collection=a.b.c${i}`, '&', length, 'repo?')],
  ['many methods', (length) => fill((i) => `lxm=a.b.c${i}`, '&', length, 'rpc?', '&aud=*')],
  ['many types', (length) => fill((i) => `accept=a/b${i}`, '&', length, 'blob?')],
  ['many actions', (length) => fill(() => 'action=create', '&', length, 'repo:*?')],
  ['sets', (length) => fill((i) => `include:a.b.c${i}`, ' ', length, 'atproto ')],
]

/** All that is done with a text; the bounds on counts are left open, for those of length to be reached. */
function work(text: string): void {
  const parsed = parseScopes(text, {
    ...EXPANDED_LIMITS,
    length: 1e6,
    scopeLength: 1e6,
    scopes: 1e6,
    parameters: 1e6,
  })
  if (!parsed.ok) throw new Error(parsed.error.message)
  const scopes = parsed.value.flatMap((item) => (item.kind === 'known' ? [item.scope] : []))
  const set = createScopeSet(scopes)
  isSubset(set, createScopeSet(scopes.slice(1)))
  intersectScopes(set, createScopeSet('atproto rpc:a.b.c1?aud=*'))
  describeScopes(scopes)
}

/** Milliseconds, the least of some runs. */
function cost(text: string): number {
  const runs = Array.from({ length: 2 }, () => {
    const start = performance.now()
    work(text)
    return performance.now() - start
  })
  return Math.min(...runs)
}

describe('the cost of a text is that of its length', () => {
  it.each(SHAPES)('of %s', (_, shape) => {
    const [small, large] = [shape(EXPANDED_LIMITS.length / 8), shape(EXPANDED_LIMITS.length)]
    work(small)
    // Eight times the characters: what is quadratic would take 64 times as long. Half a millisecond is noise, and so is
    // what other processes take: they only ever add.
    const ratio = (): number => (cost(large) + 0.5) / (cost(small) + 0.5)
    let least = ratio()
    for (let again = 0; again < 3 && least >= 28; again++) least = Math.min(least, ratio())
    expect(least).toBeLessThan(28)
  })
})

it('no document throws, and what it gives can be said', () => {
  const value = fc.oneof(
    fc.constantFrom<unknown>(
      'permission',
      'repo',
      'rpc',
      'com.example.a',
      '*',
      'create',
      true,
      null,
      'permission-set',
      1,
    ),
    fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<unknown>,
  )
  const entry = fc.dictionary(
    fc.constantFrom('type', 'resource', 'collection', 'action', 'lxm', 'aud', 'inheritAud', 'x'),
    fc.oneof(value, fc.array(value)),
  )
  const texts = fc.oneof(fc.string({ unit: 'binary' }), value)
  const main = fc.record(
    {
      type: value,
      permissions: fc.array(fc.oneof(entry, value)),
      title: texts,
      'title:lang': fc.dictionary(fc.string(), texts),
      detail: texts,
    },
    { requiredKeys: [] },
  )
  const document = fc.oneof(
    value,
    fc.record({
      lexicon: fc.constant(1),
      id: fc.constant('com.example.set'),
      defs: fc.record({ main: main.map((fields) => ({ ...fields, type: 'permission-set' })) }),
    }),
  )
  const scope = { resource: 'include', nsid: 'com.example.set', aud: 'did:web:a.b#c' } as const
  fc.assert(
    fc.property(document, fc.array(fc.string()), (given, languages) => {
      const set = readPermissionSet(scope, given)
      if (!set.ok) return
      setTitle(set.value, languages)
      setDetail(set.value, languages)
      const { sets, scopes } = expandScopes([scope], () => given)
      for (const { text } of describeScopes([scope, ...scopes], { sets, languages }))
        expect(text).toBe(text.replace(/[\p{Cc}\u202e]/gu, ''))
    }),
    { numRuns: RUNS / 2 },
  )
})
