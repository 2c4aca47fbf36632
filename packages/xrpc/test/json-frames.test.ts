// Frames of JSON event streams, as proposal 0015 writes them.
import { cidForRaw, formatCid } from '@avocet/data'
import { describe, expect, it } from 'vitest'
import { decodeJsonFrame, encodeJsonErrorFrame, encodeJsonFrame, isSubprotocol } from '../src/index.ts'

const nsid = 'com.example.count'
const cid = cidForRaw(new Uint8Array([1]))

describe('a frame of JSON', () => {
  it('is one object, whose payload has its full type', () => {
    expect(
      JSON.parse(encodeJsonFrame(nsid, '#number', { n: 1, link: cid, bytes: new Uint8Array([1, 2]) })),
    ).toEqual({
      $type: 'message',
      payload: {
        $type: 'com.example.count#number',
        n: 1,
        link: { $link: formatCid(cid) },
        bytes: { $bytes: 'AQI' },
      },
    })
    expect(JSON.parse(encodeJsonFrame(nsid, 'com.example.other#thing', {})).payload.$type).toBe(
      'com.example.other#thing',
    )
    expect(encodeJsonErrorFrame('FutureCursor', 'later')).toBe(
      '{"$type":"error","error":"FutureCursor","message":"later"}',
    )
    expect(encodeJsonErrorFrame('FutureCursor')).toBe('{"$type":"error","error":"FutureCursor"}')
  })

  it('reads back as it was', () => {
    const body = { n: 1, link: cid, bytes: new Uint8Array([1, 2]) }
    const read = decodeJsonFrame(encodeJsonFrame(nsid, '#number', body))
    expect(read).toMatchObject({ ok: true, value: { kind: 'message', type: 'com.example.count#number' } })
    if (read.ok && read.value.kind === 'message') expect(read.value.body).toEqual(body)
    const error = decodeJsonFrame(encodeJsonErrorFrame('FutureCursor', 'later'))
    expect(error).toEqual({ ok: true, value: { kind: 'error', error: 'FutureCursor', message: 'later' } })
    expect(decodeJsonFrame('{"$type":"error","error":"X","message":7}')).toMatchObject({
      value: { message: undefined },
    })
  })

  it.each([
    ['', 'invalid-json'],
    ['nonsense', 'invalid-json'],
    ['null', 'invalid-json'],
    ['[]', 'invalid-json'],
    ['{"$type":"message","payload":{"$type":"a.b.c#d","n":1.5}}', 'invalid-json'],
    ['{"$type":"message","payload":{"$type":"a.b.c#d","l":{"$link":"x"}}}', 'invalid-json'],
    ['{}', 'invalid-header'],
    ['{"$type":7}', 'invalid-json'],
    ['{"$type":"message"}', 'invalid-body'],
    ['{"$type":"message","payload":[]}', 'invalid-body'],
    ['{"$type":"message","payload":{"$bytes":"AQI"}}', 'invalid-body'],
    ['{"$type":"message","payload":{"n":1}}', 'invalid-header'],
    ['{"$type":"error"}', 'invalid-body'],
    ['{"$type":"ping"}', 'unknown-op'],
    [`${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'invalid-json'],
  ])('%s is %s', (text, code) => {
    expect(decodeJsonFrame(text)).toMatchObject({ ok: false, error: { code } })
  })

  it('is bounded in its length and in what it holds', () => {
    const text = encodeJsonFrame(nsid, '#number', { n: 1 })
    expect(decodeJsonFrame(text, { maxBytes: text.length }).ok).toBe(true)
    expect(decodeJsonFrame(text, { maxBytes: text.length - 1 })).toMatchObject({
      error: { code: 'frame-too-large' },
    })
    // The frame, its type, the payload, its type, its number.
    expect(decodeJsonFrame(text, { maxItems: 5 }).ok).toBe(true)
    expect(decodeJsonFrame(text, { maxItems: 4 })).toMatchObject({ error: { code: 'too-many-items' } })
  })

  it('knows the names of subprotocols to the letter', () => {
    expect(['xrpc.v0.cbor', 'xrpc.v1.json', 'xrpc.v1.cbor', 'XRPC.v1.json', ''].map(isSubprotocol)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
  })
})
