import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createTidClock,
  isTid,
  SyntaxFault,
  tidClockId,
  tidFromMicros,
  tidToDate,
  tidToMicros,
  type Tid,
} from '../src/index.ts'

describe('TIDs and time', () => {
  test.each([
    [0, 0, '2222222222222'],
    [1, 0, '2222222222322'],
    [0, 1023, '22222222222zz'],
    [2 ** 53 - 1, 1023, 'bzzzzzzzzzzzz'],
  ])('%i microseconds, clock %i', (micros, clockId, tid) => {
    expect(tidFromMicros(micros, clockId)).toBe(tid)
    expect(tidToMicros(tid)).toBe(micros)
    expect(tidClockId(tid)).toBe(clockId)
  })

  test('a TID of the specification', () => {
    expect(tidToDate('3jzfcijpj2z2a').toISOString()).toBe('2023-06-30T15:03:01.887Z')
    expect(tidFromMicros(tidToMicros('3jzfcijpj2z2a'), tidClockId('3jzfcijpj2z2a'))).toBe('3jzfcijpj2z2a')
  })

  test('sorts as text as it does as time', () => {
    const micros = [0, 31, 32, 1023, 1024, 1e6, 1.7e15, 1.7e15 + 1, 2 ** 53 - 1]
    const tids = micros.map((each) => tidFromMicros(each, 512))
    expect(tids.toSorted()).toEqual(tids)
  })

  test.each([
    [-1, 0],
    [1.5, 0],
    [2 ** 53, 0],
    [Number.NaN, 0],
    [0, -1],
    [0, 1024],
    [0, 0.5],
  ])('refuses %d and clock %d', (micros, clockId) => {
    expect(() => tidFromMicros(micros, clockId)).toThrow(SyntaxFault)
  })

  test('refuses to read what is no TID', () => {
    expect(() => tidToMicros('zzzzzzzzzzzzz')).toThrow(SyntaxFault)
    expect(() => tidToDate('')).toThrow(SyntaxFault)
    expect(() => tidClockId('2222222222')).toThrow(SyntaxFault)
    // The largest there is by its syntax: past 2255 the microseconds are rounded, the order stays.
    expect(tidToMicros('jzzzzzzzzzzzz')).toBeGreaterThanOrEqual(2 ** 54 - 2)
  })
})

describe('the clock', () => {
  test('takes the time and the id it is given', () => {
    const clock = createTidClock({ now: () => 1_700_000_000_000.25, clockId: 7 })
    const tid = clock.next()
    expect(tidToMicros(tid)).toBe(1_700_000_000_000_250)
    expect(tidClockId(tid)).toBe(7)
  })

  test('always goes on: while time stands still, goes back and jumps', () => {
    const times = [1000, 1000, 1000, 500, 0, 1000.001, 2000, 1999, 200_000, 1]
    let step = 0
    const clock = createTidClock({ now: () => times.at(step++ % times.length)!, clockId: 0 })
    let previous: Tid = ''
    for (let i = 0; i < 10_000; i++) {
      const tid = clock.next()
      expect(isTid(tid) && tid > previous).toBe(true)
      previous = tid
    }
  })

  test('nextAfter is past any other clock', () => {
    const clock = createTidClock({ now: () => 1000, clockId: 0 })
    const theirs = tidFromMicros(5_000_000, 1023)
    const next = clock.nextAfter(theirs)
    expect(next > theirs).toBe(true)
    expect(tidToMicros(next)).toBe(5_000_001)
    expect(tidToMicros(clock.nextAfter(next))).toBe(5_000_002)
    // Where its own time suffices it is the clock as ever.
    expect(tidToMicros(clock.nextAfter(tidFromMicros(999_999, 1023)))).toBe(1_000_000)
    expect(tidToMicros(clock.nextAfter(tidFromMicros(1_000_000, 1023)))).toBe(1_000_001)
    expect(tidToMicros(clock.nextAfter(null))).toBe(1_000_002)
  })

  test('no floor moves the clock', () => {
    const clock = createTidClock({ now: () => 1000, clockId: 0 })
    clock.nextAfter(tidFromMicros(300_999_999, 1023))
    expect(tidToMicros(clock.next())).toBe(1_000_000)
    for (const floor of ['jzzzzzzzzzzzz', 'bzzzzzzzzzzzz', tidFromMicros(7_258_118_400e6, 0)]) {
      expect(() => clock.nextAfter(floor)).toThrow(expect.objectContaining({ code: 'tid-ahead' }))
    }
    expect(tidToMicros(clock.next())).toBe(1_000_001)
  })

  test('a floor is taken up to five minutes ahead, not one microsecond more', () => {
    const clock = createTidClock({ now: () => 1000, clockId: 0 })
    expect(tidToMicros(clock.nextAfter(tidFromMicros(300_999_999, 5)))).toBe(301_000_000)
    expect(tidToMicros(clock.nextAfter(tidFromMicros(301_000_000, 5)))).toBe(301_000_001)
    expect(() => clock.nextAfter(tidFromMicros(301_000_001, 5))).toThrow(
      expect.objectContaining({ code: 'tid-ahead' }),
    )
    const patient = createTidClock({ now: () => 1000, maxAheadMs: Number.POSITIVE_INFINITY })
    // Nothing follows the last moment a number can hold, and the attempt leaves nothing behind.
    expect(() => patient.nextAfter('bzzzzzzzzzzzz')).toThrow(expect.objectContaining({ code: 'invalid-tid' }))
    expect(tidToMicros(patient.next())).toBe(1_000_000)
  })

  test('a clock that ran ahead goes back with the time, one that was set back a little does not', () => {
    let now = 1_000_000
    const clock = createTidClock({ now: () => now, clockId: 0 })
    const before = clock.next()
    now += 365 * 24 * 3600 * 1000
    const ahead = clock.next()
    expect(ahead > before).toBe(true)
    now = 1_000_001
    const after = clock.next()
    expect(tidToMicros(after)).toBe(1_000_001_000)
    expect(after > before).toBe(true)
    now -= 299_999
    expect(clock.next() > after).toBe(true)
    expect(() => clock.nextAfter(ahead)).toThrow(expect.objectContaining({ code: 'tid-ahead' }))
  })

  test('a moment that no TID can hold does not stop the clock', () => {
    let now = Number.NaN
    const clock = createTidClock({ now: () => now, clockId: 0 })
    expect(() => clock.next()).toThrow(SyntaxFault)
    now = 2 ** 60
    expect(() => clock.next()).toThrow(SyntaxFault)
    now = 1000
    expect(tidToMicros(clock.next())).toBe(1_000_000)
  })

  test('whatever floors come in between, next goes on as if there were none', () => {
    const moves = fc.array(
      fc.record({
        step: fc.integer({ min: -1000, max: 1000 }),
        floor: fc.option(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })),
      }),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(moves, (steps) => {
        let now = 1_700_000_000_000
        const clock = createTidClock({ now: () => now, clockId: 0 })
        let last = ''
        let highest = now
        for (const { step, floor } of steps) {
          now += step
          highest = Math.max(highest, now)
          if (floor !== null) {
            const theirs = tidOf(floor)
            const ahead = Number(floor >> 10n) / 1000 - now > 300_000
            const answer = attempt(() => clock.nextAfter(theirs))
            if (ahead) expect(answer).toBe('tid-ahead')
            else expect(isTid(answer) && answer > theirs).toBe(true)
          }
          const tid = clock.next()
          expect(tid > last).toBe(true)
          last = tid
          expect(tidToMicros(tid)).toBeLessThan(highest * 1000 + 1000)
        }
      }),
    )
  })

  test('runs by itself, with an id of its own', () => {
    const clock = createTidClock()
    const now = Date.now()
    expect(Math.abs(tidToDate(clock.next()).getTime() - now)).toBeLessThan(1000)
    expect(() => createTidClock({ clockId: 1024 })).toThrow(SyntaxFault)
    expect(() => clock.nextAfter('nonsense')).toThrow(SyntaxFault)
  })
})

const DIGITS = '234567abcdefghijklmnopqrstuvwxyz'

/** The TID of 63 bits, times past 2255 included. */
function tidOf(bits: bigint): Tid {
  let text = ''
  for (let rest = bits, i = 0; i < 13; i++, rest >>= 5n) text = DIGITS[Number(rest & 31n)]! + text
  return text
}

function attempt(work: () => Tid): string {
  try {
    return work()
  } catch (error) {
    return (error as SyntaxFault).code
  }
}
