// What is read of frames that nobody accepted.

import { concatBytes } from '@avocet/data'
import { encode } from '@avocet/cbor'
import { describe, expect, test } from 'vitest'
import { outlineFrame } from '../src/queries/frame-outline.ts'

const HEADER = encode({ op: 1, t: '#commit' }).slice()
const linesOf = (frame: Uint8Array) =>
  outlineFrame(frame).lines.map(({ depth, name, text }) => `${'  '.repeat(depth)}${name}: ${text}`)

describe('the outline of a frame', () => {
  test('has header and body', () => {
    const body = encode({
      seq: 70_000,
      ok: true,
      no: null,
      down: -3,
      ops: [{ path: 'a.b/c' }],
      raw: new Uint8Array(30),
    })
    const frame = concatBytes([HEADER, body])
    expect(linesOf(frame)).toEqual([
      'header: 2 fields',
      '  t: "#commit"',
      '  op: 1',
      'body: 6 fields',
      '  no: null',
      '  ok: true',
      '  ops: 1 item',
      '    [0]: 1 field',
      '      path: "a.b/c"',
      `  raw: 30 bytes: ${'00'.repeat(24)}…`,
      '  seq: 70000',
      '  down: -3',
    ])
    expect(outlineFrame(frame).stopped).toBe(null)
  })

  test('ends at every byte it is cut at, and says where', () => {
    const frame = concatBytes([HEADER, encode({ rev: 'abc', seq: 70_000, list: [1, 2, 'three'] })])
    const whole = linesOf(frame)
    for (let end = 0; end < frame.length; end++) {
      const { lines, stopped } = outlineFrame(frame.subarray(0, end))
      expect(lines.length).toBeLessThanOrEqual(whole.length)
      // Between its two values it may be all there is.
      const isWhole = end === 0 || end === HEADER.length
      expect(stopped === null, String(end)).toBe(isWhole)
      if (!isWhole) expect(stopped!.at).toBeLessThanOrEqual(end)
    }
  })

  test.each([
    ['no CBOR at all', Buffer.from('not a frame'), 'the end of what is kept'],
    ['a reserved length', new Uint8Array([0x1c]), 'no value that frames have'],
    ['a length without end', new Uint8Array([0x9f, 1, 0xff]), 'no value that frames have'],
    ['a key that is no text', new Uint8Array([0xa1, 1, 1]), 'a key that is no text'],
    ['nothing but lists', new Uint8Array(4000).fill(0x81), 'deeper than frames are'],
    ['nothing but tags', new Uint8Array(4000).fill(0xc1), 'deeper than frames are'],
    [
      'more values than are shown',
      new Uint8Array([0x99, 0xff, 0xff, ...new Uint8Array(4000)]),
      'more values',
    ],
    [
      'a list said to be larger than memory',
      new Uint8Array([0x9b, ...new Uint8Array(8).fill(255), 1]),
      'the end',
    ],
    [
      'a text said to be larger than memory',
      new Uint8Array([0x7b, ...new Uint8Array(8).fill(255), 65]),
      'the end',
    ],
  ])('of %s: stops', (_, frame, why) => {
    const { lines, stopped } = outlineFrame(frame)
    expect(lines.length).toBeLessThanOrEqual(300)
    expect(stopped?.why ?? '').toContain(why)
  })

  test('long texts are cut', () => {
    const [line] = outlineFrame(encode('x'.repeat(5000)).slice()).lines
    expect(line!.text).toBe(`"${'x'.repeat(200)}…"`)
  })
})
