// In servers that somebody else owns: Express and Hono with routes and sockets of their own beside the router's.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve as serveHono, type HttpBindings } from '@hono/node-server'
import { decodeFrame } from '@avocet/xrpc'
import express from 'express'
import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { createRouter, type RequestReport, type Router } from '../src/index.ts'
import { createAddressReader, createUpgrader, nodeHandler, serve, type Upgrader } from '../src/node/index.ts'
import { catalog } from './methods.ts'

const TRUST = { trustProxy: true } as const
const FORWARDED = { 'x-forwarded-for': '203.0.113.9' }

let reports: RequestReport[]
let router: Router
let sockets: Upgrader
let server: Server
beforeEach(() => {
  reports = []
  router = createRouter({ catalog, onRequest: (report) => reports.push(report) })
    .add('com.example.echo', { handler: ({ params }) => ({ text: params.text }) })
    .add('com.example.count', {
      handler: async function* ({ params }) {
        for (let n = params.start; n < params.end; n++) yield { $type: '#number', n }
      },
    })
  sockets = createUpgrader(router, TRUST)
})
afterEach(async () => {
  await sockets.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const address = (): string => `127.0.0.1:${(server.address() as AddressInfo).port}`

/** What a socket hears: numbers of the subscription, or texts. */
async function hear(path: string, headers = {}): Promise<unknown[]> {
  const ws = new WebSocket(`ws://${address()}${path}`, { headers })
  const heard: unknown[] = []
  ws.on('message', (data: Buffer, isBinary) => {
    const frame = isBinary ? decodeFrame(data) : null
    heard.push(frame?.ok === true && frame.value.kind === 'message' ? frame.value.body['n'] : String(data))
  })
  await once(ws, 'close')
  return heard
}

/** The status that refuses a socket. */
async function refused(path: string): Promise<number | undefined> {
  const ws = new WebSocket(`ws://${address()}${path}`)
  ws.on('error', () => {})
  const [, response] = (await once(ws, 'unexpected-response')) as [unknown, { statusCode?: number }]
  ws.terminate()
  return response.statusCode
}

const mounts = {
  Express: async () => {
    const app = express()
    app.use(nodeHandler(router, TRUST))
    app.use(express.json())
    app.post('/own', (request, response) => void response.json(request.body))
    server = createServer(app).listen(0, '127.0.0.1')
    await once(server, 'listening')
  },
  Hono: async () => {
    const addressOf = createAddressReader(TRUST.trustProxy)
    const app = new Hono<{ Bindings: HttpBindings }>()
    app.all('/xrpc/*', ({ req, env }) => router.fetch(req.raw, { address: addressOf(env.incoming) }))
    app.post('/own', async (context) => context.json(await context.req.json()))
    server = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
    await once(server, 'listening')
  },
}

describe.each(Object.entries(mounts))('%s', (_, mount) => {
  it('serves methods, subscriptions and routes of its own', async () => {
    await mount()
    server.on('upgrade', sockets.upgrade)
    const url = `http://${address()}`
    const echoed = await fetch(`${url}/xrpc/com.example.echo?text=through`, { headers: FORWARDED })
    expect([echoed.status, await echoed.json()]).toEqual([200, { text: 'through' }])
    const headers = { 'content-type': 'application/json' }
    const own = await fetch(`${url}/own`, { method: 'POST', headers, body: '{"a":1}' })
    expect([own.status, await own.json()]).toEqual([200, { a: 1 }])
    expect((await fetch(`${url}/xrpc/com.example.unknown`)).status).toBe(501)
    expect(await hear('/xrpc/com.example.count?start=2&end=5', FORWARDED)).toEqual([2, 3, 4])
    expect((await fetch(`${url}/xrpc/com.example.count`)).status).toBe(426)
    expect(await refused('/chat')).toBe(501)
    const callers = reports.filter((report) => report.address === '203.0.113.9').map(({ method }) => method)
    expect(callers).toEqual(['GET', 'WS'])
  })

  it('has sockets of its own beside them', async () => {
    await mount()
    const chat = new WebSocketServer({ noServer: true })
    server.on('upgrade', (message, socket, head) => {
      sockets.upgrade(message, socket, head, () =>
        chat.handleUpgrade(message, socket, head, (ws) => {
          ws.send(`at ${message.url}`)
          ws.close()
        }),
      )
    })
    expect(await hear('/chat')).toEqual(['at /chat'])
    // Only below `/xrpc/` is the router's.
    expect(await hear('/xrpc')).toEqual(['at /xrpc'])
    expect(await hear('/xrpc/com.example.count?start=7&end=8')).toEqual([7])
    expect(await refused('/xrpc/com.example.echo')).toBe(501)
  })
})

it('has sockets of its own at paths of `serve` that look like methods', async () => {
  const chat = new WebSocketServer({ noServer: true })
  await using serving = await serve({
    router: createRouter({ catalog }),
    upgradePaths: ['/xrpc/com.example.own'],
    upgrade: (message, socket, head) =>
      chat.handleUpgrade(message, socket, head, (ws) => {
        ws.send(`at ${message.url}`)
        ws.close()
      }),
  })
  const ask = async (path: string): Promise<string | number> => {
    const ws = new WebSocket(`${serving.url.replace('http', 'ws')}${path}`)
    ws.on('error', () => {})
    return new Promise((resolve) => {
      ws.once('message', (data: Buffer) => resolve(data.toString()))
      ws.once('unexpected-response', (_, { statusCode }) => resolve(statusCode!))
    })
  }
  expect(await ask('/xrpc/com.example.own?x=/y')).toBe('at /xrpc/com.example.own?x=/y')
  expect(await ask('/other')).toBe('at /other')
  expect(await ask('/xrpc/com.example.own2')).toBe(501)
  expect(await ask('/xrpc/com.example.own/')).toBe(501)
})

it('leaves what it passed on to whoever took it, errors of its socket included', async () => {
  let passed: import('node:stream').Duplex | undefined
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.on('upgrade', (message, socket, head) => {
    sockets.upgrade(message, socket, head, () => (passed = socket))
  })
  const ws = new WebSocket(`ws://${address()}/elsewhere`)
  ws.on('error', () => {})
  await expect.poll(() => passed).toBeDefined()
  expect(passed!.listenerCount('error')).toBe(0)
  passed!.destroy()
})
