// A reader of the firehose that goes on from its cursor wherever the front server sends it.
import { createHash } from 'node:crypto'

import { decodeFrame } from '@avocet/xrpc'
import { WebSocket } from 'ws'

/** One event as it came. */
export interface Seen {
  readonly seq: number
  /** Of the whole message. */
  readonly hash: string
  readonly type: string
  readonly body: Record<string, unknown>
}

/** What a subscriber got. */
export interface Subscriber {
  readonly seen: readonly Seen[]
  /** How often its connection ended and it came back with its cursor. */
  reconnects(): number
  /** What no subscriber may be told. */
  readonly faults: readonly string[]
  stop(): void
}

/** Reads from the beginning. */
export function subscribe(url: string): Subscriber {
  const seen: Seen[] = []
  const faults: string[] = []
  let reconnects = -1
  let stopped = false
  let socket: WebSocket | null = null

  const take = (data: Buffer): void => {
    const frame = decodeFrame(data)
    // A machine at its limits stops its subscribers as well: who was cut off for that comes back.
    if (frame.ok && frame.value.kind === 'error' && frame.value.error === 'ConsumerTooSlow') return
    if (!frame.ok || frame.value.kind !== 'message') {
      faults.push(`no message: ${JSON.stringify(frame.ok ? frame.value : frame.error)}`)
      return
    }
    const { type, body } = frame.value
    const seq = Number(body['seq'])
    const last = seen.at(-1)?.seq ?? 0
    if (type === '#info') faults.push(`info ${String(body['name'])}`)
    else if (seq <= last) faults.push(`${seq} after ${last}`)
    else seen.push({ seq, hash: createHash('sha256').update(data).digest('hex'), type, body })
  }
  const open = (): void => {
    if (stopped) return
    reconnects++
    const cursor = seen.at(-1)?.seq ?? 0
    socket = new WebSocket(
      `${url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos?cursor=${cursor}`,
    )
    socket.on('message', (data: Buffer) => take(data))
    socket.on('error', () => {})
    socket.on('close', () => setTimeout(open, 50))
  }
  open()
  return {
    seen,
    faults,
    reconnects: () => reconnects,
    stop: () => {
      stopped = true
      socket?.terminate()
    },
  }
}
