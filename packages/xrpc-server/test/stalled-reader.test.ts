// A caller that asks for a stream and takes nothing of it: what the stream is made from must not be held for it for ever.
import { connect } from 'node:net'
import { createCatalog, type LexiconDocument } from '@avocet/lexicon'
import { expect, it } from 'vitest'
import { createRouter, respond } from '../src/index.ts'
import { serve } from '../src/node/index.ts'

it('is cut off, and its stream is let go', async () => {
  let ended = false
  async function* endless(): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) yield new Uint8Array(64 * 1024)
    } finally {
      ended = true
    }
  }
  const method = { type: 'query', output: { encoding: 'application/octet-stream' } }
  const document = { lexicon: 1, id: 'com.example.bytes', defs: { main: method } } as LexiconDocument
  const router = createRouter({ catalog: createCatalog([document]) })
  router.add('com.example.bytes', () => respond({ encoding: 'application/octet-stream', body: endless() }))
  await using server = await serve({ router, stallMs: 300 })
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET /xrpc/com.example.bytes HTTP/1.1\r\nhost: x\r\n\r\n')
  const begun = performance.now()
  // Never read from: what the kernel takes fills up, and then nothing moves.
  await expect.poll(() => ended, { timeout: 10_000 }).toBe(true)
  expect(performance.now() - begun).toBeGreaterThan(250)
  socket.destroy()
})
