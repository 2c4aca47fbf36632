// Captures as browsers read them. What they share with those of files is in `capture.test.ts`.

import { expect, test } from 'vitest'
import { openChunks } from '../src/capture-chunks-web.ts'

async function read(capture: Parameters<typeof openChunks>[0]): Promise<number[]> {
  const bytes: number[] = []
  for await (const chunk of openChunks(capture)) bytes.push(...chunk)
  return bytes
}

test.each([
  ['bytes', Uint8Array.of(1, 2, 3, 4, 5)],
  ['a Blob', new Blob([Uint8Array.of(1, 2, 3, 4, 5)])],
])('%s are read as they are', async (_what, capture) => {
  expect(await read(capture)).toEqual([1, 2, 3, 4, 5])
})

test.each([
  ['a path', 'frames.bin'],
  ['an address', new URL('file:///frames.bin')],
])('%s is no capture there', async (_what, capture) => {
  await expect(read(capture)).rejects.toMatchObject({ code: 'invalid-option' })
})

test('bytes that are not what they say they are cannot be decompressed', async () => {
  const magic = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xff, 0xff, 0xff, 0xff)
  // Where zstd is not known, it is said instead.
  await expect(read(magic)).rejects.toMatchObject({
    code: expect.stringMatching(/^(capture-malformed|invalid-option)$/),
  })
})
