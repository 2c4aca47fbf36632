// A throw-away S3 service for tests: an S3 server that keeps its objects in a temporary folder, behind a door that can
// be told to fail as services and networks do.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * What becomes of a request instead of its answer: a status with an error code, no answer at all, a cut connection (at once,
 * after it took effect, or so many bytes into the answer), or silence after so many bytes.
 */
export type S3Fault =
  | { readonly status: number; readonly code: string; readonly headers?: Record<string, string> }
  | 'silence'
  | 'cut'
  | 'cut-after'
  | { readonly cutAt: number }
  | { readonly silentAt: number }

/** A running service. */
export interface TestS3 {
  /** Its base URL. */
  readonly endpoint: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Where the objects of the bucket are, as files. */
  readonly folder: string
  /** Requests as they came: `PUT /bucket/key`. */
  readonly requests: string[]
  /** Asked of every request, with how many of them came before: what becomes of it, or null for its answer. */
  fault: (method: string, url: string) => S3Fault | null
  /** Requests that are not answered yet. */
  open(): number
  close(): Promise<void>
}

const KEY = 'S3RVER'

interface Upstream {
  run(): Promise<{ port: number }>
  close(): Promise<void>
}

/** Starts a service with one bucket. */
export async function startS3(bucket = 'blobs'): Promise<TestS3> {
  // @ts-expect-error It comes without types.
  const { default: Server } = (await import('@20minutes/s3rver')) as {
    default: new (options: object) => Upstream
  }
  const directory = mkdtempSync(join(tmpdir(), 'avocet-s3-'))
  const upstream = new Server({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory,
    configureBuckets: [{ name: bucket }],
  })
  const { port } = await upstream.run()
  const running = new Set<ServerResponse>()

  const door = createServer((incoming, outgoing) => {
    const [method, url] = [incoming.method ?? '', incoming.url ?? '']
    running.add(outgoing)
    outgoing.once('close', () => running.delete(outgoing))
    incoming.on('error', () => {})
    service.requests.push(`${method} ${decodeURIComponent(url)}`)
    const fault = service.fault(method, url)
    if (fault === 'silence') incoming.resume()
    else if (fault === 'cut') incoming.socket.destroy()
    else if (fault !== null && typeof fault === 'object' && 'status' in fault) {
      incoming.resume()
      const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${fault.code}</Code></Error>`
      outgoing.writeHead(fault.status, { 'content-type': 'application/xml', ...fault.headers }).end(body)
    } else pass(incoming, outgoing, port, fault)
  })
  door.keepAliveTimeout = 0
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  const service: TestS3 = {
    endpoint: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
    bucket,
    accessKeyId: KEY,
    secretAccessKey: KEY,
    folder: join(directory, bucket),
    requests: [],
    fault: () => null,
    open: () => running.size,
    close: async () => {
      const closed = new Promise((resolve) => door.close(resolve))
      door.closeAllConnections()
      await closed
      await upstream.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
  return service
}

/** Hands a request on, and refuses a body whose hash is not the one it came with, as services do and the server here does not. */
function pass(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  port: number,
  fault: Exclude<S3Fault, 'silence' | 'cut' | { status: number }> | null,
): void {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () => {
    const body = Buffer.concat(chunks)
    if (createHash('sha256').update(body).digest('hex') !== incoming.headers['x-amz-content-sha256']) {
      outgoing.writeHead(400).end('<Error><Code>XAmzContentSHA256Mismatch</Code></Error>')
      return
    }
    // The server here takes `0-0` for the whole.
    const isFirstByte = incoming.headers.range === 'bytes=0-0'
    if (isFirstByte) incoming.headers.range = 'bytes=0-1'
    const forwarded = request({
      host: '127.0.0.1',
      port,
      method: incoming.method,
      path: incoming.url,
      headers: incoming.headers,
      agent: false,
    })
    forwarded.on('error', () => outgoing.destroy())
    outgoing.on('close', () => forwarded.destroy())
    forwarded.on('response', (answer) => {
      if (fault === 'cut-after') answer.resume().on('end', () => outgoing.destroy())
      else if (isFirstByte && answer.statusCode === 206) {
        const range = answer.headers['content-range']!.replace('0-1', '0-0')
        outgoing.writeHead(206, { ...answer.headers, 'content-range': range, 'content-length': '1' })
        answer.once('data', (chunk: Buffer) => outgoing.end(chunk.subarray(0, 1)))
      } else {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        if (fault === null) answer.pipe(outgoing)
        else breakOff(answer, outgoing, fault)
      }
    })
    forwarded.end(body)
  })
}

/** Hands on the first bytes of an answer, then cuts the connection or says no more. */
function breakOff(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  fault: { readonly cutAt: number } | { readonly silentAt: number },
): void {
  let left = 'cutAt' in fault ? fault.cutAt : fault.silentAt
  answer.on('data', (chunk: Buffer) => {
    if (left <= 0) return
    outgoing.write(chunk.subarray(0, left), () => {
      if (left <= 0 && 'cutAt' in fault) outgoing.destroy()
    })
    left -= chunk.length
  })
}
