import { formatCid, type DataObject } from '@avocet/data'
import { createResolveKey } from '@avocet/did'
import {
  consume,
  createMemoryState,
  relaySource,
  type FailureEvent,
  type RepoStateStore,
  type Source,
  type VerifiedEvent,
  type VerifiedOp,
} from '@avocet/firehose'
import type { Did } from '@avocet/syntax'

import { spoken } from './error.ts'
import { identityOf, type ReadOptions } from './identity.ts'

/** One change of one record, proved against the account's key and tree. */
export interface RecordChange {
  readonly action: 'create' | 'update' | 'delete'
  readonly did: Did
  readonly uri: `at://${string}`
  readonly collection: string
  readonly rkey: string
  /** Null for a delete. */
  readonly cid: string | null
  /** Null for a delete, and for a record that would cost too much to read. */
  readonly value: DataObject | null
  readonly rev: string
  /** When the source says that it was; nobody signs that. */
  readonly time: string
  /** Its number at the source. */
  readonly seq: number | null
}

/** Keeps how far a program has read. */
export interface CursorStore {
  /** Null at the first start: from now on. */
  load(): number | null | Promise<number | null>
  /** Everything up to here was taken. Called often: write it when it suits. */
  save(seq: number): void | Promise<void>
}

/** Settings of {@link firehose} and {@link watch}. */
export interface FollowOptions extends ReadOptions {
  /** Only of these: `app.bsky.feed.post`, `app.bsky.graph.*`. */
  readonly collections?: readonly string[]
  /** Default: none, so from now on at each start. */
  readonly cursor?: CursorStore
  /** Told of what was refused, and why; it never comes out as a change. */
  readonly onFailure?: (failure: FailureEvent) => void
}

/** Settings of {@link firehose}. */
export interface FirehoseOptions extends FollowOptions {
  /**
   * Which accounts are looked up and followed. `matching` (default with `collections`): those that write a wanted record, from that one on. `all`
   * (default without): every account of the stream; then also who leaves a wanted record out of what an event claims is found out.
   */
  readonly scope?: 'matching' | 'all'
  /** The relay; default `wss://bsky.network`. */
  readonly url?: string | URL
}

/**
 * All changes of records on the network, proved, from a relay; reconnects by itself and ends with the signal, or when the loop is left.
 *
 * A change counts as taken when the next one is asked for: after a crash the last ones come once more, none is left out. What the relay
 * withholds nobody can see, and an account's changes before its first one here are not fetched: `@avocet/firehose` does both on request.
 * @throws {AtprotoError} of `@avocet/firehose`
 */
export function firehose(options: FirehoseOptions = {}): AsyncGenerator<RecordChange, void> {
  const { url = 'wss://bsky.network', collections } = options
  const { scope = collections === undefined ? 'all' : 'matching' } = options
  return follow(() => relaySource({ url, id: SOURCE }), options, scope)
}

/** The name of the one source, under which its cursor is. */
export const SOURCE = 'source'

/** The changes that come from a source. */
export async function* follow(
  open: () => Source,
  options: FollowOptions,
  scope: 'matching' | 'all',
): AsyncGenerator<RecordChange, void> {
  const { collections, cursor, onFailure, signal } = options
  const hand = createHand<RecordChange>()
  const memory = createMemoryState()
  const start = (await cursor?.load()) ?? null
  if (start !== null) {
    await memory.save({ cursor: { source: SOURCE, seq: start, high: start, numbering: 0, gapAt: null } })
  }
  const state: RepoStateStore = {
    ...memory,
    save: async (change, alongside) => {
      await memory.save(change, alongside)
      if (change.cursor !== undefined && !hand.isClosed()) await cursor?.save(change.cursor.seq)
    },
  }
  const { dids } = identityOf(options)
  const consumer = consume({
    sources: [open()],
    resolveKey: createResolveKey({ dids, handles: null }),
    state,
    scope,
    firstSighting: 'accept',
    onEvent: async (event) => {
      if (event.kind === 'failure') onFailure?.(event)
      for (const change of changesOf(event)) {
        await hand.give(change)
      }
    },
    ...(collections === undefined ? {} : { collections }),
    ...(signal === undefined ? {} : { signal }),
  })
  const ended = consumer.done.finally(() => hand.close())
  ended.catch(() => undefined)
  const stop = (): void => hand.close()
  if (signal?.aborted === true) stop()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    for (;;) {
      const taken = await hand.next()
      if (taken === null) break
      yield taken.item
      taken.done()
    }
    await ended
  } catch (cause) {
    throw spoken('@avocet/firehose', cause)
  } finally {
    signal?.removeEventListener('abort', stop)
    hand.close()
    await consumer.close()
  }
}

function changesOf(event: VerifiedEvent): readonly RecordChange[] {
  if (event.kind !== 'commit') return []
  const { did, rev, time, seq } = event
  return event.ops.map((op: VerifiedOp) => ({
    action: op.action,
    did,
    uri: `at://${did}/${op.path}` as const,
    collection: op.collection,
    rkey: op.rkey,
    cid: op.cid === null ? null : formatCid(op.cid),
    value: op.record,
    rev,
    time,
    seq,
  }))
}

/** From those who give, and wait until it was taken, to one who takes. */
interface Hand<T> {
  /** Resolves when it was taken, or will not be any more. */
  give(item: T): Promise<void>
  /** Null when it is closed. */
  next(): Promise<{ readonly item: T; readonly done: () => void } | null>
  close(): void
  isClosed(): boolean
}

function createHand<T>(): Hand<T> {
  const offered: { item: T; done: () => void }[] = []
  let wake: (() => void) | null = null
  let closed = false
  let current: (() => void) | null = null
  return {
    isClosed: () => closed,
    give: (item) =>
      closed
        ? Promise.resolve()
        : new Promise((resolve) => {
            offered.push({ item, done: resolve })
            wake?.()
          }),
    next: async () => {
      if (offered.length === 0 && !closed) await new Promise<void>((resolve) => (wake = resolve))
      const taken = closed ? undefined : offered.shift()
      current = taken?.done ?? null
      return taken ?? null
    },
    close: () => {
      closed = true
      wake?.()
      // Nobody may wait for ever; what they store after is not told to the cursor.
      current?.()
      for (const { done } of offered.splice(0)) done()
    },
  }
}
