// A test case as a script: frames with the verdict each must get, and changes of the world between them.

import type { DataObject } from '@avocet/data'
import type { FailureReason } from '../reasons.ts'
import { frameOf, type World } from './world.ts'

/**
 * `accept`: the event is delivered as verified. `reject`: it is not (refused, ignored, or held back until the repo was read
 * anew); `reason` is what a verifier that tells its reasons says. `either`: right by the rules, but so costly that it may be
 * refused; what counts is that the next one comes through. Its `reason` is that of this package, null where it delivers.
 */
export type Expectation =
  | { readonly outcome: 'accept' }
  | { readonly outcome: 'reject'; readonly reason: FailureReason }
  | { readonly outcome: 'either'; readonly reason: FailureReason | null }

/** One frame on the wire. */
export type FrameStep = {
  readonly kind: 'frame'
  /** The seq in the frame; null when it has none that could be read. */
  readonly seq: number | null
  readonly frame: Uint8Array
  readonly expect: Expectation
  readonly note: string
  /** A commit without operations: a consumer that reports records, not events, cannot show it. */
  readonly withoutRecords: boolean
  /** Sent right behind the one before it. */
  readonly burst?: boolean
}

/** A change of the world, once everything before it was handled. */
export type ChangeStep = { readonly kind: 'change'; readonly apply: () => void }

/** A step of a case. */
export type Step = FrameStep | ChangeStep

/** The groups, in the order of the checks. */
export type Group =
  | 'valid'
  | 'envelope'
  | 'authority'
  | 'order'
  | 'blocks'
  | 'signature'
  | 'operations'
  | 'tree'
  | 'inversion'
  | 'chain'
  | 'sync'
  | 'costly'
  | 'waiting'

/** One named case. */
export type Case = {
  readonly name: string
  readonly group: Group
  /** What it shows, in one sentence. */
  readonly about: string
  /** The consumer reads from a relay (default), or from one account's PDS. */
  readonly source?: 'relay' | 'pds'
  readonly build: (script: Script, world: World) => Promise<void>
}

/** What a case writes its frames with. */
export type Script = {
  readonly steps: Step[]
  /** The next event must be accepted. */
  accept(type: `#${string}`, body: DataObject, note?: string): void
  /** The next event must not be accepted. */
  reject(reason: FailureReason, type: `#${string}`, body: DataObject, note?: string): void
  /** The next event may be accepted or not. */
  either(reason: FailureReason | null, type: `#${string}`, body: DataObject, note?: string): void
  /** Events in a row, without a pause, each of which may be accepted or not. */
  flood(type: `#${string}`, bodies: Iterable<DataObject>): void
  /** A frame that is not made from an event. */
  raw(frame: Uint8Array, expect: Expectation, note?: string): void
  /** The same frame once more. */
  repeat(reason: FailureReason, note?: string): void
  change(apply: () => void): void
  /** The seq that the next event gets. */
  seq: number
}

/** An empty script; seq counts from 1. */
export function createScript(): Script {
  const steps: Step[] = []
  const script: Script = {
    steps,
    seq: 1,
    accept(type, body, note = '') {
      add(type, body, { outcome: 'accept' }, note)
    },
    reject(reason, type, body, note = '') {
      add(type, body, { outcome: 'reject', reason }, note)
    },
    either(reason, type, body, note = '') {
      add(type, body, { outcome: 'either', reason }, note)
    },
    flood(type, bodies) {
      for (const body of bodies) {
        add(type, body, { outcome: 'either', reason: null }, 'one of many')
        steps.push({ ...(steps.pop() as FrameStep), burst: true })
      }
    },
    raw(frame, expect, note = '') {
      steps.push({ kind: 'frame', seq: null, frame, expect, note, withoutRecords: false })
    },
    repeat(reason, note = 'again') {
      const last = steps.findLast((step) => step.kind === 'frame')!
      steps.push({ ...last, expect: { outcome: 'reject', reason }, note })
    },
    change(apply) {
      steps.push({ kind: 'change', apply })
    },
  }
  const add = (type: `#${string}`, body: DataObject, expect: Expectation, note: string): void => {
    // An event may bring a seq of its own.
    const seq = typeof body['seq'] === 'number' ? body['seq'] : script.seq++
    const withoutRecords = type === '#commit' && Array.isArray(body['ops']) && body['ops'].length === 0
    steps.push({ kind: 'frame', seq, frame: frameOf(type, body, seq), expect, note, withoutRecords })
  }
  return script
}
