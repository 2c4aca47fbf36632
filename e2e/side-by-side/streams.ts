// The firehose of a server, read by the published frame decoder, as events that can be compared.
import { Frame } from '@atproto/xrpc-server'
import { CID } from 'multiformats/cid'
import { WebSocket } from 'ws'

import { readArchive } from './answers.ts'

/** One frame, with its archive read; without `seq` and `time`, which are each server's own. */
export interface StreamEvent {
  readonly seq: number
  readonly type: string
  readonly body: Readonly<Record<string, unknown>>
}

/** What a socket said until it was closed, or was silent. */
export interface Heard {
  readonly events: readonly StreamEvent[]
  /** The error frame, as `name`. */
  readonly error: string | null
  readonly closed: number | null
}

/** A subscription that goes on. */
export interface Subscription {
  /** Takes the events up to the first that `isLast` accepts, that one included. @throws after 20 s without it */
  until(isLast: (event: StreamEvent) => boolean): Promise<StreamEvent[]>
  close(): void
}

const address = (url: string, query: string): string =>
  `${url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos${query}`

/** Subscribes from now on; resolves when the socket is open. */
export async function subscribe(url: string): Promise<Subscription> {
  const socket = new WebSocket(address(url, ''))
  const events: StreamEvent[] = []
  let reading = Promise.resolve()
  let wake = (): void => {}
  socket.on('message', (data: Buffer) => {
    reading = reading.then(async () => {
      const event = await readFrame(data)
      if (typeof event !== 'string') events.push(event)
      wake()
    })
  })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  return {
    async until(isLast) {
      const deadline = Date.now() + 20_000
      for (;;) {
        const last = events.findIndex(isLast)
        if (last >= 0) return events.splice(0, last + 1)
        if (Date.now() > deadline) throw new Error(`no such event came from ${url}`)
        await new Promise<void>((resolve) => {
          wake = resolve
          setTimeout(resolve, 1000)
        })
      }
    },
    close: () => socket.close(),
  }
}

/** Listens with this query until the socket closes, or nothing came for a second and a half. */
export async function listen(url: string, query: string): Promise<Heard> {
  const socket = new WebSocket(address(url, query))
  const frames: Buffer[] = []
  const closed = await new Promise<number | null>((resolve) => {
    const timer = setTimeout(() => resolve(null), 1500)
    socket.on('message', (data: Buffer) => {
      frames.push(data)
      timer.refresh()
    })
    socket.on('close', (code) => resolve(code))
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
    socket.on('error', () => {})
  })
  socket.terminate()
  const read = await Promise.all(frames.map(readFrame))
  return {
    events: read.filter((event) => typeof event !== 'string'),
    error: read.find((event) => typeof event === 'string') ?? null,
    closed,
  }
}

/** The event, or the name of the error. */
async function readFrame(data: Buffer): Promise<StreamEvent | string> {
  const frame = Frame.fromBytes(new Uint8Array(data))
  if (frame.isError()) return frame.body.error
  if (!frame.isMessage()) throw new Error('neither message nor error')
  const { seq, time: _time, blocks, ...rest } = frame.body as Record<string, any>
  const body = plain(rest) as Record<string, unknown>
  if (blocks !== undefined) body['blocks'] = await readArchive(blocks as Uint8Array)
  return { seq: Number(seq), type: frame.type ?? '', body }
}

/** CIDs as text. */
function plain(value: unknown): unknown {
  const cid = CID.asCID(value)
  if (cid !== null) return cid.toString()
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}
