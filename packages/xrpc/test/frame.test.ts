import { encode } from '@avocet/cbor'
import { cidForRaw } from '@avocet/data'
import { describe, expect, it } from 'vitest'
import {
  decodeFrame,
  decodeFrameHeader,
  encodeErrorFrame,
  encodeFrame,
  fullType,
  shortType,
} from '../src/frame.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

describe('frames', () => {
  it('writes the bytes of the spec: header, then payload', () => {
    // {op: 1, t: '#info'} {name: 'OutdatedCursor'}: keys of one length in byte order, shorter keys first.
    expect(hex(encodeFrame('#info', { name: 'OutdatedCursor' }))).toBe(
      `a2617465${Buffer.from('#info').toString('hex')}626f7001a1646e616d656e${Buffer.from('OutdatedCursor').toString('hex')}`,
    )
  })

  it('writes the error frame that the reference server sends', () => {
    const expected = Buffer.concat([
      Buffer.from([0xa1, 0x62]),
      Buffer.from('op'),
      Buffer.from([0x20, 0xa2, 0x65]),
      Buffer.from('error'),
      Buffer.from([0x6c]),
      Buffer.from('FutureCursor'),
      Buffer.from([0x67]),
      Buffer.from('message'),
      Buffer.from([0x75]),
      Buffer.from('Cursor in the future.'),
    ])
    expect(hex(encodeErrorFrame('FutureCursor', 'Cursor in the future.'))).toBe(expected.toString('hex'))
  })

  it('reads back what it writes', () => {
    const cid = cidForRaw(new Uint8Array([1, 2, 3]))
    const body = { seq: 7, blocks: new Uint8Array([1, 2]), commit: cid, ops: [] }
    const read = decodeFrame(encodeFrame('#commit', body))
    expect(read.ok && read.value).toEqual({ kind: 'message', type: '#commit', body })
    expect(decodeFrame(encodeErrorFrame('ConsumerTooSlow'))).toEqual({
      ok: true,
      value: { kind: 'error', error: 'ConsumerTooSlow', message: undefined },
    })
  })

  it('hands out the payload undecoded, as a view', () => {
    const frame = encodeFrame('#commit', { seq: 1 })
    const header = decodeFrameHeader(frame)
    expect(header.ok && header.value.kind).toBe('message')
    expect(header.ok && hex(header.value.body)).toBe(hex(encode({ seq: 1 })))
    expect(header.ok && header.value.body.buffer).toBe(frame.buffer)
  })

  it.each([
    ['nothing', new Uint8Array(), 'invalid-cbor'],
    ['a cut frame', encodeFrame('#a', { seq: 1 }).slice(0, -1), 'invalid-cbor'],
    ['bytes after the payload', join(encodeFrame('#a', {}), encode(1)), 'invalid-cbor'],
    ['a header alone', encode({ op: 1, t: '#a' }), 'invalid-cbor'],
    ['a header that is a list', join(encode([1]), encode({})), 'invalid-header'],
    ['a header that is a CID', join(encode(cidForRaw(new Uint8Array())), encode({})), 'invalid-header'],
    ['no op', join(encode({ t: '#a' }), encode({})), 'invalid-header'],
    ['op as text', join(encode({ op: '1', t: '#a' }), encode({})), 'invalid-header'],
    ['no type', join(encode({ op: 1 }), encode({})), 'invalid-header'],
    ['an unknown op', join(encode({ op: 2, t: '#a' }), encode({})), 'unknown-op'],
    ['a payload that is a list', join(encode({ op: 1, t: '#a' }), encode([])), 'invalid-body'],
    [
      'a payload that is a CID',
      join(encode({ op: 1, t: '#a' }), encode(cidForRaw(new Uint8Array()))),
      'invalid-body',
    ],
    ['an error without a name', join(encode({ op: -1 }), encode({ message: 'x' })), 'invalid-body'],
    ['non-canonical CBOR', Uint8Array.from([0xa1, 0x62, 0x6f, 0x70, 0x18, 0x01]), 'invalid-cbor'],
  ])('refuses %s', (_, bytes, code) => {
    const read = decodeFrame(bytes)
    expect(read.ok ? 'ok' : read.error.code).toBe(code)
  })

  it('checks the size before it decodes', () => {
    const frame = encodeFrame('#a', { data: new Uint8Array(1000) })
    const read = decodeFrame(frame, { maxBytes: 1000 })
    expect(!read.ok && read.error.code).toBe('frame-too-large')
    const big = decodeFrame(new Uint8Array(5 * 1024 * 1024 + 1))
    expect(!big.ok && big.error.code).toBe('frame-too-large')
  })

  it('shortens and restores types', () => {
    const nsid = 'com.atproto.sync.subscribeRepos'
    expect(shortType(nsid, `${nsid}#commit`)).toBe('#commit')
    expect(shortType(nsid, '#commit')).toBe('#commit')
    expect(shortType(nsid, 'com.atproto.sync.subscribeReposX#a')).toBe('com.atproto.sync.subscribeReposX#a')
    expect(shortType(nsid, 'com.example.other#a')).toBe('com.example.other#a')
    expect(fullType(nsid, '#commit')).toBe(`${nsid}#commit`)
    expect(fullType(nsid, 'com.example.other#a')).toBe('com.example.other#a')
  })
})
