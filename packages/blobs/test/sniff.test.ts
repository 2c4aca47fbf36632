import { spawnSync } from 'node:child_process'

import { expect, test } from 'vitest'

import { SNIFF_BYTES, sniffMime } from '../src/sniff.ts'

const sniff = (text: string): string | null => sniffMime(Buffer.from(text.slice(0, SNIFF_BYTES), 'latin1'))

test.each([
  ['<!---->'.repeat(73), null],
  ['<!--'.repeat(128), null],
  ['<!---'.repeat(102), null],
  ['<?xml '.repeat(85), 'text/xml'],
  [`<?xml?>${'<!----> '.repeat(63)}`, 'text/xml'],
  [`<!doctype svg${'<!-->'.repeat(99)}`, null],
  [' '.repeat(512), null],
])('%s is sniffed in one pass', (text, expected) => {
  // In a process of its own: what runs away here cannot be stopped from within.
  const url = new URL('../src/sniff.ts', import.meta.url).href
  const code = `const { sniffMime } = await import(${JSON.stringify(url)})
    console.log(JSON.stringify(sniffMime(Buffer.from(${JSON.stringify(text)}, 'latin1').subarray(0, 512))))`
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    timeout: 5000,
    encoding: 'utf8',
  })
  expect([run.signal, run.stdout.trim()]).toEqual([null, JSON.stringify(expected)])
})

test.each([
  ['<!doctype html><p>', 'text/html'],
  ['\u00ef\u00bb\u00bf \n<HTML>', 'text/html'],
  ['<!-- a --> <!-- b --><script>', 'text/html'],
  ['<!--><script>', 'text/html'],
  ['<?php?><body>', 'text/html'],
  ['<!-- a', null],
  ['<p>', null],
  ['<svg xmlns="">', 'image/svg+xml'],
  [
    '<?xml version="1.0"?><?xml-stylesheet href="x"?><!-- a --><!DOCTYPE svg PUBLIC "x"><svg>',
    'image/svg+xml',
  ],
  ['<?xml version="1.0"?><html xmlns="">', 'text/xml'],
  ['<?xml version="1.0"?><rss>', 'text/xml'],
])('%s is %s', (text, expected) => {
  expect(sniff(text)).toBe(expected)
})

test.each<[string, readonly number[] | string, string | null]>([
  ['jpeg', [0xff, 0xd8, 0xff, 0xe0], 'image/jpeg'],
  ['gif', 'GIF89a....', 'image/gif'],
  ['webp', 'RIFF\u0001\u0002\u0003\u0004WEBPVP8 ', 'image/webp'],
  ['avif', '\0\0\0\u0020ftypavif\0\0\0\0', 'image/avif'],
  ['mp4', '\0\0\0\u0020ftypisom\0\0\0\0', 'video/mp4'],
  ['quicktime', '\0\0\0\u0020ftypqt  \0\0\0\0', 'video/quicktime'],
  ['svg', '<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg">', 'image/svg+xml'],
  ['html after a comment', '<!-- x --> <html>', 'text/html'],
  ['text', 'hello', null],
  ['nothing', '', null],
])('the bytes of %s', (_name, bytes, expected) => {
  const head = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : new Uint8Array(bytes)
  expect(sniffMime(head)).toBe(expected)
})
