// A host on a thread of its own, so that what it does is not counted: it serves the exports it was given.

// oxlint-disable unicorn/require-post-message-target-origin -- threads have no origins

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import type { Export } from './exports.ts'

/** A host of exports. */
export type Host = AsyncDisposable & {
  readonly url: string
  /** Serves these, and none of those before. */
  give(exports: readonly Export[]): Promise<void>
}

/** Starts a host. */
export async function startHost(): Promise<Host> {
  const worker = new Worker(new URL(import.meta.url))
  const [port] = (await once(worker, 'message')) as [number]
  return {
    url: `http://127.0.0.1:${port}`,
    async give(exports) {
      const given = once(worker, 'message')
      worker.postMessage(exports)
      await given
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate()
    },
  }
}

function host(): void {
  let exports = new Map<string, Export>()
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const found = url.pathname.endsWith('getRepo')
      ? exports.get(url.searchParams.get('did') ?? '')
      : undefined
    response.statusCode = found === undefined ? 404 : 200
    if (found !== undefined && found.encoding !== 'identity') {
      response.setHeader('content-encoding', found.encoding)
    }
    response.end(found?.body)
  })
  server.listen(0, '127.0.0.1', () => {
    parentPort!.postMessage((server.address() as AddressInfo).port)
  })
  parentPort!.on('message', (given: readonly Export[]) => {
    exports = new Map(given.map((item) => [item.did, item]))
    parentPort!.postMessage(null)
  })
}

if (!isMainThread) host()
