// The one HTTP client of the suite. It adds no header of its own but `host` and `content-length`, follows no redirect and
// decodes nothing, so both servers get the same bytes and their answers are seen as they are sent.
import { request } from 'node:http'

/** A request as it goes out. */
export interface RawRequest {
  readonly method: string
  /** From the first slash, query included. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number
  /** By lower-case name; a header that came twice is joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Uint8Array
}

/** One request on a connection of its own. */
export function send(origin: string, { method, path, headers, body }: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        hostname,
        port,
        method,
        path,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(body.length) }) },
        agent: false,
        timeout: 20_000,
      },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () => {
          const found = Object.entries(incoming.headersDistinct).map(([name, values]) => [
            name,
            values!.join(', '),
          ])
          resolve({
            status: incoming.statusCode!,
            headers: Object.fromEntries(found),
            bytes: new Uint8Array(Buffer.concat(chunks)),
          })
        })
      },
    )
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within 20 s: ${method} ${path}`)))
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
