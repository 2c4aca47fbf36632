// A process of its own with many subscribers of one indexer's streams, each with another filter. It tells how many events came. On Tap's
// `/channel` each event is acknowledged. It also receives webhooks.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket } from 'ws'

/** Subscribers, and a receiver of webhooks. */
export type Subscribers = AsyncDisposable & {
  /** Where webhooks are received. */
  readonly webhook: string
  /** A subscriber more for each path. */
  follow(url: string, paths: readonly string[]): Promise<void>
  /** Messages, and requests of webhooks. */
  received(): Promise<number>
}

/** Nobody follows at first. */
export async function startSubscribers(): Promise<Subscribers> {
  const child = fork(new URL(import.meta.url).pathname, [], { execArgv: [] })
  const [webhook] = (await once(child, 'message')) as [string]
  return {
    webhook,
    async follow(url, paths) {
      child.send({ url, paths })
      await once(child, 'message')
    },
    async received() {
      child.send('count')
      return ((await once(child, 'message')) as [number])[0]
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function main(): Promise<void> {
  let received = 0
  const follow = async (url: string, path: string): Promise<void> => {
    if (path.startsWith('/stream')) {
      const { body } = await fetch(url + path)
      void body!.pipeTo(new WritableStream({ write: () => void received++ })).catch(() => {})
      return
    }
    const socket = new WebSocket(url.replace('http', 'ws') + path, { perMessageDeflate: false })
    const acks = path.startsWith('/channel')
    socket.on('message', (data: Buffer) => {
      received++
      if (acks) socket.send(`{"type":"ack","id":${/\d+/.exec(data.toString('latin1', 0, 30))![0]}}`)
    })
    await once(socket, 'open')
  }
  const receiver = createServer((request, response) => {
    request.resume()
    request.once('end', () => {
      received++
      response.writeHead(204).end()
    })
  }).listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  process.on('message', (asked: 'count' | { url: string; paths: string[] }) => {
    if (asked === 'count') process.send!(received)
    else
      void Promise.all(asked.paths.map((path) => follow(asked.url, path))).then(() => process.send!('ready'))
  })
  process.send!(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`)
}

if (process.send !== undefined && process.argv[1] === new URL(import.meta.url).pathname) await main()
