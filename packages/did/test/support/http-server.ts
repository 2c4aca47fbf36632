import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { certificate, privateKey } from '@avocet/testing/certificate'

export interface TestServer {
  readonly port: number
  readonly url: string
  /** `METHOD path` of every request so far. */
  readonly requests: string[]
  close(): Promise<void>
}

/** A real server on a free port of an address of this machine. */
export async function startHttpServer(
  handler: RequestListener,
  { address = '127.0.0.1', port = 0, tls = false } = {},
): Promise<TestServer> {
  const requests: string[] = []
  const listener: RequestListener = (request, response) => {
    requests.push(`${request.method} ${request.url}`)
    handler(request, response)
  }
  const server = tls
    ? createTlsServer({ cert: certificate, key: privateKey }, listener)
    : createServer(listener)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, resolve)
  })
  const bound = (server.address() as AddressInfo).port
  const host = address.includes(':') ? `[${address}]` : address
  return {
    port: bound,
    url: `${tls ? 'https' : 'http'}://${host}:${bound}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
