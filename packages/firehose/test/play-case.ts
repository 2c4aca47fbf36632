// Plays a case of the conformance suite on `consume` without a socket, frame by frame.

import { expect } from 'vitest'
import { type Case, createScript, type Step } from '../src/conformance/script.ts'
import { createWorld } from '../src/conformance/world.ts'
import {
  consume,
  type ConsumeOptions,
  createMemoryState,
  type FailureEvent,
  type VerifiedEvent,
} from '../src/index.ts'
import { fromFrames, worldResolver } from './support.ts'

export async function playCase(
  { name, source, build }: Case,
  options: Partial<ConsumeOptions<void>> = {},
): Promise<{ verdicts: string[]; expected: string[] }> {
  const world = createWorld(name)
  const script = createScript()
  await build(script, world)
  const verdicts: string[] = []
  const note = (event: VerifiedEvent | FailureEvent): void => {
    if (event.kind === 'failure') verdicts.push(`reject ${event.reason}`)
    else if (event.kind === 'commit' && event.flags.includes('gap')) verdicts.push('gap')
    else verdicts.push('accept')
  }
  async function* play(): AsyncGenerator<Uint8Array> {
    let sent = 0
    for (const step of script.steps) {
      // One after the other: what a frame leads to is known before the next is sent.
      if (step.kind === 'change') step.apply()
      else {
        sent++
        yield step.frame
        await expect.poll(() => verdicts.length, { interval: 1, timeout: 10_000 }).toBe(sent)
      }
    }
  }
  const consumer = consume({
    sources: [fromFrames(play(), source === 'pds' ? { kind: 'pds', host: world.pds } : {})],
    resolveKey: worldResolver(world),
    identity: { refreshMs: 0 },
    // The hosts of the suite's documents do not exist.
    hostStatus: 'trust-relays',
    state: createMemoryState(),
    onEvent: note,
    onIgnored: note,
    ...options,
  })
  await consumer.done
  return { verdicts, expected: script.steps.flatMap(expectedVerdict) }
}

/** What a step must come to where there is no resync. */
export function expectedVerdict(step: Step): string[] {
  if (step.kind === 'change') return []
  if (step.expect.outcome === 'accept') return ['accept']
  if (step.expect.outcome === 'either') {
    return [step.expect.reason === null ? 'accept' : `reject ${step.expect.reason}`]
  }
  // Without a resync a proved commit that does not follow is delivered as what it is.
  const { reason } = step.expect
  return [reason === 'chain-since' || reason === 'chain-data' ? 'gap' : `reject ${reason}`]
}
