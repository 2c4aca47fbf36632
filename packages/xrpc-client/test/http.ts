/** Plain node:http and ws servers for the tests: what this client says is checked against them, not against our own server. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createCatalog, parseLexicon, type Catalog, type LexiconDocument } from '@avocet/lexicon'
import { type WebSocket, WebSocketServer } from 'ws'

/** A request as it came, body read. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** A running server. */
export interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly seen: Seen[]
  readonly port: number
}

/** Serves one function. */
export async function listen(
  answer: (seen: Seen, response: ServerResponse, count: number) => void | Promise<void>,
  port = 0,
): Promise<TestServer> {
  const seen: Seen[] = []
  const server = createServer((message, response) => {
    const chunks: Buffer[] = []
    message.on('data', (chunk: Buffer) => chunks.push(chunk))
    message.on('end', () => {
      const { method = '', url = '', headers } = message
      const request = { method, url, headers, body: Buffer.concat(chunks) }
      seen.push(request)
      void answer(request, response, seen.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Answers with JSON. */
export function json(
  response: ServerResponse,
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}

/** Serves WebSockets. */
export async function listenWs(
  serve: (ws: WebSocket, message: IncomingMessage, count: number) => void,
  port = 0,
): Promise<Omit<TestServer, 'seen'> & { readonly sockets: WebSocketServer }> {
  const sockets = new WebSocketServer({ port, host: '127.0.0.1' })
  await new Promise((resolve) => sockets.once('listening', resolve))
  let count = 0
  sockets.on('connection', (ws, message) => {
    count += 1
    ws.on('error', () => {})
    serve(ws, message, count)
  })
  const address = sockets.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const ws of sockets.clients) ws.terminate()
      await new Promise((resolve) => sockets.close(resolve))
    },
  }
}

const page = {
  type: 'object',
  required: ['items'],
  properties: { items: { type: 'array', items: { type: 'string' } }, cursor: { type: 'string' } },
}

const documents: unknown[] = [
  {
    lexicon: 1,
    id: 'com.example.echo',
    defs: {
      main: {
        type: 'query',
        parameters: {
          type: 'params',
          required: ['text'],
          properties: {
            text: { type: 'string', maxLength: 20 },
            times: { type: 'integer', default: 1 },
            tags: { type: 'array', items: { type: 'string' } },
            loud: { type: 'boolean' },
          },
        },
        output: {
          encoding: 'application/json',
          schema: {
            type: 'object',
            required: ['text'],
            properties: { text: { type: 'string' }, cid: { type: 'cid-link' } },
          },
        },
      },
    },
  },
  {
    lexicon: 1,
    id: 'com.example.put-thing.name',
    defs: {
      main: {
        type: 'procedure',
        parameters: { type: 'params', properties: { dry: { type: 'boolean' } } },
        input: {
          encoding: 'application/json',
          schema: {
            type: 'object',
            required: ['name'],
            properties: { name: { type: 'string', maxGraphemes: 5 }, link: { type: 'cid-link' } },
          },
        },
        output: {
          encoding: 'application/json',
          schema: { type: 'object', properties: { name: { type: 'string' } } },
        },
      },
    },
  },
  { lexicon: 1, id: 'com.example.ping', defs: { main: { type: 'procedure' } } },
  {
    lexicon: 1,
    id: 'com.example.upload',
    defs: {
      main: {
        type: 'procedure',
        input: { encoding: '*/*' },
        output: {
          encoding: 'application/json',
          schema: { type: 'object', properties: { size: { type: 'integer' } } },
        },
      },
    },
  },
  {
    lexicon: 1,
    id: 'com.example.download',
    defs: { main: { type: 'query', output: { encoding: 'application/vnd.ipld.car' } } },
  },
  {
    lexicon: 1,
    id: 'com.example.list',
    defs: {
      main: {
        type: 'query',
        parameters: {
          type: 'params',
          properties: { limit: { type: 'integer' }, cursor: { type: 'string' } },
        },
        output: { encoding: 'application/json', schema: page },
      },
    },
  },
  {
    lexicon: 1,
    id: 'com.example.count',
    defs: {
      main: {
        type: 'subscription',
        parameters: { type: 'params', properties: { cursor: { type: 'integer' } } },
        message: { schema: { type: 'union', refs: ['#number'] } },
      },
      number: { type: 'object', required: ['seq'], properties: { seq: { type: 'integer' } } },
    },
  },
  {
    lexicon: 1,
    id: 'com.example.note',
    defs: {
      main: {
        type: 'record',
        key: 'tid',
        record: {
          type: 'object',
          required: ['text'],
          properties: { text: { type: 'string', maxGraphemes: 5 } },
        },
      },
    },
  },
  {
    lexicon: 1,
    id: 'com.atproto.repo.createRecord',
    defs: {
      main: {
        type: 'procedure',
        input: {
          encoding: 'application/json',
          schema: {
            type: 'object',
            required: ['repo', 'collection', 'record'],
            properties: {
              repo: { type: 'string', format: 'at-identifier' },
              collection: { type: 'string', format: 'nsid' },
              record: { type: 'unknown' },
            },
          },
        },
        output: {
          encoding: 'application/json',
          schema: { type: 'object', properties: { uri: { type: 'string' } } },
        },
      },
    },
  },
]

/** The lexicons of the methods above. */
export const catalog: Catalog = createCatalog(
  documents.map((document) => {
    const parsed = parseLexicon(document)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed))
    return parsed.value as LexiconDocument
  }),
)
