import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLabelSet, mergeLabels, type Label } from '../src/index.ts'
import { at, CID_A, CID_B, label, LABELER, OTHER, POST } from './support.ts'

const ms = (seconds: number): number => Date.parse(at(seconds))

/** What is in force of these, in whatever order they come. */
function inForce(labels: readonly Label[], options: { at?: number; cid?: string } = {}): Label[] {
  const results = [labels, labels.toReversed(), [...labels, ...labels]].map((order) =>
    mergeLabels(order, { at: ms(1000), ...options }).toSorted((a, b) =>
      (a.cid ?? '').localeCompare(b.cid ?? ''),
    ),
  )
  expect(results[1]).toEqual(results[0])
  expect(results[2]).toEqual(results[0])
  return results[0]!
}

const A = { cid: CID_A }
const B = { cid: CID_B }
const neg = { neg: true }

describe('the newest statement counts', () => {
  test('by its moment, exactly: offsets, fractions of any length', () => {
    const of = (cts: string, fields: Partial<Label> = {}): Label => label({ cts: cts as never, ...fields })
    const pairs: [older: string, newer: string][] = [
      ['2024-06-01T12:00:00Z', '2024-06-01T11:00:01-01:00'],
      ['2024-06-01T14:00:00+02:00', '2024-06-01T12:00:00.1Z'],
      ['2024-06-01T12:00:00.123456Z', '2024-06-01T12:00:00.1234561Z'],
      ['2024-06-01T12:00:00.09Z', '2024-06-01T12:00:00.1Z'],
      ['2024-06-01T12:00:00.999999Z', '2024-06-01T12:00:01Z'],
    ]
    for (const [older, newer] of pairs) {
      expect(inForce([of(older), of(newer, neg)])).toEqual([])
      expect(inForce([of(older, neg), of(newer)])).toEqual([of(newer)])
    }
    // The same moment in other words: the negation counts.
    expect(inForce([of('2024-06-01T12:00:00.100Z'), of('2024-06-01T13:00:00.1+01:00', neg)])).toEqual([])
  })

  test('of the same source, subject and value', () => {
    const said = label()
    for (const fields of [{ src: OTHER }, { uri: LABELER }, { val: 'porn' }] as Partial<Label>[]) {
      expect(inForce([said, label({ cts: at(1), ...neg, ...fields })])).toEqual([said])
    }
    expect(inForce([said, label({ cts: at(1), ...neg })])).toEqual([])
  })

  test('and an older one does not come back when it expires', () => {
    const set = [label(), label({ cts: at(1), exp: at(10) })]
    expect(inForce(set, { at: ms(9) })).toEqual([set[1]])
    expect(inForce(set, { at: ms(10) - 1 })).toEqual([set[1]])
    expect(inForce(set, { at: ms(10) })).toEqual([])
  })

  test('at the same moment: a negation, then the later end', () => {
    expect(inForce([label(), label(neg)])).toEqual([])
    expect(inForce([label({ exp: at(5) }), label({ exp: at(6) })], { at: ms(1) })).toEqual([
      label({ exp: at(6) }),
    ])
    expect(inForce([label({ exp: at(5) }), label()], { at: ms(1) })).toEqual([label()])
  })
})

describe('versions', () => {
  test('have labels of their own, beside the one about all', () => {
    const all = [label(), label({ ...A, cts: at(1) }), label({ ...B, cts: at(2) })]
    expect(inForce(all)).toHaveLength(3)
    expect(inForce(all, { cid: CID_B })).toEqual([all[0], all[2]])
  })

  test('are retracted by a negation without a version, from before it', () => {
    const before = label({ ...A, cts: at(1) })
    const after = label({ ...B, cts: at(3) })
    expect(inForce([before, after, label({ ...neg, cts: at(2) })])).toEqual([after])
    expect(inForce([before, label({ ...neg, cts: at(1) })])).toEqual([])
  })

  test('stay retracted when all versions are labelled again', () => {
    const again = label({ cts: at(3) })
    expect(inForce([label({ ...A, cts: at(1) }), label({ ...neg, cts: at(2) }), again])).toEqual([again])
  })

  test('and a negation of one retracts that one', () => {
    const all = label({ cts: at(1) })
    const other = label({ ...B, cts: at(1) })
    const retracted = label({ ...A, ...neg, cts: at(2) })
    expect(inForce([all, label({ ...A, cts: at(1) }), other, retracted])).toEqual([all, other])
  })
})

test('whatever the order, the same is in force', () => {
  const statement = fc.record({
    src: fc.constantFrom<Label['src']>(LABELER, OTHER),
    uri: fc.constantFrom<Label['uri']>(POST, LABELER),
    val: fc.constantFrom('spam', 'spam x'),
    cid: fc.constantFrom(undefined, CID_A, CID_B),
    neg: fc.constantFrom(undefined, true),
    cts: fc.integer({ min: 0, max: 5 }),
    exp: fc.constantFrom(undefined, 3, 8, 20),
  })
  const shuffled = fc
    .array(statement, { maxLength: 14 })
    .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })))
  const build = ({ cts, exp, ...rest }: typeof statement extends fc.Arbitrary<infer T> ? T : never): Label =>
    label(
      Object.fromEntries(
        Object.entries({ ...rest, cts: at(cts), exp: exp === undefined ? undefined : at(exp) }).filter(
          ([, value]) => value !== undefined,
        ),
      ),
    )
  const textOf = (labels: readonly Label[]): string[] => labels.map((one) => JSON.stringify(one)).toSorted()
  fc.assert(
    fc.property(shuffled, fc.integer({ min: 0, max: 25 }), ([list, other], seconds) => {
      const first = mergeLabels(list.map(build), { at: ms(seconds) })
      const second = mergeLabels(other.map(build), { at: ms(seconds) })
      expect(textOf(second)).toEqual(textOf(first))
      expect(textOf(first)).toEqual(textOf(judge(list.map(build), ms(seconds))))
    }),
    { numRuns: 2000 },
  )
})

/** The rules once more, without any state: a label counts unless another statement retracts or replaces it. */
function judge(labels: readonly Label[], now: number): Label[] {
  const time = (one: Label): number => Date.parse(one.cts)
  const end = (one: Label): number => (one.exp === undefined ? Infinity : Date.parse(one.exp))
  const kept = labels.filter((one) => {
    if (one.neg === true || end(one) <= now) return false
    return !labels.some((other) => {
      if (other.src !== one.src || other.uri !== one.uri || other.val !== one.val) return false
      if (other.neg === true) {
        return (other.cid === undefined || other.cid === one.cid) && time(other) >= time(one)
      }
      if (other.cid !== one.cid) return false
      return time(other) > time(one) || (time(other) === time(one) && end(other) > end(one))
    })
  })
  const seen = new Set<string>()
  return kept.filter((one) => {
    const text = JSON.stringify(one)
    return !seen.has(text) && seen.add(text)
  })
}

describe('a set', () => {
  test('says what became of a statement', () => {
    const set = createLabelSet()
    expect(set.apply(label({ cts: at(1) }))).toBe('applied')
    expect(set.apply(label({ cts: at(1) }))).toBe('superseded')
    expect(set.apply(label({ cts: at(0), neg: true }))).toBe('superseded')
    expect(set.apply(label({ cts: at(2), neg: true }))).toBe('applied')
    expect(set.size).toBe(1)
    expect(set.apply(label({ ...A, cts: at(1) }))).toBe('superseded')
    expect(set.size).toBe(1)
    expect(set.inForce('at://nobody.example.com')).toEqual([])
  })

  test('takes so many and no more, and still takes what is about those', () => {
    const set = createLabelSet({ maxSize: 2 })
    expect(set.apply(label({ val: 'a' }))).toBe('applied')
    expect(set.apply(label({ val: 'b' }))).toBe('applied')
    expect(set.apply(label({ val: 'c' }))).toBe('full')
    expect(set.apply(label({ val: 'a', neg: true, cts: at(1) }))).toBe('applied')
    expect([set.size, set.inForce(POST).map(({ val }) => val)]).toEqual([2, ['b']])
    expect(set.prune(ms(1))).toBe(1)
    expect(set.apply(label({ val: 'c' }))).toBe('applied')
  })

  test('what a negation retracts leaves room', () => {
    const set = createLabelSet({ maxSize: 3 })
    for (const one of [label(A), label(B), label({ cts: at(1), neg: true })]) {
      expect(set.apply(one)).toBe('applied')
    }
    expect(set.size).toBe(1)
    expect(set.apply(label({ val: 'b' }))).toBe('applied')
    expect(set.apply(label({ val: 'c' }))).toBe('applied')
    expect(set.apply(label({ val: 'd' }))).toBe('full')
  })

  test('forgets what is over, and nothing else', () => {
    const set = createLabelSet()
    const lasting = label({ val: 'lasting' })
    const ending = label({ val: 'ending', exp: at(20) })
    for (const one of [
      lasting,
      ending,
      label({ val: 'over', exp: at(10) }),
      label({ val: 'gone', neg: true }),
    ])
      set.apply(one)
    expect(set.prune(ms(-1))).toBe(0)
    expect(set.prune(ms(10))).toBe(2)
    expect(set.inForce(POST, { at: ms(11) })).toEqual([lasting, ending])
    // Known no more, so that an older one is new.
    expect(set.apply(label({ val: 'gone', cts: at(-5) }))).toBe('applied')
    expect(set.prune(ms(20))).toBe(1)
    expect(set.size).toBe(2)
  })

  test('forgets a negation of all versions, too, with the label after it', () => {
    const set = createLabelSet()
    set.apply(label({ neg: true, cts: at(1) }))
    set.apply(label({ cts: at(2), exp: at(3) }))
    expect(set.apply(label({ ...A, cts: at(0) }))).toBe('superseded')
    expect(set.prune(ms(3))).toBe(1)
    expect(set.apply(label({ ...A, cts: at(0) }))).toBe('applied')
  })
})
