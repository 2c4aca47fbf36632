import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { PlcDirectoryError } from './error.ts'

/** A server that listens. */
export interface Listening {
  readonly url: string
  readonly port: number
  /** Lets running requests end for `graceMs`, then cuts them. */
  close(graceMs?: number): Promise<void>
}

/** Serves a Fetch handler over HTTP. @throws {PlcDirectoryError} `port-in-use`, `listen-failed` */
export async function listen(
  handler: (request: Request) => Response | Promise<Response>,
  { port, hostname }: { readonly port: number; readonly hostname: string },
): Promise<Listening> {
  const server = createServer(getRequestListener(handler, { overrideGlobalObjects: false }))
  server.requestTimeout = 30_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new PlcDirectoryError('port-in-use', `port ${port} of ${hostname} is in use`, { cause: error })
          : new PlcDirectoryError('listen-failed', `cannot listen on ${hostname}:${port}: ${error.message}`, {
              cause: error,
            }),
      )
    })
    server.listen(port, hostname, resolve)
  })
  const bound = (server.address() as AddressInfo).port
  const host = hostname.includes(':') ? `[${hostname}]` : hostname
  return {
    url: `http://${host}:${bound}`,
    port: bound,
    close: (graceMs = 2_000) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), graceMs)
        server.close(() => {
          clearTimeout(timer)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}
