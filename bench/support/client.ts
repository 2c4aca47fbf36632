// A client over kept-alive sockets that does as little as a client can: on two cores, what it costs is taken from the server.
import { connect, type Socket } from 'node:net'

/** One connection: requests one after the other. */
export interface Connection {
  /** The body of a 200. @throws for any other status */
  send(request: Buffer): Promise<Buffer>
  close(): void
}

/** What a request is made of. */
export interface Request {
  readonly port: number
  readonly nsid: string
  readonly params?: Readonly<Record<string, string>>
  readonly input?: object
  readonly token?: string
}

/** The bytes of a request; made before the clock starts. */
export function requestBytes({ port, nsid, params, input, token }: Request): Buffer {
  const query = params === undefined ? '' : `?${new URLSearchParams(params).toString()}`
  return rawRequest({
    port,
    method: input === undefined ? 'GET' : 'POST',
    path: `/xrpc/${nsid}${query}`,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(input === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(input === undefined ? {} : { body: JSON.stringify(input) }),
  })
}

/** Any request. */
export interface RawRequest {
  readonly port: number
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** The bytes of any request. */
export function rawRequest({ port, method, path, headers, body }: RawRequest): Buffer {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `host: localhost:${port}`,
    'connection: keep-alive',
    'accept: */*',
    'user-agent: avocet-bench',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : [`content-length: ${Buffer.byteLength(body)}`]),
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`)
}

/** Opens a connection to a port of this machine. */
export async function openConnection(port: number): Promise<Connection> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const opened = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(opened))
    opened.once('error', reject)
  })
  let chunks: Buffer[] = []
  let size = 0
  /** Bytes of head and body together, once the head told; Infinity while a chunked body goes on. */
  let wanted = -1
  let bodyAt = 0
  let waiting: { resolve: (body: Buffer) => void; reject: (error: Error) => void } | null = null

  const fail = (error: Error): void => {
    waiting?.reject(error)
    waiting = null
  }
  const finish = (): void => {
    const whole = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
    const body = wanted === Infinity ? unchunk(whole.subarray(bodyAt)) : whole.subarray(bodyAt)
    const status = whole.toString('latin1', 9, 12)
    const { resolve } = waiting!
    if (status !== '200') return fail(new Error(`${status} ${body.toString().slice(0, 300)}`))
    waiting = null
    resolve(body)
  }
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
    if (wanted === -1) {
      if (chunks.length > 1) chunks = [Buffer.concat(chunks)]
      const end = chunks[0]!.indexOf('\r\n\r\n')
      if (end === -1) return
      bodyAt = end + 4
      const length = /\r\ncontent-length: *(\d+)/i.exec(chunks[0]!.toString('latin1', 0, end))
      wanted = length === null ? Infinity : bodyAt + Number(length[1])
    }
    if (wanted === Infinity ? endsChunked(chunks) : size >= wanted) finish()
  })
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the server closed the connection')))

  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error('the connection is closed'))
        chunks = []
        size = 0
        wanted = -1
        waiting = { resolve, reject }
        socket.write(request)
      }),
    close: () => socket.destroy(),
  }
}

/** Whether the last chunk, of no bytes, is there. A CAR cannot end in these bytes by chance: its last block is not text. */
function endsChunked(chunks: readonly Buffer[]): boolean {
  const last = chunks.at(-1)!
  const tail = last.length >= 7 || chunks.length === 1 ? last : Buffer.concat(chunks.slice(-8))
  const text = tail.toString('latin1', Math.max(0, tail.length - 7))
  return text === '\r\n0\r\n\r\n' || text === '0\r\n\r\n'
}

function unchunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const end = bytes.indexOf('\r\n', at)
    const length = Number.parseInt(bytes.toString('latin1', at, end), 16)
    if (!(length > 0)) return Buffer.concat(parts)
    parts.push(bytes.subarray(end + 2, end + 2 + length))
    at = end + 2 + length + 2
  }
}
