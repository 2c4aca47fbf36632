// What a request of a webhook may have, and what its receiver may ask for and cost. Between a group that is a list and a receiver that is real.

import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { Group } from '../src/delivery/group-types.ts'
import { createWindow, type Entry, type Owner, type Window } from '../src/delivery/window.ts'
import type { LogEvent } from '../src/stream/log-reader.ts'
import type { StreamEvent } from '../src/stream/event.ts'
import { createPost, type Outcome } from '../src/webhooks/post.ts'
import { startWorker, type Worker } from '../src/webhooks/worker.ts'
import { eventually, startIndexer } from './support/indexer.ts'
import { post as postOf, startHost } from './support/host.ts'
import { type Receiver, startReceiver } from './support/receiver.ts'

const opened: AsyncDisposable[] = []
const workers: Worker[] = []
const servers: Server[] = []
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop()
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

const receive = async (...args: Parameters<typeof startReceiver>): Promise<Receiver> => {
  const receiver = await startReceiver(...args)
  opened.push(receiver)
  return receiver
}
const signal = new AbortController().signal
const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']
const hook = (url: string) => ({ name: 'a', url, secrets, allowLoopback: true })

/** A worker on events of accounts that have one each. @param sizes characters of each event's text */
const work = (
  sizes: readonly number[],
  post: Parameters<typeof startWorker>[0]['post'],
  didOf = (i: number): string => `did:web:n${i}`,
): { readonly window: Window; readonly wake: () => void } => {
  const window = createWindow({ pending: 1e6, tries: 3, backoffMs: () => 1e9, stalledMs: 1e12 })
  sizes.forEach((_, i) =>
    window.add({ seq: i + 1, did: didOf(i), isLive: true, kind: 'commit' } as unknown as LogEvent, null),
  )
  let attached: Owner | undefined
  const group = {
    name: 'webhook/a',
    attach(owner) {
      attached = owner
      owner.wake()
    },
    detach() {},
    take: (owner, behind) =>
      behind === undefined ? window.take(owner, Infinity) : window.takeBehind(behind, owner, Infinity),
    read: ({ event }: Entry) => ({ seq: event.seq }) as StreamEvent,
    ack: (seq) => window.ack(seq),
    fail: (entry) => void window.fail(entry, 0),
    giveBack: (entries) => window.giveBack(entries),
  } as Partial<Group> as Group
  const worker = startWorker({
    group,
    post,
    format: 'batch',
    maxEvents: 100,
    write: ({ seq }) => JSON.stringify({ seq, x: 'x'.repeat(sizes[seq - 1] ?? 0) }),
    onLog: () => {},
    onError: (error) => expect.fail(String(error)),
  })
  workers.push(worker)
  return { window, wake: () => attached!.wake() }
}

test('events of several accounts are in the order of the log', async () => {
  const batches: number[][] = []
  work(
    Array.from({ length: 12 }, () => 10),
    async (_, seqs): Promise<Outcome> => {
      batches.push([...seqs])
      return { kind: 'taken' }
    },
    (i) => `did:web:n${i % 3}`,
  )
  await eventually(() => batches.flat().length === 12)
  expect(batches).toEqual([Array.from({ length: 12 }, (_, i) => i + 1)])
})

test('an event that failed is sent alone from then on', async () => {
  const batches: number[][] = []
  const { window, wake } = work(
    Array.from({ length: 20 }, () => 10),
    async (_, seqs): Promise<Outcome> => {
      batches.push([...seqs])
      return seqs.includes(7)
        ? { kind: 'rejected', reason: 'status 500', retryAfterMs: 0 }
        : { kind: 'taken' }
    },
  )
  await eventually(() => window.size === 1 && window.failing === 1, 20_000)
  batches.length = 0
  for (let seq = 101; seq <= 110; seq++)
    window.add({ seq, did: `did:web:m${seq}`, isLive: true, kind: 'commit' } as unknown as LogEvent, null)
  window.due(1e12)
  wake()
  await eventually(() => window.size === 1 && batches.flat().length >= 11, 20_000)
  expect(batches.filter((seqs) => seqs.includes(7))).toEqual([[7]])
})

test('a request has at most a hundred events, and 256 KiB unless one is larger', async () => {
  const sizes = [
    ...Array.from({ length: 150 }, () => 10),
    ...Array.from({ length: 20 }, () => 30_000),
    600_000,
    ...Array.from({ length: 5 }, () => 10),
  ]
  const bodies: { count: number; bytes: number }[] = []
  const seqs: number[] = []
  work(sizes, async (body, numbers): Promise<Outcome> => {
    bodies.push({ count: numbers.length, bytes: Buffer.byteLength(body) })
    seqs.push(...numbers)
    return { kind: 'taken' }
  })
  await eventually(() => seqs.length === sizes.length)
  expect(seqs).toEqual(sizes.map((_, i) => i + 1))
  expect(Math.max(...bodies.map(({ count }) => count))).toBe(100)
  const large = bodies.filter(({ bytes }) => bytes > 256 * 1024 + 2000)
  expect(large).toMatchObject([{ count: 1 }])
})

test('one event among many is found in a few requests, and nothing else comes twice', async () => {
  const taken: number[] = []
  let requests = 0
  work(
    Array.from({ length: 300 }, () => 10),
    async (_, seqs): Promise<Outcome> => {
      requests++
      if (seqs.includes(77)) return { kind: 'rejected', reason: 'status 500', retryAfterMs: 0 }
      taken.push(...seqs)
      return { kind: 'taken' }
    },
  )
  await eventually(() => taken.length === 299, 20_000)
  expect(new Set(taken).size).toBe(299)
  expect(requests).toBeLessThan(40)
})

test('the same events have the same id, and others another', async () => {
  const receiver = await receive()
  const post = await createPost(hook(receiver.url), Date.now)
  for (const seqs of [
    [1, 2, 3, 4],
    [1, 2, 3, 4],
    [1, 2],
    [3, 4],
  ])
    await post('{}', seqs, signal)
  const ids = receiver.requests.map(({ headers }) => headers['webhook-id'])
  expect(ids[1]).toBe(ids[0])
  expect(new Set(ids).size).toBe(3)
  const other = await createPost({ ...hook(receiver.url), name: 'b' }, Date.now)
  await other('{}', [1, 2, 3, 4], signal)
  expect(ids).not.toContain(receiver.requests.at(-1)!.headers['webhook-id'])
})

test('a receiver asks for an hour at most', async () => {
  const asked = ['5', '99999999', 'x', '-1', new Date(Date.now() + 1e12).toUTCString(), '0']
  const receiver = await receive((_, response) => {
    response.writeHead(429, { 'retry-after': asked[receiver.requests.length - 1]! }).end()
    return null
  })
  const post = await createPost(hook(receiver.url), Date.now)
  const waits: number[] = []
  for (const _ of asked) {
    const outcome = await post('{}', [1], signal)
    waits.push(outcome.kind === 'unavailable' ? outcome.retryAfterMs : -1)
  }
  expect(waits).toEqual([5000, 3_600_000, 0, 0, 3_600_000, 0])
})

test('a receiver whose answers drip has no connection for more than a second or so', async () => {
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200)
    const timer = setInterval(() => response.write('.'), 20)
    response.once('close', () => clearInterval(timer))
  })
  servers.push(server)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const post = await createPost(hook(url), Date.now)
  for (let i = 0; i < 20; i++) expect(await post('{}', [i], signal)).toEqual({ kind: 'taken' })
  expect(sockets.size).toBeGreaterThan(0)
  await eventually(() => sockets.size === 0, 5000)
})

test('an answer without end is left after its first kilobytes', async () => {
  let sent = 0
  const receiver = await receive((_, response) => {
    response.writeHead(200)
    const chunk = Buffer.alloc(256 * 1024, 'x')
    const more = (): void => {
      while (!response.destroyed && response.write(chunk)) sent += chunk.length
      sent += chunk.length
    }
    response.on('drain', more)
    more()
    return null
  })
  const post = await createPost(hook(receiver.url), Date.now)
  expect(await post('{}', [1], signal)).toEqual({ kind: 'taken' })
  await new Promise((resolve) => setTimeout(resolve, 1200))
  // What the system takes for a connection that nobody reads, and little more.
  expect(sent).toBeLessThan(12 * 1024 * 1024)
})

test('an answer that takes its time is waited for, and its events are not sent twice', async () => {
  await using host = await startHost()
  const alice = await host.createAccount('alice')
  const receiver = await receive(async () => {
    await new Promise((resolve) => setTimeout(resolve, 1600))
    return 200
  })
  // Were it overdue, it would be given up at once.
  const webhooks = [{ name: 'slow', url: receiver.url, tries: 1, filter: { kinds: ['commit'] as const } }]
  await using indexer = await startIndexer(host, { backfill: false, webhooks })
  await host.write(alice, [
    { action: 'create', collection: 'app.bsky.feed.post', rkey: 'a', record: postOf('a') },
  ])
  await eventually(() => {
    const [stats] = indexer.status().consumers
    return stats!.behind + stats!.unacked === 0 && receiver.requests.length > 0
  })
  expect(receiver.requests).toHaveLength(1)
  expect(indexer.status().consumers[0]).toMatchObject({ failing: 0, deadLetters: 0 })
})
