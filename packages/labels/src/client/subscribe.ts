// https://atproto.com/specs/label#label-distribution-endpoints
import type { Did } from '@avocet/syntax'
import { subscribe } from '@avocet/xrpc-client'
import {
  createPositionSaver,
  XrpcClientError,
  type PositionSaver,
  type StreamIterator,
} from '@avocet/xrpc-client/stream'
import { LabelsError } from '../error.ts'
import { createLabelVerifier, type LabelVerifier } from '../label-keys.ts'
import type { LabelResult } from '../label.ts'
import { readMessage, type RefusedReason } from './frame.ts'
import type {
  LabelCursorStore,
  LabelStreamEvent,
  LabelSubscription,
  RefusedEvent,
  SubscribeLabelsOptions,
} from './options.ts'

const NSID = 'com.atproto.label.subscribeLabels'
/** Messages of labelers hold one label as a rule. */
const DEFAULT_FRAME_BYTES = 1024 * 1024
const MAX_KEY_WAIT_MS = 30_000

/**
 * Subscribes to a labeler and stays subscribed. Yields each label that holds, in the order of the stream, and each that does not, with the
 * reason. Starts with the first `next`.
 *
 * The iteration throws a LabelsError: `future-cursor`, `key-unavailable`, `cursor-failed`, `connection`. The label at hand then comes
 * again.
 *
 * @throws LabelsError `invalid-options`
 *
 * @example
 * for await (const event of subscribeLabels({ service, sources: did, resolveKey, cursor: store }))
 *   if (event.kind === 'label') labels.apply(event.label)
 */
export function subscribeLabels(options: SubscribeLabelsOptions): LabelSubscription {
  const { maxLabels = 1000, keyAttempts = 6, cursor } = options
  const sources = new Set<Did>([options.sources].flat())
  if (sources.size === 0) throw new LabelsError('invalid-options', 'no source to take labels of')
  for (const [name, value] of Object.entries({ maxLabels, keyAttempts })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new LabelsError('invalid-options', `not a positive number; option=${name}`)
    }
  }
  if (typeof cursor === 'number') checkCursor(cursor)
  if (!URL.canParse(options.service)) throw new LabelsError('invalid-options', 'not a URL; option=service')
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal])
  const place: Place = { position: null, last: null }
  const { verifySignature } = options
  const run: Run = {
    options,
    sources,
    maxLabels,
    keyAttempts,
    signal,
    place,
    saver: createPositionSaver(isStore(cursor) ? cursor : null, options.saveMs ?? 1000, cursorFailed),
    verifier: createLabelVerifier({
      ...options,
      ...(verifySignature === undefined ? {} : { verify: verifySignature }),
    }),
  }
  const events = read(run)
  const subscription: LabelSubscription = {
    next: () => events.next(),
    async return() {
      // A pending `next` would hold `return` back for as long as no message comes.
      stop.abort()
      return await events.return(undefined)
    },
    get position() {
      return place.position
    },
    [Symbol.asyncIterator]: () => subscription,
    async [Symbol.asyncDispose]() {
      await subscription.return()
    },
  }
  return subscription
}

interface Place {
  /** The last message that the reader is done with. */
  position: number | null
  /** The last message that was looked at. */
  last: number | null
}

interface Run {
  readonly options: SubscribeLabelsOptions
  readonly sources: ReadonlySet<Did>
  readonly maxLabels: number
  readonly keyAttempts: number
  readonly signal: AbortSignal
  readonly place: Place
  readonly saver: PositionSaver<number>
  readonly verifier: LabelVerifier
}

async function* read(run: Run): AsyncGenerator<LabelStreamEvent, undefined> {
  const { place, saver, maxLabels } = run
  const begin = await load(run.options.cursor)
  if (begin !== null) checkCursor(begin)
  place.position = begin
  place.last = begin
  const stream = connect(run)
  try {
    for (;;) {
      saver.check()
      const next = await nextFrame(stream)
      if (next.done === true) return
      const message = readMessage(next.value, place.last, maxLabels)
      if (message === null) continue
      if (message.kind === 'info') {
        yield message
        continue
      }
      const isOld = message.kind === 'refused' && message.reason === 'old-seq'
      if (message.seq !== null && !isOld) place.last = message.seq
      if (message.kind === 'refused') yield { ...message, label: null }
      else yield* readLabels(run, message.seq, message.labels)
      // One that ended half way comes again.
      if (run.signal.aborted) return
      if (message.seq === null || isOld) continue
      // The reader asked for more: it is done with the message.
      place.position = message.seq
      saver.offer(message.seq)
    }
  } finally {
    await stream.return()
    saver.stop()
    await saver.flush()
  }
}

function isStore(cursor: SubscribeLabelsOptions['cursor']): cursor is LabelCursorStore {
  return typeof cursor === 'object'
}

/** Where to begin; null for the next label. @throws {LabelsError} `cursor-failed` */
async function load(cursor: SubscribeLabelsOptions['cursor']): Promise<number | null> {
  if (!isStore(cursor)) return cursor ?? null
  try {
    // A store without a position is one that has seen nothing.
    return (await cursor.load()) ?? 0
  } catch (cause) {
    throw cursorFailed(cause)
  }
}

function cursorFailed(cause: unknown): LabelsError {
  return new LabelsError('cursor-failed', 'the cursor could not be loaded or saved', { cause })
}

async function* readLabels(
  run: Run,
  seq: number,
  labels: readonly unknown[],
): AsyncGenerator<LabelStreamEvent, undefined> {
  for (const label of labels) {
    const src = (label as { src?: unknown } | null | undefined)?.src
    // Before its key is looked up: whom to ask for is not for a stranger to say.
    if (typeof src === 'string' && !run.sources.has(src as Did)) {
      yield refuse(seq, 'foreign-source', `label of another source; src=${src.slice(0, 256)}`, label)
      continue
    }
    const checked = await verify(run, label)
    if (checked === null) return
    if (checked.ok) yield { kind: 'label', seq, label: checked.value }
    else yield refuse(seq, checked.error.code, checked.error.message, label)
  }
}

/** The verdict on a label; null when the subscription ended meanwhile. */
async function verify(run: Run, label: unknown): Promise<LabelResult | null> {
  const { verifier, signal, keyAttempts } = run
  const keyWaitMs = run.options.keyWaitMs ?? 1000
  for (let attempt = 1; ; attempt++) {
    try {
      return await untilAborted(verifier.verify(label), signal)
    } catch (cause) {
      if (signal.aborted) return null
      if (attempt >= keyAttempts) {
        const message = `key could not be looked up; attempts=${attempt}`
        throw new LabelsError('key-unavailable', message, { cause })
      }
      await pause(Math.min(MAX_KEY_WAIT_MS, keyWaitMs * 2 ** (attempt - 1)), signal)
      if (signal.aborted) return null
    }
  }
}

function connect({ options, place, signal }: Run): StreamIterator<Uint8Array> {
  return subscribe({
    ...options,
    nsid: NSID,
    raw: true,
    signal,
    maxFrameBytes: options.maxFrameBytes ?? DEFAULT_FRAME_BYTES,
    params: () => (place.position === null ? {} : { cursor: place.position }),
  })
}

async function nextFrame(stream: StreamIterator<Uint8Array>): Promise<IteratorResult<Uint8Array, undefined>> {
  try {
    return await stream.next()
  } catch (cause) {
    if (!(cause instanceof XrpcClientError)) throw cause
    if (cause.error === 'FutureCursor') {
      throw new LabelsError('future-cursor', 'the labeler does not know this cursor yet', { cause })
    }
    throw new LabelsError('connection', cause.message, { cause })
  }
}

function refuse(seq: number, reason: RefusedReason, message: string, label: unknown): RefusedEvent {
  return { kind: 'refused', seq, reason, message, label }
}

function checkCursor(cursor: number): void {
  if (!Number.isSafeInteger(cursor) || cursor < 0) {
    throw new LabelsError('invalid-options', `not a cursor; cursor=${cursor}`)
  }
}

/** What a promise gives, or null as soon as the signal is aborted. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  if (signal.aborted) return null
  const { promise: aborted, resolve } = Promise.withResolvers<null>()
  const onAbort = (): void => resolve(null)
  signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
