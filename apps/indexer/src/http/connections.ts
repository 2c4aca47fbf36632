// How many connections there may be: each is a file to the process, which needs some for its database and for hosts. Who is one too many is
// told so, and let go.

import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { networkOf } from '@avocet/xrpc-server'

/** Bounds of connections. */
export type ConnectionLimits = {
  readonly connections: number
  /** Of one address (an IPv6 /64); 0: no bound, for a server behind a proxy. */
  readonly perAddress: number
}

const MOST = 10_000
const PER_ADDRESS = 256
/** Of the files that a process may have open, those that are for connections. */
const SHARE = 0.6
/** Refusals under way at a time; beyond that connections are cut without a word. */
const MAX_REFUSED = 200

/**
 * Bounds for a server.
 * @param files that the process may have open; null: nobody knows
 * @param areApart whether callers have addresses of their own
 */
export function connectionLimits(files: number | null, areApart: boolean): ConnectionLimits {
  const connections = files === null ? MOST : Math.min(MOST, Math.floor(files * SHARE))
  return { connections, perAddress: areApart ? Math.min(PER_ADDRESS, connections) : 0 }
}

/** How many files this process may have open; null: the system does not say. */
export function openFiles(): number | null {
  const report = process.report?.getReport() as
    | { userLimits?: { open_files?: { soft?: number | string } } }
    | undefined
  const soft = report?.userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : null
}

/** Counts the connections of a server from now on. */
export function boundConnections(server: Server, { connections, perAddress }: ConnectionLimits): void {
  const networks = new Map<string, number>()
  let inside = 0
  server.maxConnections = connections + MAX_REFUSED
  // Before the server itself has it.
  server.prependListener('connection', (socket: Socket) => {
    const network = networkOf(socket.remoteAddress ?? '')
    const same = networks.get(network) ?? 0
    if (inside >= connections) return refuse(socket, FULL)
    if (perAddress > 0 && same >= perAddress) return refuse(socket, ADDRESS_FULL)
    inside++
    networks.set(network, same + 1)
    socket.once('close', () => {
      inside--
      const others = networks.get(network)! - 1
      if (others === 0) networks.delete(network)
      else networks.set(network, others)
    })
  })
}

const answer = (line: string, error: string, message: string): string => {
  const body = JSON.stringify({ error, message })
  return [
    `HTTP/1.1 ${line}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${body.length}`,
    'retry-after: 10',
    'connection: close',
    '',
    body,
  ].join('\r\n')
}
const FULL = answer(
  '503 Service Unavailable',
  'ServiceUnavailable',
  'there are as many connections as are served',
)
const ADDRESS_FULL = answer(
  '429 Too Many Requests',
  'RateLimitExceeded',
  'there are too many connections of this address',
)

function refuse(socket: Socket, text: string): void {
  socket.on('error', () => {})
  socket.end(text, () => socket.destroy())
}
