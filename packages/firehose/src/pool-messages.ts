// What the pool and its workers say to each other. Frames go over in one transferred buffer per batch.

import type { Curve } from '@avocet/crypto'
import type { Unread } from './content.ts'
import type { VerifyPolicy } from './policy.ts'
import type { FailureReason } from './reasons.ts'

/**
 * An export of a module, that a worker can import: a function that makes what is wanted.
 * `data`: its argument, which has to survive the way to another thread (`structuredClone`).
 */
export type PoolExport = { readonly module: string; readonly name: string; readonly data?: unknown }

/** Given to a worker at its start. */
export type PoolWorkerData = {
  /** Makes the signature check; null: that of `@avocet/crypto`. */
  readonly verifier: PoolExport | null
  /** Makes an `Examine`; null: records are not examined. */
  readonly examiner: PoolExport | null
}

/** Some events to prove. */
export type PoolBatch = {
  readonly policy: VerifyPolicy
  /** The frames, one behind the other. */
  readonly frames: Uint8Array<ArrayBuffer>
  /** Where each frame ends. */
  readonly ends: readonly number[]
  readonly keys: readonly (PoolKey | null)[]
}

/** What the examiner is made with from now on. */
export type PoolRenewal = { readonly examinerData: unknown }

/** A public key, as it travels. */
export type PoolKey = { readonly curve: Curve; readonly bytes: Uint8Array }

/** What a worker says: that it has begun, then what came of each event of a batch. */
export type PoolReply = 'ready' | readonly PoolResult[]

/**
 * What came of one event. `records`: begin and end of each operation's record in the frame, -1 where there is none. `unread` and
 * `examined`: of each operation; null where all are.
 */
export type PoolResult =
  | {
      readonly ok: true
      readonly data: Uint8Array
      readonly legacy: boolean
      readonly records: readonly number[]
      readonly unread: readonly (Unread | null)[] | null
      readonly examined: readonly unknown[] | null
    }
  | { readonly ok: true; readonly data: Uint8Array; readonly commit: Uint8Array }
  | { readonly ok: false; readonly reason: FailureReason; readonly message: string }
