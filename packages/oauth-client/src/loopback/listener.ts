// https://www.rfc-editor.org/rfc/rfc8252#section-7.3
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Waits on this machine for a browser to come back. */
export interface Listener extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/callback` */
  readonly redirectUri: string
  /** The answer for this sign-in; rejects when the signal is aborted. `reply` shows the person how it went. */
  wait(
    state: string,
    signal: AbortSignal,
  ): Promise<{ readonly params: URLSearchParams; readonly reply: (text: string) => Promise<void> }>
}

const PATH = '/callback'
const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  connection: 'close',
}

/** Listens on a free port of 127.0.0.1. */
export async function listen(): Promise<Listener> {
  let take: ((params: URLSearchParams, response: ServerResponse) => boolean) | null = null
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5000, maxHeaderSize: 32 * 1024 })
  server.maxConnections = 64
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  server.on('request', (request, response) => {
    const url = URL.parse(request.url ?? '', `http://${host}`)
    // Any page may call this port; by another name of this machine, or without the state, nobody is listened to.
    const isOurs = request.headers.host === host && request.method === 'GET' && url?.pathname === PATH
    if (isOurs && take?.(url.searchParams, response) === true) return
    response.writeHead(404, HEADERS).end()
  })
  return {
    redirectUri: `http://${host}${PATH}`,
    wait: (state, signal) =>
      new Promise((resolve, reject) => {
        const stop = (): void => reject(signal.reason as Error)
        if (signal.aborted) stop()
        signal.addEventListener('abort', stop, { once: true })
        take = (params, response) => {
          if (params.get('state') !== state) return false
          take = null
          signal.removeEventListener('abort', stop)
          const reply = (text: string): Promise<void> =>
            new Promise((done) => {
              response.once('close', done)
              response.writeHead(200, HEADERS).end(page(text))
            })
          resolve({ params, reply })
          return true
        }
      }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function page(text: string): string {
  const safe = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${safe}</title><p>${safe}`
}
