// Client of Jetstream v2.
import type { JsonObject } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { streamUrl, XrpcClientError, type Link } from '@avocet/xrpc-client/stream'
import { FIRST_TIME_CURSOR } from './cursor.ts'
import { createDictionaries } from './dictionary.ts'
import { read, type Current, type Dialect, type Place } from './engine.ts'
import { isV2Pattern, type Filter } from './filter.ts'
import type { JetstreamOptions, Subscription, ZstdOptions } from './options.ts'
import type { Position } from './position.ts'
import { createRecent } from './recent.ts'
import { parseMicros } from './times.ts'
import { JSON_SUBPROTOCOL, parseV2Frame, SUBSCRIBE_EVENTS, type V2Event, type V2Info } from './v2-events.ts'
import { encodeV2Query } from './v2-params.ts'

/** Options of {@link subscribeV2}. */
export interface V2Options extends JetstreamOptions {
  /**
   * When the events after the cursor are gone: `throw` a `cursor-too-old` (default), or go on with the `oldest` that the server
   * has, after an `info` event named `OutdatedCursor`.
   */
  readonly cursorTooOld?: 'throw' | 'oldest'
  /** Offers the subprotocol `xrpc.v1.json`; a server that does not pick it is left. Default true. */
  readonly subprotocol?: boolean
  /**
   * Asks for packed frames, with the server's own dictionary: about a third of the bytes. Where nothing unpacks them, or the server has no
   * dictionary, they come plain. Default false.
   */
  readonly zstd?: boolean | ZstdOptions
}

const SIZE_OF_RECENT = 65_536
// How long after a change of service, by the time of events, one may come again.
const OVERLAP_US = 60_000_000
// What a server ends a stream with and another connection may mend.
const PASSING: ReadonlySet<string> = new Set([
  'ConsumerTooSlow',
  'InternalError',
  'InternalServerError',
  'ServiceUnavailable',
])

/**
 * Subscribes to `network.bsky.jetstream.subscribeEvents`, and stays subscribed, to one of several services at a time. Starts with the
 * first `next`.
 *
 * Yields events in the order of the server's log, each once; `info` for what the server says of the stream; and `invalid` for a
 * message that is none of these. The iteration throws a `JetstreamError`.
 *
 * @throws JetstreamError `invalid-options`
 *
 * @example
 * for await (const event of subscribeV2({ service: 'wss://jetstream.example.com', kinds: ['commit'] }))
 *   if (event.kind === 'commit') console.log(event.seq, event.operation, event.collection, event.rkey)
 */
export function subscribeV2(options: V2Options): Subscription<V2Event | V2Info> {
  return read(createV2(options), options)
}

function createV2(options: V2Options): Dialect<V2Event | V2Info> {
  const rewindUs = (options.rewindMs ?? 10_000) * 1000
  const zstd = options.zstd === true ? {} : options.zstd === false ? undefined : options.zstd
  const dictionaries =
    zstd === undefined
      ? null
      : createDictionaries(zstd.createDecompress, {
          ...(options.headers !== undefined && { headers: options.headers }),
          ...(options.signal !== undefined && { signal: options.signal }),
        })
  const recent = createRecent(SIZE_OF_RECENT)
  const protocols = options.subprotocol === false ? [] : [JSON_SUBPROTOCOL]
  let newest: Position | null = null
  let link: Link | null = null
  let asked: Filter | null = null
  /** The cursor is of a numbering that its server does not have any more. */
  let renumbered = false
  let tooOld = false
  /** Since the service changed: until when an event may be one that the other sent, and whose events are let through. */
  let overlap: { readonly untilUs: number; readonly synced: Set<Did> } | null = null
  /** Where that replay stood when it broke off: it goes on there, or it might never get further. */
  let replayed: { readonly service: string; readonly seq: number } | null = null

  const cursorFor = (service: string, from: Position | number | null): number | null => {
    if (from === null) return null
    if (replayed?.service === service && !renumbered && !tooOld) return replayed.seq
    if (typeof from === 'number') return renumbered ? null : tooOld ? FIRST_TIME_CURSOR : from
    if (from.service === service && !renumbered) {
      newest ??= from
      return tooOld ? FIRST_TIME_CURSOR : from.cursor
    }
    newest = null
    if (from.timeUs === null) return null
    overlap = { untilUs: from.timeUs + OVERLAP_US, synced: new Set() }
    return Math.max(FIRST_TIME_CURSOR, from.timeUs - rewindUs)
  }

  const placeOf = (current: Current, seq: number, timeUs: number | null, repeats: () => boolean): Place => {
    const { service, cursor } = current
    const position = { service, cursor: seq, timeUs: timeUs ?? newest?.timeUs ?? null }
    if (cursor !== null && cursor < FIRST_TIME_CURSOR && seq < cursor && !renumbered) {
      // Asked for what comes after, a server that numbers on has nothing before: this one numbers anew.
      renumbered = true
      link?.restart()
    }
    if (renumbered && cursor !== null && cursor < FIRST_TIME_CURSOR) return { position, timeUs, again: true }
    if (newest !== null && seq <= newest.cursor) return { position, timeUs, again: true }
    const again = repeats()
    if (!again) newest = position
    replayed = again ? { service, seq } : null
    return { position, timeUs, again }
  }

  const repeats = (event: V2Event, timeUs: number | null): boolean => {
    const isNew = recent.add(keyOf(event))
    if (overlap === null) return false
    if (timeUs !== null && timeUs > overlap.untilUs) {
      overlap = null
      return false
    }
    // The records that follow a sync have come before, as other events.
    if (event.kind === 'sync') overlap.synced.add(event.did)
    return !isNew && !overlap.synced.has(event.did)
  }

  return {
    name: `nsid=${SUBSCRIBE_EVENTS}`,
    isPattern: isV2Pattern,
    async connect(base, { service }, from, filter) {
      link = null
      const dictionary = (await dictionaries?.of(base)) ?? null
      const cursor = cursorFor(service, from)
      asked = filter
      const query = encodeV2Query({ filter, cursor, zstdDictionary: dictionary?.id ?? null })
      return {
        target: { url: streamUrl(base, `xrpc/${SUBSCRIBE_EVENTS}`, query), protocols, text: true },
        current: { service, cursor, decompress: dictionary?.decompress ?? null },
      }
    },
    opened(opened, filter) {
      link = opened
      renumbered = false
      tooOld = false
      if (filter !== asked) opened.restart()
    },
    updated(open) {
      open.restart()
    },
    parse(text) {
      const frame = parseV2Frame(text)
      if (!frame.ok) return frame
      if (frame.value.kind !== 'error') return { ok: true, value: frame.value }
      const { error, message = 'the server ended the stream' } = frame.value
      return new XrpcClientError('stream', `${error}: ${message}; nsid=${SUBSCRIBE_EVENTS}`, { error })
    },
    place(event, current) {
      if (event.kind === 'info') return null
      const timeUs = parseMicros(event.time)
      return placeOf(current, event.seq, timeUs, () => repeats(event, timeUs))
    },
    skip: (cursor, current) => placeOf(current, cursor, null, () => false),
    passing: (error) => PASSING.has(error.error),
    refused(error, { service }) {
      if (error.error === 'UnknownZstdDictionary' && dictionaries !== null) {
        dictionaries.refused(new URL(service))
        return true
      }
      if (error.error !== 'CursorTooOld' || options.cursorTooOld !== 'oldest' || tooOld) return false
      tooOld = true
      return true
    },
  }
}

/** The same for the same event, whichever server sends it. */
function keyOf(event: V2Event): string {
  if (event.kind === 'commit') return `${event.did} ${event.rev} ${event.collection}/${event.rkey}`
  const upstream = upstreamOf(event)
  const seq = upstream['seq']
  return `${event.did} ${event.kind} ${typeof seq === 'number' ? seq : event.time}`
}

function upstreamOf(event: Exclude<V2Event, { kind: 'commit' }>): JsonObject {
  if (event.kind === 'identity') return event.identity
  return event.kind === 'account' ? event.account : event.sync
}
