import { createHash } from 'node:crypto'

import { decodeFrame } from '@avocet/xrpc'

import type { CrashServer } from './server.ts'

/** An event as it came. */
export interface Event {
  readonly seq: number
  readonly did: string
  readonly type: string
  /** Hash of the whole frame. */
  readonly hash: string
  readonly body: any
}

/** Reads the firehose from `cursor` until the socket closes or `until` is content. @throws Error when it breaks its rules */
export function readEvents(
  server: CrashServer,
  cursor: number,
  onEvent: (event: Event) => void,
  until: (seq: number) => boolean = () => false,
): Promise<void> {
  const socket = new WebSocket(
    `${server.url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos?cursor=${cursor}`,
  )
  socket.binaryType = 'arraybuffer'
  const ended = Promise.withResolvers<void>()
  let last = cursor
  socket.addEventListener('message', ({ data }) => {
    try {
      const bytes = new Uint8Array(data as ArrayBuffer)
      const frame = decodeFrame(bytes)
      if (!frame.ok || frame.value.kind !== 'message') {
        throw new Error(`the firehose sent ${JSON.stringify(frame)} after event ${last}`)
      }
      const { type, body } = frame.value as { type: string; body: any }
      const seq = body.seq as number
      if (seq <= last) throw new Error(`event ${seq} came after event ${last}`)
      last = seq
      onEvent({
        seq,
        type,
        did: body.repo ?? body.did,
        hash: createHash('sha256').update(bytes).digest('base64'),
        body,
      })
      if (until(seq)) socket.close()
    } catch (error) {
      ended.reject(error as Error)
      socket.close()
    }
  })
  socket.addEventListener('close', () => ended.resolve())
  return ended.promise
}

/** A subscriber that goes on after each kill where it was, as relays do. */
export interface Follower {
  /** Hash of each event that came, by number. */
  readonly seen: ReadonlyMap<number, { readonly did: string; readonly hash: string }>
  /** Number of the newest. */
  newest(): number
  stop(): void
  /** Rejects when the stream broke its rules. */
  readonly done: Promise<void>
}

/** Follows the firehose from its beginning until told to stop. */
export function followEvents(server: CrashServer): Follower {
  const seen = new Map<number, { did: string; hash: string }>()
  let newest = 0
  const stopped = new AbortController()
  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await server.whenUp()
      await readEvents(
        server,
        newest,
        ({ seq, did, hash }) => {
          newest = seq
          seen.set(seq, { did, hash })
        },
        () => stopped.signal.aborted,
      )
      // A server that was just killed takes no connection.
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return { seen, newest: () => newest, stop: () => stopped.abort(), done: run() }
}
