import { describe, expect, test } from 'vitest'
import {
  assertDid,
  formatAtUri,
  isDisallowedTld,
  isRecordKeyOfType,
  isRecordKeyType,
  isRecordUri,
  normalizeHandle,
  nsidAuthority,
  nsidName,
  parseAtUri,
  parseDid,
  SyntaxFault,
  type RecordKeyType,
} from '../src/index.ts'

describe('AT URIs', () => {
  test('their parts', () => {
    expect(parseAtUri('at://alice.test')).toEqual({ ok: true, value: { authority: 'alice.test' } })
    expect(parseAtUri('at://did:plc:asdf/com.example.note')).toEqual({
      ok: true,
      value: { authority: 'did:plc:asdf', collection: 'com.example.note' },
    })
    expect(parseAtUri('at://did:plc:asdf/com.example.note/self')).toEqual({
      ok: true,
      value: { authority: 'did:plc:asdf', collection: 'com.example.note', rkey: 'self' },
    })
  })

  test('fragments only where they are allowed, and only JSON pointers', () => {
    const uri = 'at://did:plc:asdf/com.example.note/self#/text/0'
    expect(parseAtUri(uri)).toMatchObject({ ok: false, error: { code: 'invalid-at-uri' } })
    expect(parseAtUri(uri, { allowFragment: true })).toEqual({
      ok: true,
      value: { authority: 'did:plc:asdf', collection: 'com.example.note', rkey: 'self', fragment: '/text/0' },
    })
    for (const text of ['#', '##', '#text', '#/te xt', '#/a#/b', '#/é']) {
      expect(parseAtUri(`at://did:plc:asdf${text}`, { allowFragment: true }).ok).toBe(false)
    }
    expect(parseAtUri('at://did:plc:asdf/#/a', { allowFragment: true }).ok).toBe(false)
    expect(parseAtUri('at://did:plc:asdf?x=1', { allowFragment: true }).ok).toBe(false)
  })

  test('isRecordUri', () => {
    expect(isRecordUri('at://alice.test/com.example.note/self')).toBe(true)
    expect(isRecordUri('at://alice.test/com.example.note')).toBe(false)
    expect(isRecordUri('at://alice.test')).toBe(false)
    expect(isRecordUri('at://alice.test/com.example.note/self#/a')).toBe(false)
    expect(isRecordUri(null)).toBe(false)
  })

  test('formatAtUri', () => {
    expect(formatAtUri('did:plc:asdf')).toBe('at://did:plc:asdf')
    expect(formatAtUri('did:plc:asdf', 'com.example.note')).toBe('at://did:plc:asdf/com.example.note')
    expect(formatAtUri('did:plc:asdf', 'com.example.note', '1')).toBe('at://did:plc:asdf/com.example.note/1')
  })
})

test('NSIDs: authority and name', () => {
  expect(nsidAuthority('app.bsky.feed.post')).toBe('feed.bsky.app')
  expect(nsidAuthority('com.Example.fooBar')).toBe('example.com')
  expect(nsidName('com.example.fooBar')).toBe('fooBar')
})

test('handles: normal form, and domains nobody may use', () => {
  expect(normalizeHandle('Alice.TEST')).toBe('alice.test')
  for (const tld of [
    'local',
    'arpa',
    'invalid',
    'localhost',
    'internal',
    'example',
    'alt',
    'onion',
    'ONION',
  ]) {
    expect(isDisallowedTld(`alice.${tld}`)).toBe(true)
  }
  expect(isDisallowedTld('alice.test')).toBe(false)
  expect(isDisallowedTld('onion.com')).toBe(false)
})

describe('kinds of record keys', () => {
  test.each<[key: string, type: RecordKeyType, expected: boolean]>([
    ['3jzfcijpj2z2a', 'tid', true],
    ['self', 'tid', false],
    ['com.example.note', 'nsid', true],
    ['self', 'nsid', false],
    ['self', 'any', true],
    ['..', 'any', false],
    ['self', 'literal:self', true],
    ['other', 'literal:self', false],
    ['a/b', 'literal:a/b', false],
  ])('%s as %s: %s', (key, type, expected) => {
    expect(isRecordKeyOfType(key, type)).toBe(expected)
  })

  test('isRecordKeyType', () => {
    for (const type of ['tid', 'nsid', 'any', 'literal:self']) expect(isRecordKeyType(type)).toBe(true)
    for (const type of ['', 'TID', 'literal:', 'literal:a/b', 'self', null])
      expect(isRecordKeyType(type)).toBe(false)
    expect(isRecordKeyOfType('self', 'other' as RecordKeyType)).toBe(false)
    expect(isRecordKeyOfType(1, 'any')).toBe(false)
  })
})

test('failures say what is wrong, and show no more than a part of the text', () => {
  const failure = parseDid(`did:plc:${'é'.repeat(3000)}`)
  expect(failure.ok).toBe(false)
  expect(!failure.ok && failure.error.code).toBe('invalid-did')
  expect(!failure.ok && failure.error.message.length).toBeLessThan(300)
  expect(parseDid(42)).toMatchObject({
    ok: false,
    error: { message: expect.stringContaining('not a string') as string },
  })
  expect(() => {
    assertDid('x')
  }).toThrow(SyntaxFault)
  expect(() => {
    assertDid('x')
  }).toThrow(expect.objectContaining({ name: 'SyntaxFault', code: 'invalid-did' }))
})
