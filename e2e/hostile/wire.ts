// What goes over the wire, as attackers send it: a request by Node's own client, or bytes on a socket.
import { once } from 'node:events'
import { Agent, request, type ClientRequest } from 'node:http'
import { connect, type Socket } from 'node:net'

/** What was answered. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly bytes: Buffer
  /** Parsed, where it is JSON. */
  readonly body: any
}

/** A request. */
export interface Call {
  readonly params?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly input?: unknown
  readonly bytes?: Uint8Array
  readonly type?: string
  readonly token?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  /** The HTTP method; default POST with a body, else GET. */
  readonly method?: string
  /** Whom the front server says it comes from; default a network of its own. */
  readonly from?: string
  /** Where it really comes from; an address 127.9.x.y is a stranger's. Then nothing is said on behalf of a front server. */
  readonly localAddress?: string
}

const agent = new Agent({ keepAlive: true, maxSockets: 200, timeout: 60_000 })
/** Closes the connections that are kept for the next request: they are no leaked ones of the server. */
export const hangUp = (): void => agent.destroy()

/** Longer than any answer may take. */
const NO_ANSWER_MS = 30_000

let networks = 0
/** An address nobody used before. */
export const newAddress = (): string => `2001:db8:${(++networks).toString(16)}::1`

/** Begins a request whose body the caller writes. */
export function begin(origin: string, path: string, call: Call = {}): ClientRequest {
  const { hostname, port } = new URL(origin)
  const search = call.params === undefined ? '' : `?${new URLSearchParams(call.params)}`
  const hasBody = call.input !== undefined || call.bytes !== undefined
  const message = request({
    agent,
    hostname,
    port,
    method: call.method ?? (hasBody ? 'POST' : 'GET'),
    path: `${path.startsWith('/') ? path : `/xrpc/${path}`}${search}`,
    ...(call.localAddress === undefined ? {} : { localAddress: call.localAddress }),
    headers: {
      ...(call.localAddress === undefined ? { 'x-forwarded-for': call.from ?? newAddress() } : {}),
      ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
      ...(call.input === undefined ? {} : { 'content-type': 'application/json' }),
      ...(call.type === undefined ? {} : { 'content-type': call.type }),
      ...call.headers,
    },
  })
  message.setTimeout(NO_ANSWER_MS, () => message.destroy(new Error(`no answer; path=${path.slice(0, 100)}`)))
  return message
}

/** The answer to a request that was begun. */
export function answered(message: ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    message.on('error', reject)
    message.on('response', (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const bytes = Buffer.concat(chunks)
        const isJson = incoming.headers['content-type']?.startsWith('application/json') === true
        resolve({
          status: incoming.statusCode!,
          headers: incoming.headers,
          bytes,
          body: isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined,
        })
      })
    })
  })
}

/** One request, whole. */
export function send(origin: string, path: string, call: Call = {}): Promise<Answer> {
  const message = begin(origin, path, call)
  const answer = answered(message)
  message.end(call.input === undefined ? call.bytes : JSON.stringify(call.input))
  return answer
}

/** An answer as `status error`, or `status` alone. */
export const outcome = ({ status, body }: Pick<Answer, 'status' | 'body'>): string =>
  body?.error === undefined ? String(status) : `${status} ${body.error}`

/** A connection to the server that nothing was said on yet. */
export async function dial(origin: string): Promise<Socket> {
  const { hostname, port } = new URL(origin)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/**
 * Says `text` (Latin-1 letters are bytes) on a connection of its own; resolves with all that came back, once the server closes
 * it, or `patienceMs` after its last byte.
 */
export async function say(origin: string, text: string, patienceMs = 5000): Promise<string> {
  const socket = await dial(origin)
  let heard = ''
  const over = Promise.withResolvers<void>()
  const timer = setTimeout(() => over.resolve(), patienceMs)
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1')
    timer.refresh()
  })
  socket.once('close', () => over.resolve())
  socket.write(Buffer.from(text, 'latin1'))
  await over.promise
  clearTimeout(timer)
  socket.destroy()
  return heard
}

/** What was heard on a socket as outcomes, in order: `status error`; `closed` for nothing at all. */
export function outcomes(heard: string): string {
  if (heard === '') return 'closed'
  const found: string[] = []
  for (const answer of heard.split(/(?=HTTP\/1\.1 \d{3} )/)) {
    const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? '?'
    const error = /"error":"(\w+)"/.exec(answer)?.[1]
    found.push(error === undefined ? status : `${status} ${error}`)
  }
  return found.join(', ')
}
