// One reader of the log: cold pages first, then the shared tail.

import { SequencerError } from './errors.ts'
import type { SubscriberStats } from './stats.ts'
import type { Tail } from './tail.ts'
import type { SequencedFrame } from './types.ts'

export type Subscription = {
  readonly iterator: AsyncIterator<SequencedFrame, undefined>
  wake(): void
  /** Something was removed from the log: what was read but not handed out is read again. */
  forget(): void
  close(): void
  stats(): SubscriberStats
}

export type SubscriptionOptions = {
  readonly id: number
  readonly cursor: number | undefined
  readonly signal: AbortSignal | undefined
  readonly tail: Tail
  readonly open: (cursor: number | undefined) => Promise<{ position: number; outdated: boolean }>
  readonly readCold: (after: number) => Promise<SequencedFrame[]>
  readonly maxLag: number
  readonly since: number
  readonly outdatedFrame: () => Uint8Array
  readonly onEnd: (ended: Subscription, tooSlow: boolean) => void
}

type Step = IteratorResult<SequencedFrame, undefined>
const DONE: Step = { done: true, value: undefined }

export function createSubscription(options: SubscriptionOptions): Subscription {
  const { tail, signal } = options
  let state: 'new' | 'open' | 'ended' = 'new'
  let position = 0
  let index = -1 // absolute index in the tail, -1 while cold
  let page: SequencedFrame[] = []
  let pageNext = 0
  let reachedHead = false
  let forgotten = 0
  let failure: SequencerError | null = null
  let events = 0
  let bytes = 0
  let wakeUp: (() => void) | null = null
  // Calls of `next` are answered one after the other, also when the caller does not wait.
  let last: Promise<unknown> = Promise.resolve()
  let pending = 0

  const wake = (): void => {
    const resolve = wakeUp
    wakeUp = null
    resolve?.()
  }

  const end = (error: SequencerError | null = null): void => {
    if (state === 'ended') return
    state = 'ended'
    failure = error
    page = []
    signal?.removeEventListener('abort', onAbort)
    options.onEnd(subscription, error?.code === 'ConsumerTooSlow')
    wake()
  }
  const onAbort = (): void => end()

  const give = (event: SequencedFrame): Step => {
    if (event.seq !== null) position = event.seq
    events++
    bytes += event.frame.length
    return { done: false, value: event }
  }

  /** The next event if it can be had without waiting. */
  const take = (): Step | null => {
    if (state === 'ended') {
      if (failure === null) return DONE
      const error = failure
      failure = null
      throw error
    }
    if (state === 'new') return null
    if (pageNext < page.length) return give(page[pageNext++]!)
    if (reachedHead && tail.end() - position > options.maxLag) {
      end(
        new SequencerError(
          'ConsumerTooSlow',
          `reader fell behind; position=${position} newest=${tail.end()}`,
        ),
      )
      return take()
    }
    if (index === -1 || tail.at(index) === null) index = tail.indexAfter(position)
    if (index === -1) return null
    reachedHead = true
    for (;;) {
      const event = tail.at(index)
      if (event === undefined || event === null) return null
      index++
      // A cold page may have reached past what the tail held at that time.
      if (event.seq > position) return give(event)
    }
  }

  const slowNext = async (): Promise<Step> => {
    for (;;) {
      const step = take()
      if (step !== null) return step
      if (state === 'new') {
        try {
          const opened = await options.open(options.cursor)
          if (state === 'new') state = 'open'
          position = opened.position
          if (opened.outdated) page = [{ seq: null, frame: options.outdatedFrame() }]
        } catch (error) {
          end()
          throw error
        }
      } else if (index === -1) {
        // All up to here was readable before this read began: an empty page means that it holds nothing more for us.
        const from = tail.from()
        const before = forgotten
        const cold = await options.readCold(position)
        if (state === 'ended' || before !== forgotten) continue
        page = cold
        pageNext = 0
        if (page.length === 0) position = Math.max(position, from)
      } else {
        await new Promise<void>((resolve) => {
          wakeUp = resolve
        })
      }
    }
  }

  const iterator: AsyncIterator<SequencedFrame, undefined> = {
    next() {
      if (pending === 0) {
        try {
          const step = take()
          if (step !== null) return Promise.resolve(step)
        } catch (error) {
          return Promise.reject(error)
        }
      }
      pending++
      const result = last.then(slowNext).finally(() => {
        pending--
      })
      last = result.catch(() => {})
      return result
    },
    return() {
      end()
      return Promise.resolve(DONE)
    },
  }

  const subscription: Subscription = {
    iterator,
    wake,
    forget() {
      forgotten++
      // A frame of the stream itself is handed out as soon as it is there: all that waits here is from the log.
      page = []
      pageNext = 0
    },
    close: () => end(new SequencerError('closed', 'sequencer is closed')),
    stats: () => ({
      id: options.id,
      since: options.since,
      position,
      lag: Math.max(0, tail.end() - position),
      cold: index === -1,
      events,
      bytes,
    }),
  }
  if (signal?.aborted) end()
  else signal?.addEventListener('abort', onAbort)
  return subscription
}
