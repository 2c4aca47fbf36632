// A receiver of webhooks whose answers a test chooses.

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'

/** A request as it came. */
export type Received = { readonly headers: IncomingHttpHeaders; readonly body: string; readonly json: any }

/** Says what to answer: a status, or whatever is done with the response itself. */
export type Answer = (received: Received, response: ServerResponse) => number | null | Promise<number | null>

/** A receiver. */
export type Receiver = AsyncDisposable & {
  readonly url: string
  readonly requests: Received[]
  answer: Answer
}

/** Listens on a free port of this machine, or the one given. */
export async function startReceiver(answer: Answer = () => 200, port = 0): Promise<Receiver> {
  const requests: Received[] = []
  const receiver = { answer }
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.once('end', () => {
      const body = Buffer.concat(parts).toString()
      const received = { headers: request.headers, body, json: JSON.parse(body || 'null') as unknown }
      requests.push(received)
      void Promise.resolve(receiver.answer(received, response)).then((status) => {
        if (status !== null) response.writeHead(status).end()
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const { port: taken } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${taken}/hook`,
    requests,
    get answer() {
      return receiver.answer
    },
    set answer(next) {
      receiver.answer = next
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
