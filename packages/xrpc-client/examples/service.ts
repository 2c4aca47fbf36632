/** A stand-in for the network: a PDS of one account on this machine, as little of it as the examples use. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { encodeFrame } from '@avocet/xrpc'
import { WebSocketServer } from 'ws'

const records = ['first', 'second', 'third'].map((text, i) => ({
  uri: `at://did:web:alice.example.com/io.example.note/${i}`,
  cid: 'bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e',
  value: { $type: 'io.example.note', text },
}))

/** Serves it. */
export async function startService(): Promise<{ url: string } & AsyncDisposable> {
  let access = 1
  const answers: Record<string, (query: URLSearchParams, token: string) => [number, unknown]> = {
    'com.atproto.server.createSession': () => [200, session(access)],
    'com.atproto.server.refreshSession': () => [200, session((access += 1))],
    'com.atproto.repo.listRecords': (query) => {
      const at = Number(query.get('cursor') ?? 0)
      return [
        200,
        {
          records: records.slice(at, at + 2),
          ...(at + 2 < records.length ? { cursor: String(at + 2) } : {}),
        },
      ]
    },
    'com.atproto.server.getSession': (_, token) =>
      token === `Bearer access-${access}`
        ? [200, { handle: 'alice.example.com', did: 'did:web:alice.example.com' }]
        : [400, { error: 'ExpiredToken', message: 'Token has expired' }],
    'io.example.search': (query) => [200, { results: [`found ${query.get('q')}`] }],
    // Makes every access token expire.
    'io.example.expire': () => [200, { at: (access += 1) }],
  }
  const server = createServer((message, response) => {
    const { pathname, searchParams } = new URL(message.url ?? '/', 'http://localhost')
    const answer = answers[pathname.replace('/xrpc/', '')]
    const [status, body] = answer?.(searchParams, message.headers.authorization ?? '') ?? [
      501,
      { error: 'MethodNotImplemented' },
    ]
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, message) => {
    const cursor = Number(new URL(message.url ?? '/', 'http://localhost').searchParams.get('cursor') ?? 0)
    // Two messages, and the connection breaks.
    socket.send(encodeFrame('#number', { seq: cursor + 1 }))
    socket.send(encodeFrame('#number', { seq: cursor + 2 }), () => socket.terminate())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      sockets.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function session(n: number): object {
  return {
    did: 'did:web:alice.example.com',
    handle: 'alice.example.com',
    accessJwt: `access-${n}`,
    refreshJwt: `refresh-${n}`,
  }
}
