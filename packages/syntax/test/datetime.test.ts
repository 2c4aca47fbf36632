import { describe, expect, test } from 'vitest'
import { currentDatetime, isDatetime, normalizeDatetime } from '../src/index.ts'

describe('isDatetime', () => {
  test.each([
    ['2024-02-29T00:00:00Z', true],
    ['2023-02-29T00:00:00Z', false],
    ['1900-02-29T00:00:00Z', false],
    ['2000-02-29T23:59:59.999999999Z', true],
    ['2023-02-30T00:00:00Z', false],
    ['2023-04-31T00:00:00Z', false],
    ['2023-12-31T23:59:60Z', false],
    ['2023-12-31T24:00:00Z', false],
    ['9999-12-31T23:59:59-00:01', false],
    ['9999-12-31T23:59:59+00:01', true],
    ['0000-01-01T00:00:00+00:01', false],
    ['2023-01-01T00:00:00+24:00', false],
    ['2023-01-01T00:00:00+23:60', false],
    ['2023-01-01T00:00:00+23:59', true],
    [`2023-01-01T00:00:00.${'1'.repeat(43)}Z`, true],
    [`2023-01-01T00:00:00.${'1'.repeat(44)}Z`, false],
    ['2023-01-01T00:00:00ZZ', false],
    ['２０２３-01-01T00:00:00Z', false],
  ])('%s: %s', (text, expected) => {
    expect(isDatetime(text)).toBe(expected)
  })
})

describe('normalizeDatetime', () => {
  test.each([
    ['2024-01-15T12:30:00Z', '2024-01-15T12:30:00.000Z'],
    ['2024-01-15T12:30:00.123456789Z', '2024-01-15T12:30:00.123Z'],
    ['2024-01-15T12:30:00+02:00', '2024-01-15T10:30:00.000Z'],
    ['2024-01-15T12:30:00-0700', '2024-01-15T19:30:00.000Z'],
    ['2024-01-15T12:30:00+05', '2024-01-15T07:30:00.000Z'],
    ['2024-01-15T12:30:00-00:00', '2024-01-15T12:30:00.000Z'],
    ['2024-01-15T12:30:00', '2024-01-15T12:30:00.000Z'],
    ['2024-01-15 12:30:00', '2024-01-15T12:30:00.000Z'],
    ['2024-01-15 12:30:00 UTC', '2024-01-15T12:30:00.000Z'],
    ['2024-01-15T12:30:00GMT', '2024-01-15T12:30:00.000Z'],
    ['2024-01-15t12:30:00z', '2024-01-15T12:30:00.000Z'],
    ['2024-01-15T12:30Z', '2024-01-15T12:30:00.000Z'],
    ['2024-01-15T12:30:00,5Z', '2024-01-15T12:30:00.500Z'],
    ['2024-1-5T2:3:4Z', '2024-01-05T02:03:04.000Z'],
    ['2024-01-15', '2024-01-15T00:00:00.000Z'],
    ['  2024-01-15T12:30:00Z\n', '2024-01-15T12:30:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  ])('%s → %s', (text, expected) => {
    const normal = normalizeDatetime(text)
    expect(normal).toBe(expected)
    expect(isDatetime(normal)).toBe(true)
    expect(normalizeDatetime(normal!)).toBe(normal)
  })

  test.each([
    '',
    'yesterday',
    '2024',
    '2024-13-01',
    '2024-02-30T00:00:00Z',
    '2024-01-15T25:00:00Z',
    '2024-01-15T12:30:00 EST',
    '2024-01-15T12',
    '20240115T123000Z',
    '-0001-01-01T00:00:00Z',
    '0000-01-01T00:00:00+01:00',
    `2024-01-15T12:30:00.${'1'.repeat(100)}Z`,
    ' '.repeat(100_000),
  ])('%s means nothing', (text) => {
    expect(normalizeDatetime(text)).toBeNull()
  })

  test('is the same in every time zone of the machine', () => {
    // No local time is read: getTimezoneOffset would change what the plain form gives.
    expect(normalizeDatetime('2024-07-01T00:00:00')).toBe('2024-07-01T00:00:00.000Z')
    expect(normalizeDatetime('2024-01-01T00:00:00')).toBe('2024-01-01T00:00:00.000Z')
  })
})

test('currentDatetime', () => {
  expect(isDatetime(currentDatetime())).toBe(true)
  expect(currentDatetime(new Date(0))).toBe('1970-01-01T00:00:00.000Z')
  expect(() => currentDatetime(new Date(8e15))).toThrow(RangeError)
  expect(() => currentDatetime(new Date(Number.NaN))).toThrow(RangeError)
})
