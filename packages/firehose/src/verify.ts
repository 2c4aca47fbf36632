// One event, judged: pure, synchronous, nothing skipped.
// Spec: https://atproto.com/specs/sync

import { type PublicKey, type VerifySignature, verifySignature } from '@avocet/crypto'
import { checkAuthority, type Speaker } from './chain.ts'
import { failed, type Verdict } from './conclude.ts'
import { parseEvent, type ParsedEvent } from './parse.ts'
import { DEFAULT_POLICY, type VerifyPolicy } from './policy.ts'
import { inlineProver } from './prove.ts'
import type { RepoState } from './state.ts'
import { runSteps } from './steps.ts'

/** All that a verdict depends on. */
export type VerifyInput = {
  /** One whole WebSocket message, or what `parseEvent` made of it. */
  readonly frame: Uint8Array | ParsedEvent
  /** The DID's current `#atproto` key; null when its document has none. */
  readonly key: PublicKey | null
  /** What is stored of the repo; null when it was never seen. */
  readonly repo: RepoState | null
  /** Clock, ms since the epoch. */
  readonly now: number
  /** Name of the source, for the event. */
  readonly source?: string
  /** Who sent it. Default: a relay. */
  readonly speaker?: Speaker
  /** The PDS the DID document names; compared with a speaker that is a PDS. */
  readonly pds?: string | null
  readonly policy?: Partial<VerifyPolicy>
  /** Default: `verifySignature` of `@avocet/crypto`. */
  readonly verify?: VerifySignature
}

/**
 * Judges one event. Never throws for what a stranger sent: every fault is a verdict with its reason.
 * The event's byte strings are views into the frame.
 */
export function verifyEvent(input: VerifyInput): Verdict {
  const policy = { ...DEFAULT_POLICY, ...input.policy }
  let event: ParsedEvent
  if (input.frame instanceof Uint8Array) {
    const parsed = parseEvent(input.frame, policy)
    if (!parsed.ok) return failed(parsed.error)
    event = parsed.value
  } else {
    event = input.frame
  }
  const source = input.source ?? ''
  if (event.kind === 'info') {
    return { outcome: 'accepted', event: { source, seq: null, ...event }, head: null }
  }
  const speaker = input.speaker ?? RELAY
  const pds = input.pds ?? null
  if (event.kind === 'identity' || event.kind === 'account') {
    const authority = checkAuthority(speaker, pds)
    return authority.ok ? { outcome: 'accepted', event, head: null } : failed(authority.error, event)
  }
  const { key, repo, now } = input
  const frame = input.frame instanceof Uint8Array ? input.frame : NO_BYTES
  const prover = inlineProver(input.verify ?? verifySignature)
  // Its prover answers at once, and so do the steps.
  return runSteps(event, { frame, speaker, pds, key, repo, now, policy, prover, source }) as Verdict
}

const RELAY: Speaker = { kind: 'relay' }
const NO_BYTES = new Uint8Array(0)
