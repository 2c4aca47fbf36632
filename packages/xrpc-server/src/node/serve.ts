import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { XrpcError } from '@avocet/xrpc'
import { errorAnswer } from '../checks.ts'
import { fromResponse } from '../output.ts'
import { printFailure } from '../reports.ts'
import type { Router } from '../types.ts'
import { createAddressReader, createHostReader, type TrustProxy } from './address.ts'
import { writeAnswer } from './answer.ts'
import { NodeCall } from './call.ts'
import { hasTwoHosts, pathOfTarget } from './target.ts'
import { createUpgrader } from './upgrade.ts'

/** Settings of {@link serve}. */
export interface ServeOptions {
  readonly router: Pick<Router, 'handle' | 'connect'>
  /** Default 0: any free port. */
  readonly port?: number
  /** Default `127.0.0.1`; `0.0.0.0` or `::` to be reachable from outside. */
  readonly hostname?: string
  /**
   * Answers what is not under `/xrpc/`, such as a Hono app's `fetch`; 404 when absent. `caller.address`: who calls, as
   * `trustProxy` lets it be known.
   */
  readonly fetch?: (
    request: Request,
    caller: { readonly address: string | null },
  ) => Response | Promise<Response>
  /** Milliseconds for which a caller may take nothing of an answer that streams; then the connection is cut. Default 60 000. */
  readonly stallMs?: number
  /** WebSocket requests that are not under `/xrpc/`, and those for `upgradePaths`; refused when absent. */
  readonly upgrade?: (message: IncomingMessage, socket: import('node:stream').Duplex, head: Buffer) => void
  /** Paths under `/xrpc/` whose WebSocket requests are for `upgrade`, not the router: event streams of another framing. */
  readonly upgradePaths?: readonly string[]
  /** Which proxies are believed about who calls, and which host was asked for. Default none. */
  readonly trustProxy?: TrustProxy
  /** Stops the server, as `close` does. */
  readonly signal?: AbortSignal
  /** Milliseconds for a request's headers to arrive. Default 10 000. */
  readonly headersMs?: number
  /** Milliseconds for a whole request to arrive. Default 300 000. */
  readonly requestMs?: number
  /** Milliseconds an idle connection is kept. Default 65 000, above what common load balancers keep. */
  readonly keepAliveMs?: number
  /** Largest request line and headers, in bytes. Default 32 KiB. */
  readonly headerBytes?: number
  /** Milliseconds that `close` waits for running requests. Default 10 000. */
  readonly stopMs?: number
  /** Milliseconds between pings of subscribers. Default 30 000. */
  readonly pingMs?: number
  /** Told of failures outside the router: of `fetch`, and of streamed bodies. Default `printFailure`. */
  readonly onError?: (error: unknown) => void
}

const TWO_HOSTS = new XrpcError(400, 'InvalidRequest', 'The request names more than one host')

/** A running server. */
export interface Serving extends AsyncDisposable {
  /** `http://host:port`, without a slash at its end. */
  readonly url: string
  readonly port: number
  readonly server: Server
  /** Takes no more requests, lets running ones finish, tells subscribers; resolves when all is closed. */
  close(): Promise<void>
}

/**
 * Serves a router on node:http: requests and subscriptions on one port.
 *
 * @throws what `listen` fails with, such as EADDRINUSE
 */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { router, hostname = '127.0.0.1', trustProxy = false } = options
  const onError = options.onError ?? ((error: unknown) => printFailure(error))
  const addressOf = createAddressReader(trustProxy)
  const readHost = createHostReader(trustProxy)
  const upgradePaths = new Set(options.upgradePaths)
  const upgrader = createUpgrader(router, {
    trustProxy,
    ...(options.pingMs === undefined ? {} : { pingMs: options.pingMs }),
  })

  const server = createServer(
    {
      headersTimeout: options.headersMs ?? 10_000,
      requestTimeout: options.requestMs ?? 300_000,
      connectionsCheckingInterval: Math.min(5000, options.headersMs ?? 10_000),
      keepAliveTimeout: options.keepAliveMs ?? 65_000,
      // A client that asks for HTTP/2 as well, as curl may, is answered by this protocol.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
      maxHeaderSize: options.headerBytes ?? 32 * 1024,
    },
    (message, response) => {
      const target = pathOfTarget(message.url ?? '/')
      const address = addressOf(message)
      const call = new NodeCall(message, response, target, address, readHost)
      if (hasTwoHosts(message.rawHeaders)) {
        writeAnswer(message, response, errorAnswer(TWO_HOSTS, { connection: 'close' }), onError)
      } else if (target.startsWith('/xrpc/') || options.fetch === undefined) {
        void router
          .handle(call)
          .then((answer) => writeAnswer(message, response, answer, onError, options.stallMs))
      } else {
        void elsewhere(options.fetch, call, { address }, message, response, onError)
      }
    },
  )
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (message, socket, head) => {
    const { upgrade } = options
    const other = upgrade === undefined ? undefined : () => upgrade(message, socket, head)
    const path = pathOfTarget(message.url ?? '/').split('?', 1)[0]!
    if (other !== undefined && upgradePaths.has(path)) other()
    else upgrader.upgrade(message, socket, head, other)
  })

  try {
    await listen(server, options.port ?? 0, hostname)
  } catch (error) {
    // All addresses of a machine without IPv6 are those of IPv4.
    const { code } = error as NodeJS.ErrnoException
    if (hostname !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error
    await listen(server, options.port ?? 0, '0.0.0.0')
  }
  const { port, address, family } = server.address() as AddressInfo
  const host =
    address === '0.0.0.0' || address === '::' ? 'localhost' : family === 'IPv6' ? `[${address}]` : address

  let stopping: Promise<void> | undefined
  const close = (): Promise<void> => {
    stopping ??= stop(server, upgrader, sockets, options.stopMs ?? 10_000)
    return stopping
  }
  if (options.signal?.aborted === true) await close()
  else options.signal?.addEventListener('abort', () => void close(), { once: true })
  return { url: `http://${host}:${port}`, port, server, close, [Symbol.asyncDispose]: close }
}

function listen(server: Server, port: number, hostname: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, hostname, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function stop(
  server: Server,
  upgrader: ReturnType<typeof createUpgrader>,
  sockets: ReadonlySet<Socket>,
  stopMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  // A connection that never said anything is not idle in Node's eyes, but new.
  for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
  const timer = setTimeout(() => server.closeAllConnections(), stopMs)
  // A connection that answers its last request while the server stops is idle a moment later.
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  await upgrader.close()
  await closed
  clearTimeout(timer)
  clearInterval(idle)
}

async function elsewhere(
  fetch: NonNullable<ServeOptions['fetch']>,
  call: NodeCall,
  caller: { readonly address: string | null },
  message: IncomingMessage,
  response: ServerResponse,
  onError: (error: unknown) => void,
): Promise<void> {
  try {
    writeAnswer(message, response, fromResponse(await fetch(call.request, caller), {}), onError)
  } catch (error) {
    onError(error)
    const headers = { 'content-type': 'text/plain; charset=utf-8' }
    writeAnswer(message, response, { status: 500, headers, body: 'Internal Server Error' }, onError)
  }
}
