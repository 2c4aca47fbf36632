// Client of Jetstream v1.
import { streamUrl, type Link } from '@avocet/xrpc-client/stream'
import { createDecompress } from '#zstd'
import { read, type Dialect, type Place } from './engine.ts'
import { JetstreamError } from './error.ts'
import { isV1Pattern, type Filter } from './filter.ts'
import type { JetstreamOptions, Subscription, ZstdOptions } from './options.ts'
import type { Position } from './position.ts'
import { createRecent } from './recent.ts'
import { parseV1Event, type V1Event } from './v1-events.ts'
import { encodeV1Options, encodeV1Query } from './v1-params.ts'
import type { Decompress } from './zstd.ts'

/** Options of {@link subscribeV1}. */
export interface V1Options extends JetstreamOptions {
  /**
   * Milliseconds to go back by when the connection to the same service is made again; what was seen already is left out. Servers of
   * v1 lose the order where the replay of old events turns into live ones. Default 2000.
   */
  readonly overlapMs?: number
  /** Asks for packed messages, with the dictionary that v1 clients ship (id 1612007021). Where nothing unpacks them, they come plain. */
  readonly zstd?: ZstdOptions & { readonly dictionary: Uint8Array }
}

/** A longer query is sent as a message instead, since proxies cut URLs at 8 kB. */
const MAX_QUERY = 4096
const SIZE_OF_RECENT = 65_536

/**
 * Subscribes to `/subscribe` of a Jetstream server, and stays subscribed, to one of several services at a time. Starts with the
 * first `next`.
 *
 * Yields events in the order in which the server sends them, each once, and `invalid` for a message that is none. The iteration
 * throws a `JetstreamError`.
 *
 * @throws JetstreamError `invalid-options`
 *
 * @example
 * for await (const event of subscribeV1({ service: 'wss://jetstream.example.com', collections: ['app.bsky.feed.post'] }))
 *   if (event.kind === 'commit') console.log(event.did, event.commit.operation, event.commit.rkey)
 */
export function subscribeV1(options: V1Options): Subscription<V1Event> {
  return read(createV1(options), options)
}

function createV1(options: V1Options): Dialect<V1Event> {
  if (options.kinds?.includes('sync') === true)
    throw new JetstreamError('invalid-options', 'there are no sync events on this wire; kinds=sync')
  const rewindUs = (options.rewindMs ?? 10_000) * 1000
  const overlapUs = (options.overlapMs ?? 2000) * 1000
  const recent = createRecent(SIZE_OF_RECENT)
  const decompress = decompressOf(options)
  // What a stored position names is done with; what came since then is in `recent`.
  let done: Position | null = null
  let newest: Position | null = null
  // Where a replay of what was seen already stood when it broke off: it goes on there, or it might never get further.
  let replayed: { readonly service: string; readonly timeUs: number } | null = null
  let hello = false
  let asked: Filter | null = null

  const cursorFor = (service: string, from: Position | number | null): number | null => {
    if (from === null || typeof from === 'number') return from
    if (replayed?.service === service) return replayed.timeUs
    const { cursor, timeUs } = from
    if (from.service !== service) return timeUs === null ? null : Math.max(0, timeUs - rewindUs)
    if (newest !== null) return Math.max(0, cursor - overlapUs)
    done = from
    return cursor
  }
  const placeOf = (service: string, timeUs: number, again: boolean): Place => {
    const known = newest?.service === service ? newest.cursor : 0
    const ahead = Math.max(known, timeUs)
    const position = { service, cursor: ahead, timeUs: ahead }
    if (!again) newest = position
    replayed = again ? { service, timeUs } : null
    return { position, timeUs, again }
  }
  const isDone = (service: string, timeUs: number): boolean =>
    done?.service === service && done.cursor === timeUs
  const say = (link: Link, filter: Filter): void => {
    asked = filter
    link.send(encodeV1Options(filter))
  }

  return {
    name: 'path=/subscribe',
    isPattern: isV1Pattern,
    async connect(base, { service }, from, filter) {
      const cursor = cursorFor(service, from)
      const given = { cursor, compress: decompress !== null }
      const query = encodeV1Query({ ...given, filter })
      hello = query.toString().length > MAX_QUERY
      asked = filter
      const url = streamUrl(
        base,
        'subscribe',
        hello ? encodeV1Query({ ...given, requireHello: true }) : query,
      )
      return { target: { url, text: true }, current: { service, cursor, decompress } }
    },
    opened(link, filter) {
      if (hello || filter !== asked) say(link, filter)
    },
    updated: say,
    parse: parseV1Event,
    place: (event, { service }) =>
      placeOf(service, event.time_us, isDone(service, event.time_us) || !recent.add(keyOf(event))),
    skip: (cursor, { service }) =>
      placeOf(service, cursor, isDone(service, cursor) || !recent.add(`invalid ${service} ${cursor}`)),
    passing: () => false,
  }
}

function decompressOf({ zstd }: V1Options): Decompress | null {
  if (zstd === undefined) return null
  const create = zstd.createDecompress ?? createDecompress
  return create?.(zstd.dictionary) ?? null
}

/** The same for the same event, whichever server sends it. */
function keyOf(event: V1Event): string {
  if (event.kind === 'commit') {
    const { rev, collection, rkey } = event.commit
    return `${event.did} ${rev} ${collection}/${rkey}`
  }
  const { seq, time } = event.kind === 'identity' ? event.identity : event.account
  // The relay's own numbers, which servers behind the same relay share.
  return `${event.did} ${event.kind} ${seq ?? event.time_us} ${time ?? ''}`
}
