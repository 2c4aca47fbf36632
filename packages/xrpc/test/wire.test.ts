import { cidForRaw } from '@avocet/data'
import { describe, expect, it } from 'vitest'
import { errorBody, parseErrorBody, statusErrorName, XrpcError } from '../src/error.ts'
import { parseRetryAfter, parseServiceRef } from '../src/headers.ts'
import { stringifyJson } from '../src/json.ts'
import { isExactMime, matchesMime, mimeEssence } from '../src/mime.ts'

describe('XrpcError', () => {
  it('carries status, name, message and headers', () => {
    const cause = new Error('socket hang up')
    const error = new XrpcError(401, 'AuthMissing', 'Authentication Required', {
      headers: { 'WWW-Authenticate': 'Bearer' },
      cause,
    })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'XrpcError', status: 401, error: 'AuthMissing', cause })
    expect(error.headers).toEqual({ 'WWW-Authenticate': 'Bearer' })
    expect(errorBody(error)).toEqual({ error: 'AuthMissing', message: 'Authentication Required' })
  })

  it('names a status without a name', () => {
    expect(new XrpcError(413)).toMatchObject({ error: 'PayloadTooLarge', message: 'PayloadTooLarge' })
    expect(statusErrorName(418)).toBe('InvalidRequest')
    expect(statusErrorName(599)).toBe('InternalServerError')
  })

  it.each([
    [{ error: 'InvalidSwap', message: 'no' }, 'InvalidSwap', 'no'],
    [{ error: 'InvalidSwap' }, 'InvalidSwap', 'InvalidSwap; status=400'],
    ['<html>', 'InvalidRequest', 'InvalidRequest; status=400'],
    [null, 'InvalidRequest', 'InvalidRequest; status=400'],
    [{ error: 7, message: 'm' }, 'InvalidRequest', 'm'],
    [{ error: 'x'.repeat(300) }, 'InvalidRequest', 'InvalidRequest; status=400'],
  ])('reads %j', (body, error, message) => {
    expect(parseErrorBody(400, body)).toEqual({ error, message })
  })
})

describe('MIME', () => {
  it.each([
    ['application/json', 'application/json; charset=utf-8', true],
    ['application/json', 'Application/JSON', true],
    ['application/json', 'text/plain', false],
    ['image/*', 'image/png', true],
    ['image/*', 'imagex/png', false],
    ['*/*', 'video/mp4', true],
    ['*/*', 'nonsense', false],
    ['image/png, image/jpeg', 'image/jpeg', true],
    ['image/png,video/*', 'video/mp4', true],
    ['application/json', null, false],
    ['*/*', undefined, false],
    ['*/*', `image/${'x'.repeat(2000)}`, false],
  ])('%s against %s', (pattern, mime, matches) => {
    expect(matchesMime(pattern, mime)).toBe(matches)
  })

  it('reads the essence', () => {
    expect(mimeEssence('Text/HTML;charset=x')).toBe('text/html')
    expect(mimeEssence('text/')).toBe(null)
    expect(mimeEssence('')).toBe(null)
    expect(isExactMime('application/vnd.ipld.car')).toBe(true)
    expect(isExactMime('*/*')).toBe(false)
  })
})

describe('headers', () => {
  it('reads service references', () => {
    expect(parseServiceRef('did:web:labeler.example.com#atproto_labeler')).toEqual({
      did: 'did:web:labeler.example.com',
      id: 'atproto_labeler',
    })
    for (const bad of [
      '',
      'did:web:x',
      '#atproto',
      'did:web:x#',
      'did:web:x#a#b',
      'https://x#y',
      'did:WEB:x#a',
    ]) {
      expect(parseServiceRef(bad)).toBe(null)
    }
  })

  it('reads Retry-After', () => {
    const now = Date.UTC(2026, 0, 1, 0, 0, 0)
    expect(parseRetryAfter('2', now)).toBe(2000)
    expect(parseRetryAfter('Thu, 01 Jan 2026 00:00:05 GMT', now)).toBe(5000)
    expect(parseRetryAfter('Thu, 01 Jan 2025 00:00:05 GMT', now)).toBe(0)
    for (const bad of [null, '', '-1', '1e9', 'soon', '99999999999'])
      expect(parseRetryAfter(bad, now)).toBe(null)
  })
})

describe('JSON bodies', () => {
  const cid = cidForRaw(new Uint8Array([1]))
  it.each([
    [{ a: 1, b: [true, null, 'x'] }, '{"a":1,"b":[true,null,"x"]}'],
    [{ a: cid }, `{"a":{"$link":"${cid.toString()}"}}`],
    [{ a: [new Uint8Array([1, 2, 3])] }, '{"a":[{"$bytes":"AQID"}]}'],
    ['text', '"text"'],
  ])('%o', (value, text) => {
    expect(stringifyJson(value)).toBe(text)
  })

  it('leaves undefined members out, with and without links', () => {
    const plain = { a: 1, cursor: undefined } as unknown as { a: number }
    expect(stringifyJson(plain)).toBe('{"a":1}')
    const linked = { a: [{ c: undefined, d: cid }], cursor: undefined } as unknown as { a: number }
    expect(JSON.parse(stringifyJson(linked))).toEqual({ a: [{ d: { $link: cid.toString() } }] })
  })

  it('bounds the depth', () => {
    let value: [] | [unknown] = []
    for (let i = 0; i < 5000; i++) value = [value]
    expect(() => stringifyJson(value as never)).toThrow(RangeError)
  })
})
