import { randomInt } from 'node:crypto'

import { expect, test } from 'vitest'

import { createDurationMeter } from '../src/duration.ts'
import {
  box,
  CLUSTER,
  EBML,
  element,
  endless,
  FTYP,
  header,
  length,
  MDAT,
  mehd,
  mp4,
  scale,
  webm,
  wideBox,
  wideHeader,
} from './media.ts'

function durationOf(bytes: Uint8Array, piece = bytes.length): number | null {
  const meter = createDurationMeter()
  for (let at = 0; at < bytes.length; at += piece) meter.add(bytes.subarray(at, at + piece))
  return meter.durationMs()
}

const moov = (...content: Uint8Array[]): Buffer => Buffer.concat([FTYP, box('moov', ...content), MDAT])

test.each<[string, Uint8Array, number | null]>([
  ['MP4, said before the pictures', moov(header('mvhd', 600, 90_000)), 150_000],
  ['MP4, said after them', mp4(150), 150_000],
  ['MP4, said in 64 bits', moov(wideHeader('mvhd', 48_000, 48_000n * 7200n)), 7_200_000],
  [
    'MP4, pictures of 64 bits',
    Buffer.concat([FTYP, wideBox('mdat', MDAT), box('moov', header('mvhd', 1, 9))]),
    9000,
  ],
  ['MP4, the whole of 64 bits', Buffer.concat([FTYP, wideBox('moov', header('mvhd', 1, 9)), MDAT]), 9000],
  [
    'MP4, a track longer than is said of all',
    moov(header('mvhd', 1000, 1000), box('trak', box('tkhd', MDAT), box('mdia', header('mdhd', 10, 36_000)))),
    3_600_000,
  ],
  [
    'MP4 in fragments',
    moov(
      header('mvhd', 1000, 0),
      box('trak', box('mdia', header('mdhd', 90_000, 0))),
      box('mvex', mehd(4500)),
    ),
    4500,
  ],
  ['MP4 in fragments that say nothing', moov(header('mvhd', 1000, 0), box('mvex', box('trex', u(20)))), null],
  ['MP4 of unknown length', moov(header('mvhd', 1000, 0xffff_ffff)), null],
  ['MP4 of no units', moov(header('mvhd', 0, 5)), null],
  ['MP4 without its header', moov(box('udta')), null],
  ['MP4 cut short', mp4(150).subarray(0, -90), null],
  ['MP4 with a box below its size', Buffer.concat([FTYP, Buffer.from('00000007mdat'), box('moov')]), null],
  [
    'MP4 whose pictures go to the end',
    Buffer.concat([FTYP, Buffer.from('\0\0\0\0mdat', 'latin1'), MDAT]),
    null,
  ],
  ['WebM', webm(150), 150_000],
  [
    'WebM in units of its own',
    Buffer.concat([EBML, element('18538067', element('1549a966', length(5), scale(1e9)))]),
    5000,
  ],
  [
    'WebM with few digits',
    Buffer.concat([EBML, endless('18538067', element('1549a966', length(1500, false)))]),
    1500,
  ],
  [
    'WebM after what does not count',
    Buffer.concat([EBML, endless('18538067', element('ec', u(300)), element('1549a966', length(9)))]),
    9,
  ],
  [
    'WebM, recorded live',
    Buffer.concat([EBML, endless('18538067', element('1549a966', scale(1e6)), CLUSTER)]),
    null,
  ],
  ['WebM without a word', Buffer.concat([EBML, endless('18538067', CLUSTER)]), null],
  [
    'WebM of no number',
    Buffer.concat([EBML, endless('18538067', element('1549a966', length(Number.NaN)))]),
    null,
  ],
  ['WebM below zero', Buffer.concat([EBML, endless('18538067', element('1549a966', length(-5)))]), null],
  ['something else', Buffer.alloc(1000, 'text '), null],
  ['nothing', Buffer.alloc(0), null],
])('%s', (_, bytes, expected) => {
  for (const piece of [bytes.length, 1, 7, 100]) expect(durationOf(bytes, Math.max(piece, 1))).toBe(expected)
})

function u(count: number): Buffer {
  return Buffer.alloc(count)
}

test('parts are counted: those without end are given up', () => {
  const many = (count: number): Buffer =>
    Buffer.concat([
      FTYP,
      ...Array.from({ length: count }, () => box('free')),
      box('moov', header('mvhd', 1, 9)),
    ])
  expect(durationOf(many(9000))).toBe(9000)
  expect(durationOf(many(10_000))).toBeNull()
})

test('whatever the bytes are, it neither throws nor waits', () => {
  for (let round = 0; round < 3000; round++) {
    const bytes = Buffer.from(round % 2 === 0 ? mp4(3) : webm(3))
    for (let i = 0; i < 5; i++) bytes[randomInt(round % 3 === 0 ? 60 : bytes.length)] = randomInt(256)
    expect(() => durationOf(bytes, randomInt(1, 200))).not.toThrow()
  }
})
