// A host that does what a test wants: each method answered by hand, and counted.

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Answers a method (`getRepo`). */
export type Answers = Record<string, (params: URLSearchParams, response: ServerResponse) => void>

/** A host without a stream. */
export type Pds = AsyncDisposable & {
  readonly url: string
  /** How often a method was asked for. */
  asked(method: string): number
}

/** Starts a host; what is not in `answers` is not found. */
export async function startPds(answers: Answers): Promise<Pds> {
  const counts = new Map<string, number>()
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const method = pathname.split('.').at(-1)!
    counts.set(method, (counts.get(method) ?? 0) + 1)
    const answer = answers[method]
    if (answer === undefined) response.writeHead(404).end('{}')
    else answer(searchParams, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: (method) => counts.get(method) ?? 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Answers with JSON. */
export const json = (response: ServerResponse, body: object, status = 200): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
