// Runs a consumer over a script of frames, with everything it said.

import {
  consume,
  type Consumer,
  type ConsumeOptions,
  createMemoryState,
  type FailureEvent,
  type MemoryState,
  type VerifiedEvent,
} from '../src/index.ts'
import type { World } from '../src/conformance/world.ts'
import { fromFrames, outline, worldResolver } from './support.ts'

export type Run = {
  readonly events: VerifiedEvent[]
  readonly ignored: FailureEvent[]
  readonly state: MemoryState
  readonly consumer: Consumer
  /** One line per event, revs left out. */
  readonly lines: () => string[]
}

export function start(
  world: World,
  frames: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: Partial<ConsumeOptions<void>> = {},
): Run {
  const events: VerifiedEvent[] = []
  const ignored: FailureEvent[] = []
  const state = (options.state as MemoryState | undefined) ?? createMemoryState()
  const consumer = consume({
    sources: [fromFrames(frames)],
    resolveKey: worldResolver(world),
    identity: { refreshMs: 0, retryMs: [] },
    resyncPolicy: { pollMs: 5, intervalMs: 0 },
    onEvent: (event) => void events.push(event),
    onIgnored: (failure) => void ignored.push(failure),
    ...options,
    state,
  })
  return {
    events,
    ignored,
    state,
    consumer,
    lines: () =>
      events.map((event) =>
        outline(event)
          .replace(/^(commit|sync) \S+ ?/, '$1 ')
          .trim(),
      ),
  }
}

/** Runs to the end of the frames. */
export async function run(...args: Parameters<typeof start>): Promise<Run> {
  const running = start(...args)
  await running.consumer.done
  return running
}
