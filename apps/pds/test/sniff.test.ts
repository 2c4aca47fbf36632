import { spawnSync } from 'node:child_process'

import { expect, test } from 'vitest'

import { SNIFF_BYTES, sniffMime } from '../src/blobs/sniff.ts'

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
  const url = new URL('../src/blobs/sniff.ts', import.meta.url).href
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
