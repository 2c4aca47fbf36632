import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

import { createCatalog } from '@avocet/lexicon'
import { expect, test } from 'vitest'

import { createRouter, respond, type Router } from '../src/index.ts'
import { serve } from '../src/node/index.ts'

const query = (id: string, encoding: string) => ({
  lexicon: 1,
  id,
  defs: { main: { type: 'query', output: { encoding } } },
})
const catalog = createCatalog([
  query('com.example.file', '*/*'),
  query('com.example.download', 'application/vnd.ipld.car'),
] as never)

const path = '/xrpc/com.example.file'

/** Answers with a stream of Node, as a file is; `open` counts those that are not closed. */
function files(headers: Record<string, string> = {}): { router: Router; open: () => number } {
  let count = 0
  const router = createRouter({ catalog }).add('com.example.file', {
    handler: () => {
      count += 1
      const body = new Readable({ read() {} })
      body.push('x'.repeat(5000))
      body.once('close', () => (count -= 1))
      return respond({ encoding: headers['content-type'] ?? 'application/octet-stream', body, headers })
    },
  })
  return { router, open: () => count }
}

test.each([
  ['as it is', {}],
  ['compressed', { 'content-type': 'text/plain' }],
])('the stream behind an answer to HEAD is closed, %s', async (_, headers) => {
  const { router, open } = files(headers)
  await using server = await serve({ router })
  const request = { method: 'HEAD', headers: { 'accept-encoding': 'gzip' } }
  const answer = await fetch(server.url + path, request)
  expect([answer.status, answer.headers.get('content-encoding')]).toEqual([
    200,
    'content-type' in headers ? 'gzip' : null,
  ])
  await expect.poll(open).toBe(0)
  expect((await router.fetch(new Request(`http://x${path}`, request))).status).toBe(200)
  await expect.poll(open).toBe(0)
})

test('the stream behind an answer that cannot be sent, or that comes too late, is closed', async () => {
  const streams: Readable[] = []
  const router = createRouter({ catalog, limits: { handlerMs: 20 } })
  router.add('com.example.download', () => {
    streams.push(createReadStream(import.meta.filename))
    return respond({ body: streams.at(-1)!, encoding: 'text/odd' })
  })
  router.add('com.example.file', async () => {
    await sleep(600)
    streams.push(createReadStream(import.meta.filename))
    return respond({ body: streams.at(-1)!, encoding: 'text/plain' })
  })
  const status = async (nsid: string) => (await router.fetch(new Request(`http://x/xrpc/${nsid}`))).status
  expect([await status('com.example.download'), await status('com.example.file')]).toEqual([500, 504])
  await expect.poll(() => streams.map(({ destroyed }) => destroyed)).toEqual([true, true])
})

test('a caller who leaves half way ends the stream', async () => {
  const { router, open } = files()
  await using server = await serve({ router })
  const socket = connect(server.port, '127.0.0.1')
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
  await once(socket, 'data')
  expect(open()).toBe(1)
  socket.destroy()
  await expect.poll(open).toBe(0)
})
