// A process of its own with many subscribers of one indexer's streams, each with another filter. It tells how many events came.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { WebSocket } from 'ws'

/** A subscriber for each path; counted are messages. */
export async function startSubscribers(
  url: string,
  paths: readonly string[],
): Promise<AsyncDisposable & { received(): Promise<number> }> {
  const child = fork(new URL(import.meta.url).pathname, [], { execArgv: [] })
  child.send({ url, paths })
  await once(child, 'message')
  return {
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
  const [{ url, paths }] = (await once(process, 'message')) as [{ url: string; paths: string[] }]
  let received = 0
  for (const path of paths) {
    const socket = new WebSocket(url.replace('http', 'ws') + path, { perMessageDeflate: false })
    socket.on('message', () => received++)
    await once(socket, 'open')
  }
  process.on('message', () => process.send!(received))
  process.send!('ready')
}

if (process.send !== undefined && process.argv[1] === new URL(import.meta.url).pathname) await main()
