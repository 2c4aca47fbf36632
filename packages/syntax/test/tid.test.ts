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
    const times = [1000, 1000, 1000, 500, 0, 1000.001, 2000, 1999, 5_000_000, 1]
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
    const theirs = tidFromMicros(5_000_000_000, 1023)
    const next = clock.nextAfter(theirs)
    expect(next > theirs).toBe(true)
    expect(tidToMicros(next)).toBe(5_000_000_001)
    expect(clock.nextAfter(null) > next).toBe(true)
    expect(clock.next() > next).toBe(true)
  })

  test('runs by itself, with an id of its own', () => {
    const clock = createTidClock()
    const now = Date.now()
    expect(Math.abs(tidToDate(clock.next()).getTime() - now)).toBeLessThan(1000)
    expect(() => createTidClock({ clockId: 1024 })).toThrow(SyntaxFault)
    expect(() => clock.nextAfter('nonsense')).toThrow(SyntaxFault)
    // Nothing follows the last moment a number can hold.
    expect(() => clock.nextAfter('bzzzzzzzzzzzz')).toThrow(SyntaxFault)
  })
})
