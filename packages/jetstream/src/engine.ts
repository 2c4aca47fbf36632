// What the clients of both wires share: one stream of messages made into events, with a position that only moves past what is done.
import {
  createPositionSaver,
  follow,
  type ConnectInfo,
  type Link,
  type Target,
  type XrpcClientError,
} from '@avocet/xrpc-client/stream'
import { FIRST_TIME_CURSOR } from './cursor.ts'
import { JetstreamError, toJetstreamError } from './error.ts'
import { createMatcher, type Filter, type Matcher } from './filter.ts'
import { invalid, type InvalidEvent, type Parsed } from './invalid.ts'
import { checkFilter, type JetstreamOptions, type JetstreamStats, type Subscription } from './options.ts'
import type { CursorStore, Position } from './position.ts'
import type { V1Event } from './v1-events.ts'
import type { V2Event, V2Info } from './v2-events.ts'
import type { Decompress } from './zstd.ts'

/** The connection under way. */
export interface Current {
  readonly service: string
  /** The cursor that was asked for; null for none. */
  readonly cursor: number | null
  /** Unpacks binary messages; null where none were agreed on. */
  readonly decompress: Decompress | null
}

/** An event on its way to the reader. */
export interface Place {
  /** Where the reader is once it is done with the event. */
  readonly position: Position
  /** When the server saw it; null when that cannot be read. */
  readonly timeUs: number | null
  /** Whether it was delivered already. */
  readonly again: boolean
}

/** What is particular to one wire. */
export interface Dialect<E extends V1Event | V2Event | V2Info> {
  readonly name: string
  readonly isPattern: (pattern: string) => boolean
  /** Where to connect, going on after a position. */
  connect(
    base: URL,
    info: ConnectInfo,
    from: Position | number | null,
    filter: Filter,
  ): Promise<{ readonly target: Target; readonly current: Current }>
  /** A connection is open; the filter may have changed since it was begun. */
  opened(link: Link, filter: Filter): void
  /** The filter changed while a connection is open. */
  updated(link: Link, filter: Filter): void
  parse(text: string): Parsed<E> | XrpcClientError
  /** Where an event leaves the reader; null for what has no place. */
  place(event: E, current: Current): Place | null
  /** Where an invalid event leaves the reader; null where its cursor cannot be read. */
  skip(cursor: number, current: Current): Place
  passing(error: XrpcClientError): boolean
  refused?(error: XrpcClientError, info: ConnectInfo): boolean
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
const DEFAULT_MESSAGE_BYTES = 5 * 1024 * 1024

/** Reads a wire. @throws JetstreamError `invalid-options` */
export function read<E extends V1Event | V2Event | V2Info>(
  dialect: Dialect<E>,
  options: JetstreamOptions,
): Subscription<E> {
  const maxBytes = options.maxMessageBytes ?? DEFAULT_MESSAGE_BYTES
  const stats = { received: 0, duplicates: 0, filtered: 0, invalid: 0 }
  const store = isStore(options.cursor) ? options.cursor : null
  const saver = createPositionSaver(store, options.saveMs ?? 1000, (cause) => storeFailed('saved', cause))
  let { filter, matches } = prepare(options, dialect)
  let loaded = store === null
  let start = isStore(options.cursor) ? null : (options.cursor ?? null)
  let position: Position | null = typeof start === 'number' ? null : start
  let current: Current | null = null
  let link: Link | null = null
  let fresh = false

  const advance = (to: Position): void => {
    position = to
    saver.offer(to)
  }

  const textOf = (frame: Uint8Array | string): string | InvalidEvent => {
    if (frame.length > maxBytes)
      return invalid('too-large', `message too large; max=${maxBytes}`, shown(frame))
    if (typeof frame === 'string') return frame
    const decompress = current?.decompress ?? null
    if (decompress === null) return invalid('not-zstd', 'a binary message, where none was agreed on', '')
    let bytes: Uint8Array
    try {
      bytes = decompress(frame, maxBytes)
    } catch (error) {
      // Node's word for what would be longer than it may be.
      const tooLarge = (error as { code?: unknown } | null)?.code === 'ERR_BUFFER_TOO_LARGE'
      return invalid(tooLarge ? 'too-large' : 'not-zstd', `does not unpack; max=${maxBytes}`, '')
    }
    try {
      return utf8.decode(bytes)
    } catch {
      return invalid('not-json', 'not UTF-8', '')
    }
  }

  const refuse = (event: InvalidEvent): Item<E> | undefined => {
    const place = current === null || event.cursor === null ? null : dialect.skip(event.cursor, current)
    if (place?.again === true) {
      stats.duplicates += 1
      return undefined
    }
    stats.invalid += 1
    return { value: event, position: place?.position ?? null }
  }

  const decode = (frame: Uint8Array | string): Item<E> | XrpcClientError | undefined => {
    stats.received += 1
    const text = textOf(frame)
    if (typeof text !== 'string') return refuse(text)
    const parsed = dialect.parse(text)
    if (!('ok' in parsed)) return parsed
    if (!parsed.ok) return refuse(parsed.error)
    const event = parsed.value
    const place = current === null ? null : dialect.place(event, current)
    if (place === null || event.kind === 'info') return { value: event, position: place?.position ?? null }
    if (fresh) resumed(place.position.service, place.timeUs)
    if (place.again) {
      stats.duplicates += 1
      return undefined
    }
    if (!matches(event)) {
      stats.filtered += 1
      // All that came before was taken: the reader has asked for more.
      advance(place.position)
      return undefined
    }
    return { value: event, position: place.position }
  }

  const resumed = (service: string, firstUs: number | null): void => {
    fresh = false
    const cursor = current?.cursor ?? null
    if (cursor === null || firstUs === null) return
    const asked = cursor >= FIRST_TIME_CURSOR ? cursor : (position?.timeUs ?? null)
    const gapMs = asked === null ? null : Math.max(0, (firstUs - asked) / 1000)
    options.onResume?.({ service, cursor, firstUs, gapMs })
  }

  const inner = follow<Item<E>>(
    {
      name: dialect.name,
      async connect(base, info) {
        link = null
        if (!loaded) position = await load(store!)
        loaded = true
        const made = await dialect.connect(base, info, position ?? start, filter)
        current = made.current
        fresh = true
        return made.target
      },
      opened(opened) {
        link = opened
        dialect.opened(opened, filter)
      },
      decode,
      passing: (error) => dialect.passing(error),
      refused: (error, info) => dialect.refused?.(error, info) === true,
      repeats: true,
    },
    // A message over the bound is to be told with its reason; far over it, the connection ends.
    { ...options, maxFrameBytes: Math.max(16 * 1024 * 1024, 2 * maxBytes) },
  )

  let held: Item<E> | null = null
  let over = false
  const finish = async (): Promise<void> => {
    if (over) return
    over = true
    saver.stop()
    await saver.flush()
  }
  const subscription: Subscription<E> = {
    get position() {
      return position
    },
    get stats(): JetstreamStats {
      return { ...stats }
    },
    async next() {
      if (held !== null && held.position !== null) advance(held.position)
      held = null
      try {
        saver.check()
        const result = await inner.next()
        if (result.done !== true) {
          held = result.value
          return { done: false, value: held.value }
        }
      } catch (error) {
        await inner.return()
        await finish().catch(() => {})
        throw toJetstreamError(error)
      }
      await finish()
      return { done: true, value: undefined }
    },
    async return() {
      await inner.return()
      await finish()
      return { done: true, value: undefined }
    },
    update(changed) {
      ;({ filter, matches } = prepare(changed, dialect))
      if (link !== null) dialect.updated(link, filter)
    },
    [Symbol.asyncIterator]: () => subscription,
    async [Symbol.asyncDispose]() {
      await subscription.return()
    },
  }
  return subscription
}

/** Something to hand over, and where the reader is once it is done with it. */
interface Item<E> {
  readonly value: E | InvalidEvent
  readonly position: Position | null
}

function prepare(
  { kinds, collections, dids, maxMessageSizeBytes }: Filter,
  dialect: Pick<Dialect<never>, 'isPattern'>,
): { filter: Filter; matches: Matcher } {
  const filter: Filter = {
    ...(kinds !== undefined && { kinds }),
    ...(collections !== undefined && { collections }),
    ...(dids !== undefined && { dids }),
    ...(maxMessageSizeBytes !== undefined && { maxMessageSizeBytes }),
  }
  checkFilter(filter, dialect.isPattern)
  return { filter, matches: createMatcher(filter) }
}

async function load(store: CursorStore): Promise<Position | null> {
  try {
    return await store.load()
  } catch (cause) {
    throw storeFailed('loaded', cause)
  }
}

function storeFailed(what: 'loaded' | 'saved', cause: unknown): JetstreamError {
  return new JetstreamError('store-failed', `the cursor could not be ${what}`, { cause })
}

function isStore(cursor: JetstreamOptions['cursor']): cursor is CursorStore {
  return typeof cursor === 'object' && 'load' in cursor
}

function shown(frame: Uint8Array | string): string {
  return typeof frame === 'string' ? frame : ''
}
