// The page's event stream (Server-Sent Events). https://html.spec.whatwg.org/multipage/server-sent-events.html
// A page is a window, not an output: when more happens than eyes can follow, it gets a sample.

import { type DataObject, formatCid } from '@avocet/data'
import type { VerifiedOp } from '@avocet/firehose'
import { networkOf } from '@avocet/xrpc-server'
import { type IndexNotice, isFault } from '../index/apply.ts'
import type { OpContext, AppliedOp } from '../index/records.ts'

/** Records shown a second, and failures shown a second. */
const MAX_PER_SECOND = 25
/** Records a page sees when it opens. */
const KEPT = 40
/** Bytes of a record whose text is shown. */
const MAX_SHOWN = 64 * 1024
/** A page that reads so slowly that this much waits is closed; it will reconnect. */
const MAX_WAITING = 256
const MAX_CLIENTS = 200
/** Pages of one address (an IPv6 /64), so that nobody holds them all. */
const MAX_PER_ADDRESS = 8

/** Headers of the event stream. */
export const EVENT_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
}

type Client = {
  readonly network: string | null
  readonly send: (text: string) => void
  readonly close: () => void
}

/** The hub of the event stream. */
export type Live = {
  /** To be called with everything that happens. */
  notice(notice: IndexNotice): void
  /** Answers one page of an address; the stream ends when `signal` aborts or the page goes. */
  connect(signal: AbortSignal, address?: string | null): Response
  close(): void
}

/**
 * @param options.status what to send each second
 * @param options.handleOf the verified handle of a DID, if there is one
 */
export function createLive(options: {
  readonly status: () => object
  readonly handleOf: (did: string) => string | null
}): Live {
  const clients = new Set<Client>()
  const recent: string[] = []
  const left = { records: MAX_PER_SECOND, failures: MAX_PER_SECOND }

  const broadcast = (text: string): void => {
    for (const client of clients) client.send(text)
  }
  const timer = setInterval(() => {
    left.records = MAX_PER_SECOND
    left.failures = MAX_PER_SECOND
    // Also with nobody watching: rates and lags are differences between these moments.
    broadcast(message('status', options.status()))
  }, 1000)
  timer.unref()

  const textOf = (op: VerifiedOp): string | null => {
    // Larger ones would be decoded only for this.
    if (op.recordBytes === null || op.recordBytes.length > MAX_SHOWN) return null
    return op.record === null ? null : preview(op.record, options.handleOf)
  }

  const showRecord = (op: AppliedOp, context: OpContext): void => {
    const text = message('record', {
      seq: op.logSeq,
      action: op.action,
      did: context.did,
      handle: options.handleOf(context.did),
      collection: op.collection,
      rkey: op.rkey,
      cid: op.op.cid === null ? null : formatCid(op.op.cid),
      rev: context.rev,
      at: context.at,
      provenance: context.provenance,
      validity: op.label?.validity ?? null,
      reason: op.label?.reason ?? null,
      text: textOf(op.op),
    })
    recent.push(text)
    if (recent.length > KEPT) recent.shift()
    broadcast(text)
  }

  return {
    notice(notice) {
      if (notice.kind === 'records') {
        for (const op of notice.ops) {
          if (left.records <= 0) return
          left.records--
          showRecord(op, notice.context)
        }
      } else if (notice.kind === 'failure' && isFault(notice.failure.reason) && left.failures > 0) {
        left.failures--
        const { reason, did, source, seq } = notice.failure
        broadcast(
          message('failure', {
            reason,
            did,
            source,
            seq,
            message: notice.failure.message.slice(0, 300),
            at: notice.at,
          }),
        )
      }
    },
    connect(signal, address = null) {
      if (clients.size >= MAX_CLIENTS) return new Response('Too many pages are open', { status: 503 })
      const network = address === null ? null : networkOf(address)
      let same = 0
      for (const other of clients) if (network !== null && other.network === network) same++
      if (same >= MAX_PER_ADDRESS) return new Response('Too many pages of yours are open', { status: 429 })
      const encoder = new TextEncoder()
      let client: Client | null = null
      const leave = (): void => {
        if (client !== null) clients.delete(client)
      }
      const body = new ReadableStream<Uint8Array>(
        {
          start(controller) {
            let open = true
            const close = (): void => {
              if (!open) return
              open = false
              leave()
              controller.close()
            }
            const send = (text: string): void => {
              if (!open) return
              if ((controller.desiredSize ?? 0) <= -MAX_WAITING) close()
              else controller.enqueue(encoder.encode(text))
            }
            client = { network, send, close }
            clients.add(client)
            signal.addEventListener('abort', close, { once: true })
            send(`retry: 2000\n\n${recent.join('')}${message('status', options.status())}`)
          },
          cancel: leave,
        },
        { highWaterMark: 16 },
      )
      return new Response(body, { headers: EVENT_HEADERS })
    },
    close() {
      clearInterval(timer)
      for (const client of clients) client.close()
    },
  }
}

function message(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

/** A line that says what a record is about, whatever its kind. */
function preview(record: DataObject, handleOf: (did: string) => string | null): string | null {
  const { text, displayName, name, description, subject } = record as Record<string, unknown>
  for (const value of [text, displayName, name, description]) {
    if (typeof value === 'string' && value !== '')
      return value.length > 200 ? `${value.slice(0, 199)}…` : value
  }
  // A like, a repost, a follow: whom it is about.
  const target =
    typeof subject === 'string' ? subject : (subject as { uri?: unknown } | null | undefined)?.uri
  if (typeof target !== 'string') return null
  const [did = '', collection, rkey] = target.replace('at://', '').slice(0, 400).split('/')
  const whom = handleOf(did) ?? did
  return `→ ${whom}${collection === undefined ? '' : ` ${collection}/${rkey ?? ''}`}`
}
