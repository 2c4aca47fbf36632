// What cannot be encoded is found in the value: its place is in the error.
import type { DataValue } from '@avocet/data'
import { describe, expect, it } from 'vitest'
import { CborError, encode } from '../src/index.ts'

function refuse(value: unknown): CborError {
  try {
    encode(value as DataValue)
  } catch (error) {
    return error as CborError
  }
  throw new Error('it was encoded')
}

describe('what cannot be encoded', () => {
  it.each([
    [undefined, 'unsupported-type', ''],
    [{ text: 'a', createdAt: new Date() }, 'unsupported-type', '/createdAt'],
    [{ embed: { images: [{ alt: 'a' }, { alt: undefined }] } }, 'unsupported-type', '/embed/images/1/alt'],
    [{ place: { lat: 1.5 } }, 'float', '/place/lat'],
    [[0, 2 ** 60], 'integer-out-of-range', '/1'],
    [{ 'a/b': { '~': '\ud800' } }, 'invalid-utf8', '/a~1b/~0'],
    [{ a: { '\ud800': 1 } }, 'invalid-utf8', '/a'],
    [
      new (class {
        a = 1.5
      })(),
      'unsupported-type',
      '',
    ],
  ])('%j: %s at "%s"', (value, code, path) => {
    const error = refuse(value)
    expect(error).toBeInstanceOf(CborError)
    expect(error).toMatchObject({ code, path, offset: -1 })
    expect(error.message).toMatch(new RegExp(`; code=${code} path=${path === '' ? '/' : path}$`))
  })

  it('names a fault and its own place, where there are several', () => {
    const error = refuse({ longer: undefined, a: 1.5 })
    expect([
      ['float', '/a'],
      ['unsupported-type', '/longer'],
    ]).toContainEqual([error.code, error.path])
  })

  it('is found once, however deep and wide the value is', () => {
    let value: unknown = 1.5
    for (let depth = 0; depth < 60; depth++)
      value = { before: Array.from({ length: 50 }, () => 'text'), next: value }
    expect(refuse(value).path).toBe('/next'.repeat(60))
    let deep: unknown = 1
    for (let depth = 0; depth < 10_000; depth++) deep = [deep]
    expect(refuse(deep)).toMatchObject({ code: 'too-deep', path: '' })
  })

  it('leaves the next value as it would be', () => {
    refuse({ a: 1.5 })
    expect(encode({ a: 1 })).toEqual(Uint8Array.of(0xa1, 0x61, 0x61, 1))
  })
})
