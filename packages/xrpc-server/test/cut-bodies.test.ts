// Bodies that a server stops reading half way: what is left of them comes in at any instant after that.
import { setImmediate as turn } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { expect, it, onTestFinished } from 'vitest'
import { XrpcError } from '@avocet/xrpc'
import { createRouter } from '../src/index.ts'
import { serve } from '../src/node/index.ts'
import { catalog } from './methods.ts'

const ROUNDS = 18

/** What would have ended the process. */
function uncaught(): unknown[] {
  const faults: unknown[] = []
  const note = (error: unknown): void => void faults.push(error)
  process.on('uncaughtException', note)
  onTestFinished(() => void process.off('uncaughtException', note))
  return faults
}

/** Reads, some turns of the event loop a chunk, until it is too much. */
async function take(body: AsyncIterable<Uint8Array>, max: number, turns: number): Promise<void> {
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > max) throw new XrpcError(413, 'PayloadTooLarge', 'enough')
    for (let i = 0; i < turns; i++) await turn()
  }
}

it.each(['gzip', 'plain'])('survives every instant at which a body is let go: %s', async (form) => {
  const faults = uncaught()
  let turns = 0
  const router = createRouter({
    catalog,
    limits: { jsonBytes: 100_000 },
    fallback: async ({ request }) => {
      await take(request.body!, 300_000, turns)
      return new Response('taken')
    },
  })
    .add('com.example.put', { handler: async ({ input }) => ({ name: input.name }) })
    .add('com.example.upload', {
      handler: async ({ input, encoding }) => {
        await take(input, 300_000, turns)
        return { size: 0, type: encoding }
      },
    })
  await using server = await serve({ router })
  const plain = Buffer.alloc(3_000_000, 0x20)
  const body = form === 'gzip' ? gzipSync(plain) : plain.subarray(0, 600_000)
  const send = async (nsid: string, type: string): Promise<string> => {
    const response = await fetch(`${server.url}/xrpc/${nsid}`, {
      method: 'POST',
      headers: { 'content-type': type, ...(form === 'gzip' ? { 'content-encoding': 'gzip' } : {}) },
      body,
    })
    return `${response.status} ${((await response.json()) as { error: string }).error}`
  }
  for (let round = 0; round < ROUNDS; round++) {
    turns = round % 6
    expect(await send('com.example.put', 'application/json')).toBe('413 PayloadTooLarge')
    expect(await send('com.example.upload', 'image/png')).toBe('413 PayloadTooLarge')
    // What is handed on is not unpacked.
    if (form === 'plain') expect(await send('com.example.other', 'image/png')).toBe('413 PayloadTooLarge')
  }
  expect(faults).toEqual([])
})
