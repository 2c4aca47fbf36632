// Host names of the tests' certificate, all on one TLS port of this machine: what is https on the web is https here.
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

import { certificate, privateKey } from '@avocet/testing/certificate'

/** The hosts while they are served. */
export interface TlsHosts extends AsyncDisposable {
  /** The platform's `fetch`, for which these names lead here. It follows no redirect. */
  readonly fetch: typeof fetch
  /** What tells Chromium the same. The certificate it has to take without asking: `ignoreHTTPSErrors`. */
  readonly chromiumArgs: readonly string[]
}

/** @param hosts by name: `good.example.com`, `other.example.com` */
export async function serveTls(hosts: Readonly<Record<string, RequestListener>>): Promise<TlsHosts> {
  const server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    const host = hosts[request.headers.host ?? '']
    if (host === undefined) response.writeHead(421).end()
    else host(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const { protocol, host, hostname, pathname, search } = new URL(request.url)
      if (protocol !== 'https:' || !(host in hosts)) return fetch(request)
      const asked = httpsRequest({
        host: '127.0.0.1',
        port,
        servername: hostname,
        ca: certificate,
        path: pathname + search,
        method: request.method,
        headers: { ...Object.fromEntries(request.headers), host },
        agent: false,
      })
      asked.end(Buffer.from(await request.arrayBuffer()))
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      const body = await buffer(answer)
      const response = new Response(body.length === 0 ? null : body, {
        status: answer.statusCode!,
        headers: headersOf(answer),
      })
      return Object.defineProperty(response, 'url', { value: request.url })
    },
    chromiumArgs: [
      `--host-resolver-rules=${Object.keys(hosts)
        .map((name) => `MAP ${name}:443 127.0.0.1:${port}`)
        .join(',')}`,
    ],
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A request that a host passed on, and its answer. */
export interface Passed {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly status: number
  /** What the answer says is wrong, in its body or its challenge; undefined where nothing is. */
  readonly error: string | undefined
}

/** A host that is a server on a loopback port; says what passed. @param port asked at each request: it may be started again */
export function passTo(port: () => number, note: (passed: Passed) => void = () => {}): RequestListener {
  return (request, response) => {
    const { method = 'GET', url = '/', headers } = request
    const asked = httpRequest({ host: '127.0.0.1', port: port(), method, path: url, headers, agent: false })
    asked.on('error', () => response.writeHead(502).end())
    asked.on('response', (answer) => {
      void buffer(answer).then((body) => {
        const { statusCode = 0, headers: told } = answer
        note({
          method,
          path: url.split('?')[0]!,
          headers: headers as Record<string, string>,
          status: statusCode,
          error: errorOf(told['www-authenticate'], told['content-type'], body),
        })
        response.writeHead(statusCode, told).end(body)
      })
    })
    request.pipe(asked)
  }
}

function errorOf(challenge: string | undefined, type: string | undefined, body: Buffer): string | undefined {
  const named = /error="([^"]*)"/.exec(challenge ?? '')?.[1]
  if (named !== undefined || type?.startsWith('application/json') !== true) return named
  return (JSON.parse(body.toString()) as { error?: string }).error
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    for (const value of values) headers.append(name, value)
  }
  return headers
}
