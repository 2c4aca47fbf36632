// Client of `/channel`: events are handled, then acked.
import { follow, streamUrl, type FollowOptions, type Link } from '@avocet/xrpc-client/stream'
import { basicAuth } from './auth.ts'
import { baseOf } from './client.ts'
import { TapError, toTapError } from './error.ts'
import { encodeAck, invalid, parseTapEvent, type InvalidTapEvent, type TapEvent } from './events.ts'
import { createLanes } from './lanes.ts'
import { GROUP_STARTS, isGroupStart, type GroupStart } from './start.ts'

/** An event that was not handled. */
export type TapFailure =
  /** The handler threw. */
  | { readonly kind: 'handler'; readonly event: TapEvent; readonly error: unknown }
  /** The message is no event. */
  | { readonly kind: 'invalid'; readonly event: InvalidTapEvent }

/** What to do with an event that was not handled: `ack` gives it up. Anything else leaves it, and the server sends it again. */
export type TapVerdict = 'ack' | undefined | void

/** How often it was not handled. */
export interface FailureContext {
  /** How often this event failed since the channel was opened; 1 for a message that is no event. */
  readonly tries: number
}

/** Options of {@link openChannel}. */
export interface ChannelOptions extends Pick<
  FollowOptions,
  | 'signal'
  | 'maxBufferedBytes'
  | 'livenessMs'
  | 'idleMs'
  | 'connectMs'
  | 'reconnect'
  | 'backoff'
  | 'onConnect'
  | 'onDisconnect'
> {
  /** `http://localhost:2480` */
  readonly service: string | URL
  /** The admin password, where the server has one. Node only: browsers send no headers with a WebSocket. */
  readonly password?: string
  /** A consumer group of its own, on servers that have such. */
  readonly group?: string
  /**
   * Where the group begins when the server makes it, which it does when somebody asks for it first; one that is there goes on where it was.
   * Default: as the server has it (`all`).
   */
  readonly start?: GroupStart
  /**
   * Handles an event; it is acked when that resolves. `signal` is aborted with the channel's. A handler that never ends holds up its
   * account, and one of the places.
   */
  readonly onEvent: (event: TapEvent, context: { readonly signal: AbortSignal }) => void | Promise<void>
  /** Told of what was not handled. What it throws ends the channel. */
  readonly onFailure: (failure: TapFailure, context: FailureContext) => TapVerdict | Promise<TapVerdict>
  /** False for a server with `TAP_DISABLE_ACKS`: what is not handled is lost. Default true. */
  readonly acks?: boolean
  /** Accounts handled at a time. Default 16. */
  readonly concurrency?: number
  /** Events that wait or are handled, before no more are read. Default 1000. */
  readonly maxPending?: number
  /** Largest message in bytes: a larger one is a failure. Default 5 MiB. */
  readonly maxMessageBytes?: number
}

/** What became of the messages so far. */
export interface ChannelStats {
  readonly received: number
  readonly handled: number
  readonly acked: number
  readonly failed: number
  readonly invalid: number
  /** Events that were sent again while they waited, or after they were handled. */
  readonly duplicates: number
  /** Events that wait or are handled. */
  readonly pending: number
}

/** An open channel. */
export interface Channel extends AsyncDisposable {
  /** Resolves when the channel was closed. @throws TapError `refused`, `too-large`, `network`; what `onFailure` threw */
  readonly done: Promise<void>
  readonly stats: ChannelStats
  /** Takes no more events, waits for handlers under way, sends their acks, and leaves. What waited is sent again another time. */
  close(): Promise<void>
}

/** Numbers of events remembered, so that one whose ack was lost is acked, not handled, once more. */
const REMEMBERED = 65_536

/**
 * Opens the channel of a Tap server, and keeps it open. Events of one account are handled in the order in which they come, accounts
 * side by side. Starts at once.
 *
 * @throws TapError `invalid-options`
 *
 * @example
 * await openChannel({ service: 'http://localhost:2480', onEvent: (event) => index(event), onFailure: console.error }).done
 */
export function openChannel(options: ChannelOptions): Channel {
  const base = baseOf(options.service)
  const concurrency = checkCount('concurrency', options.concurrency ?? 16)
  const maxPending = checkCount('maxPending', options.maxPending ?? 1000)
  const maxBytes = options.maxMessageBytes ?? 5 * 1024 * 1024
  const acks = options.acks !== false
  const { group, start } = options
  if (start !== undefined && !isGroupStart(start)) {
    throw new TapError('invalid-options', `one of ${GROUP_STARTS.join(', ')}; start=${String(start)}`)
  }
  const stop = new AbortController()
  const lanes = createLanes(concurrency)
  const counts = { received: 0, handled: 0, acked: 0, failed: 0, invalid: 0, duplicates: 0 }
  /** Keys of events that wait or are handled. */
  const waiting = new Set<string>()
  const handled = createMemory(REMEMBERED)
  const tries = new Map<string, number>()
  let unsent: number[] = []
  let link: Link | null = null
  let closing = false
  let fault: { readonly error: unknown } | null = null

  const flush = (): void => {
    let sent = 0
    while (sent < unsent.length && link?.send(encodeAck(unsent[sent]!)) === true) sent += 1
    counts.acked += sent
    unsent = unsent.slice(sent)
  }
  const ack = (id: number): void => {
    if (!acks) return
    unsent.push(id)
    flush()
  }
  const fail = (error: unknown): void => {
    fault ??= { error }
    void close()
  }

  const judge = async (failure: TapFailure, count: number): Promise<void> => {
    const { id } = failure.event
    try {
      if ((await options.onFailure(failure, { tries: count })) === 'ack' && id !== null) ack(id)
    } catch (error) {
      fail(error)
    }
  }
  const handle = async (event: TapEvent, key: string): Promise<void> => {
    try {
      await options.onEvent(event, { signal: stop.signal })
      counts.handled += 1
      tries.delete(key)
      if (acks) handled.add(key)
      ack(event.id)
    } catch (error) {
      counts.failed += 1
      const count = (tries.get(key) ?? 0) + 1
      // The oldest makes room: whatever fails for long is counted from one again.
      if (tries.size >= REMEMBERED) tries.delete(tries.keys().next().value!)
      tries.set(key, count)
      await judge({ kind: 'handler', event, error }, count)
    } finally {
      waiting.delete(key)
    }
  }

  const take = async (text: string): Promise<void> => {
    counts.received += 1
    const parsed =
      text.length > maxBytes
        ? invalid('too-large', `message too large; max=${maxBytes}`, text)
        : parseTapEvent(text)
    if (!parsed.ok) {
      counts.invalid += 1
      await judge({ kind: 'invalid', event: parsed.error }, 1)
      return
    }
    const event = parsed.value
    const key = keyOf(event)
    if (acks && (waiting.has(key) || handled.has(key))) {
      counts.duplicates += 1
      if (!waiting.has(key)) ack(event.id)
      return
    }
    waiting.add(key)
    lanes.run(event.did, () => handle(event, key))
    await lanes.below(maxPending)
  }

  const { signal: outer, service: _, onEvent: __, onFailure: ___, ...connection } = options
  const stream = follow<string>(
    {
      name: 'path=/channel',
      connect(service) {
        link = null
        const query = new URLSearchParams({
          ...(group !== undefined && { group }),
          ...(start !== undefined && { start }),
        })
        return { url: streamUrl(service, 'channel', query), text: true }
      },
      opened(open) {
        link = open
        flush()
      },
      decode: (frame) => (typeof frame === 'string' ? frame : new TextDecoder().decode(frame)),
      passing: () => false,
    },
    {
      ...connection,
      service: base,
      maxFrameBytes: Math.max(16 * 1024 * 1024, 2 * maxBytes),
      ...(options.password !== undefined && { headers: { authorization: basicAuth(options.password) } }),
    },
  )

  const run = async (): Promise<void> => {
    try {
      for await (const text of stream) {
        // What comes while the handlers under way are waited for is left to the server.
        if (!closing) await take(text)
      }
    } catch (error) {
      fault ??= { error: toTapError(error) }
    }
    await close()
    if (fault !== null) throw fault.error
  }

  let closed: Promise<void> | null = null
  const close = (): Promise<void> =>
    (closed ??= (async () => {
      closing = true
      outer?.removeEventListener('abort', onAbort)
      await lanes.drain()
      flush()
      await stream.return()
    })())
  const onAbort = (): void => {
    stop.abort(outer?.reason)
    void close()
  }
  outer?.addEventListener('abort', onAbort, { once: true })
  if (outer?.aborted === true) onAbort()

  // In a turn of its own: nothing happens before the caller has the channel.
  const done = Promise.resolve().then(run)
  // Whoever never looks at `done` has asked not to be told.
  done.catch(() => {})
  return {
    done,
    get stats() {
      return { ...counts, pending: lanes.pending }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function checkCount(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new TapError('invalid-options', `at least 1; ${name}=${value}`)
}

/** The same for an event that is sent again, and not for another that a server begun anew gives the same number. */
function keyOf(event: TapEvent): string {
  if (event.type === 'identity')
    return `${event.id} ${event.did} ${event.handle} ${event.isActive} ${event.status}`
  return `${event.id} ${event.did} ${event.rev} ${event.action} ${event.collection}/${event.rkey}`
}

/** The last keys, at least half as many as `size`: two halves, of which the older is forgotten whole. */
function createMemory(size: number): { has(key: string): boolean; add(key: string): void } {
  let current = new Set<string>()
  let previous = new Set<string>()
  return {
    has: (key) => current.has(key) || previous.has(key),
    add(key) {
      current.add(key)
      if (current.size < size / 2) return
      previous = current
      current = new Set()
    },
  }
}
