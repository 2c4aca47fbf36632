// XRPC servers beside their peers, and beside the bare node:http under them. Run: node bench/xrpc.ts
//
// The clients of the HTTP rows are in the same process and do next to nothing; candidates take turns in short slices, so
// that all see the same machine. The subscribers of the fan-out are in a process of their own; what counts is the CPU of the
// server's process.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import {
  ComAtprotoIdentityResolveHandle as AtcuteResolveHandle,
  ComAtprotoRepoCreateRecord as AtcuteCreateRecord,
} from '@atcute/atproto'
import { json, XRPCRouter } from '@atcute/xrpc-server'
import { createServer as createAtproto, MessageFrame } from '@atproto/xrpc-server'
import { documents } from '@avocet/lexicons/catalog'
import {
  ComAtprotoIdentityResolveHandle,
  ComAtprotoRepoCreateRecord,
  ComAtprotoSyncSubscribeRepos,
} from '@avocet/lexicons/com.atproto'
import { encodeFrame } from '@avocet/xrpc'
import { createRouter } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'
import { serve as serveHono } from '@hono/node-server'
import express from 'express'
import { WebSocketServer } from 'ws'

import { record, save } from './support/compare.ts'
import { load, median } from './support/load.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz' as const
const cid = 'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm'
const uri = `at://${did}/app.bsky.feed.post/3jzfcijpj2z2a` as const

/** What a candidate is: a port, and how to stop it. */
interface Running {
  readonly port: number
  close(): unknown
}

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port

async function listening(server: Server): Promise<Running> {
  if (!server.listening) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  return {
    port: portOf(server),
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

const startOurs = (): Promise<Running> =>
  serve({
    router: createRouter()
      .add(ComAtprotoIdentityResolveHandle.main, async () => ({ did }))
      .add(ComAtprotoRepoCreateRecord.main, async () => ({ uri, cid })),
  })

// The least that a server of these methods must do: no routing, no checks, no CORS.
function startBare(): Promise<Running> {
  const answer = (response: import('node:http').ServerResponse, value: object): void => {
    const body = JSON.stringify(value)
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    response.end(body)
  }
  return listening(
    createServer((message, response) => {
      if (message.method === 'GET') {
        answer(response, { did })
        return
      }
      const chunks: Buffer[] = []
      message.on('data', (chunk: Buffer) => chunks.push(chunk))
      message.on('end', () => {
        JSON.parse(Buffer.concat(chunks).toString())
        answer(response, { uri, cid })
      })
    }),
  )
}

function atproto(): ReturnType<typeof createAtproto> {
  const wanted = /^com\.atproto\.(identity\.resolveHandle|repo\.(createRecord|defs)|sync\.subscribeRepos)$/
  return createAtproto([...documents.values()].filter((document) => wanted.test(document.id)) as never)
}

function startAtproto(): Promise<Running> {
  const server = atproto()
  const encoding = 'application/json'
  server.method('com.atproto.identity.resolveHandle', async () => ({ encoding, body: { did } }))
  server.method('com.atproto.repo.createRecord', async () => ({ encoding, body: { uri, cid } }))
  return listening(server.listen(0) as Server)
}

async function startAtcute(): Promise<Running> {
  const router = new XRPCRouter()
  router.addQuery(AtcuteResolveHandle.mainSchema, { handler: async () => json({ did }) })
  router.addProcedure(AtcuteCreateRecord.mainSchema, { handler: async () => json({ uri, cid }) })
  const server = serveHono({ fetch: router.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  if (!server.listening) await once(server, 'listening')
  return listening(server)
}

const candidates = {
  avocet: startOurs,
  'bare node:http': startBare,
  '@atproto/xrpc-server': startAtproto,
  '@atcute/xrpc-server': startAtcute,
}

async function compareHttp(
  work: string,
  request: Buffer,
  target: number | null,
  note: string,
): Promise<void> {
  const running = new Map<string, Running>()
  for (const [name, start] of Object.entries(candidates)) running.set(name, await start())
  const rates = new Map<string, number[]>()
  for (let slice = 0; slice < 24; slice += 1) {
    for (const [name, { port }] of running) {
      const rate = await load(port, request, 3000)
      // The first slices warm the compiler up.
      if (slice >= 4) rates.set(name, [...(rates.get(name) ?? []), rate])
    }
  }
  for (const server of running.values()) await server.close()
  record(
    work,
    { unit: 'requests per CPU second', ...(target === null ? {} : { target }), note },
    [...rates].map(([name, all]) => ({ name, perSecond: median(all) })),
  )
}

const head = 'host: localhost\r\naccept: */*\r\naccept-encoding: gzip, deflate\r\nuser-agent: bench\r\n'
const get = Buffer.from(
  `GET /xrpc/com.atproto.identity.resolveHandle?handle=alice.example.com HTTP/1.1\r\n${head}\r\n`,
)
const input = JSON.stringify({
  repo: did,
  collection: 'app.bsky.feed.post',
  record: {
    $type: 'app.bsky.feed.post',
    text: 'Forty avocets on the mudflats this morning, sweeping their bills from side to side. '.repeat(3),
    createdAt: '2026-01-01T00:00:00.000Z',
    langs: ['en'],
    reply: { root: { uri, cid }, parent: { uri, cid } },
  },
})
const post = Buffer.from(
  `POST /xrpc/com.atproto.repo.createRecord HTTP/1.1\r\n${head}content-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(input)}\r\n\r\n${input}`,
)

await compareHttp(
  'a validated query over HTTP',
  get,
  0.8,
  'com.atproto.identity.resolveHandle; 16 connections; client included; ours with CORS and request ids',
)
await compareHttp(
  'a validated procedure over HTTP',
  post,
  null,
  `com.atproto.repo.createRecord, ${input.length} bytes of JSON`,
)

const subscribers = 200
const perSecond = 500
const seconds = 6
// What a frame of the network weighs on average.
const body = { seq: 1, repo: did, blocks: new Uint8Array(5300) }
const path = '/xrpc/com.atproto.sync.subscribeRepos'

/** Something with subscribers, all of which get what is published. */
interface Stream extends Running {
  publish(seq: number): void
}

/** The last thousand of what was published; wakes whoever waits for more. */
function createLog<T>(): { push(item: T): void; read(signal: AbortSignal): AsyncGenerator<T> } {
  const items = new Map<number, T>()
  let end = 0
  let wake = Promise.withResolvers<void>()
  return {
    push(item) {
      items.set(end, item)
      items.delete(end - 1000)
      end += 1
      wake.resolve()
      wake = Promise.withResolvers()
    },
    async *read(signal) {
      for (let at = end; !signal.aborted; at += 1) {
        if (at >= end) await wake.promise
        // The wait ends with the item, or with the stream.
        const item = items.get(at)
        if (item !== undefined) yield item
      }
    },
  }
}

async function streamOurs(): Promise<Stream> {
  const log = createLog<Uint8Array>()
  const router = createRouter().add(ComAtprotoSyncSubscribeRepos.main, ({ signal }) => log.read(signal))
  const server = await serve({ router })
  return {
    port: server.port,
    publish: (seq) => log.push(encodeFrame('#commit', { ...body, seq })),
    // Readers of the log wait for one more item before they see that they are gone.
    close: async () => {
      const closing = server.close()
      log.push(encodeFrame('#info', {}))
      await closing
    },
  }
}

// The socket write itself: one loop over the sockets, frames encoded once, no queue, no bound.
async function streamBare(): Promise<Stream> {
  const http = createServer()
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false })
  const running = await listening(http)
  return {
    port: running.port,
    publish: (seq) => {
      const frame = encodeFrame('#commit', { ...body, seq })
      for (const socket of sockets.clients) socket.send(frame)
    },
    close: () => {
      for (const socket of sockets.clients) socket.terminate()
      sockets.close()
      running.close()
    },
  }
}

async function streamAtproto(): Promise<Stream> {
  const log = createLog<object>()
  const server = atproto()
  server.streamMethod('com.atproto.sync.subscribeRepos', async function* ({ signal }) {
    for await (const item of log.read(signal)) yield new MessageFrame(item as never, { type: '#commit' })
  })
  const http = express().use(server.router).listen(0)
  const running = await listening(http)
  return { ...running, publish: (seq) => log.push({ ...body, seq }) }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heap(): number {
  collect()
  return process.memoryUsage().heapUsed
}

/** CPU of the server per frame to one subscriber, in seconds; and how its heap grew, garbage aside. */
async function fanOut(start: () => Promise<Stream>): Promise<{ cpu: number; grown: number; late: number }> {
  const stream = await start()
  const readers = spawn(
    process.execPath,
    [join(import.meta.dirname, 'xrpc-drain.ts'), String(stream.port), path, String(subscribers)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const lines = createInterface(readers.stdout)[Symbol.asyncIterator]()
  await lines.next()
  let sent = 0
  const run = async (count: number): Promise<number> => {
    const started = performance.now()
    for (let i = 0; i < count; i += 1) {
      stream.publish((sent += 1))
      const due = started + ((i + 1) * 1000) / perSecond
      if (due > performance.now())
        await new Promise((resolve) => setTimeout(resolve, due - performance.now()))
      else await new Promise((resolve) => setImmediate(resolve))
    }
    return performance.now() - started - (count * 1000) / perSecond
  }
  await run(perSecond)
  const memory = heap()
  const cpu = process.cpuUsage()
  const count = perSecond * seconds
  const late = await run(count)
  const { user, system } = process.cpuUsage(cpu)
  const grown = heap() - memory
  readers.stdin.end()
  await lines.next()
  readers.kill()
  await stream.close()
  return { cpu: (user + system) / 1e6 / (count * subscribers), grown, late }
}

const streams = { avocet: streamOurs, 'bare ws': streamBare, '@atproto/xrpc-server': streamAtproto }
const costs = new Map<string, number>()
for (const [name, start] of Object.entries(streams)) {
  const { cpu, grown, late } = await fanOut(start)
  costs.set(name, cpu)
  const share = (cpu * perSecond * 100).toFixed(3)
  console.log(
    `${name}: ${(cpu * 1e6).toFixed(1)} µs of CPU a frame, ${share} % of a core a subscriber; heap ${(grown / 1e6).toFixed(1)} MB; late ${late.toFixed(0)} ms`,
  )
}
record(
  `fan-out to ${subscribers} subscribers × ${perSecond} events/s`,
  {
    unit: 'frames per CPU second',
    note: 'CPU of the server process; 5.4 kB frames; bare ws is one loop of ws.send',
  },
  [...costs].map(([name, cpu]) => ({ name, perSecond: 1 / cpu })),
)
save('xrpc')
