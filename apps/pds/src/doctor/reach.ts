import { request as requestHttp, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'

/** How the server is reached under its public URL. */
export interface Reach {
  /** Its public origin. */
  readonly origin: URL
  /** Where the connection goes instead of where the name points. */
  readonly via?: { readonly host: string; readonly port: number }
  /** A certificate to trust beside those that everybody does, in PEM. */
  readonly ca?: string
}

/** An answer as a client sees it. */
export interface SeenAnswer {
  readonly status: number
  readonly header: (name: string) => string | null
  /** Each `set-cookie`. */
  readonly cookies: readonly string[]
  readonly text: string
}

/** What to ask for. */
export interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Asks for a path of the public origin; redirects are answers. Certificates are looked at elsewhere. @throws what a connection fails with */
export type AskPublic = (path: string, asking?: Asking) => Promise<SeenAnswer>

const TIMEOUT_MS = 5000
const MAX_BODY = 64 * 1024

/** The longest part of the answer that is looked at. */
async function readBody(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length
    chunks.push(chunk)
    if (size > MAX_BODY) break
  }
  return Buffer.concat(chunks).toString('utf8', 0, MAX_BODY)
}

/** A way to ask the server under its public URL. */
export function createAsk({ origin, via }: Reach): AskPublic {
  return (path, { method = 'GET', headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const isSecure = origin.protocol === 'https:'
      const send = isSecure ? requestHttps : requestHttp
      const asked = send(
        {
          host: via?.host ?? origin.hostname.replaceAll(/[[\]]/g, ''),
          port: via?.port ?? (origin.port || (isSecure ? 443 : 80)),
          path,
          method,
          headers: {
            host: origin.host,
            'user-agent': 'avocet-pds doctor',
            ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
            ...headers,
          },
          signal: AbortSignal.timeout(TIMEOUT_MS),
          ...(isSecure ? { servername: origin.hostname, rejectUnauthorized: false } : {}),
        },
        (answer) => {
          readBody(answer).then(
            (text) =>
              resolve({
                status: answer.statusCode!,
                header: (name) => {
                  const value = answer.headers[name]
                  return value === undefined ? null : String(value)
                },
                cookies: answer.headers['set-cookie'] ?? [],
                text,
              }),
            reject,
          )
        },
      )
      asked.on('error', reject)
      asked.end(body)
    })
}
