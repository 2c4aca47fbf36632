// What comes out of the verifier. Spec: https://atproto.com/specs/sync

import type { CID, DataObject } from '@avocet/data'
import type { Did, Handle, Tid } from '@avocet/syntax'
import type { Unread } from './content.ts'
import type { FailureReason } from './reasons.ts'

/** One change of one record, proved against the tree before and after it. */
export type VerifiedOp = {
  readonly action: 'create' | 'update' | 'delete'
  /** `collection/rkey` */
  readonly path: string
  readonly collection: string
  readonly rkey: string
  /** The record's new CID; null for a delete. */
  readonly cid: CID | null
  /**
   * The decoded record; null for a delete, and when `unread` says why. Byte strings in it are views into the frame; operations
   * with the same CID share one object. What a worker pool has proved is decoded when it is asked for.
   */
  readonly record: DataObject | null
  /** The record's DAG-CBOR bytes (a view into the frame); null for a delete. */
  readonly recordBytes: Uint8Array | null
  /** The CID the record had before; null for a create, and for legacy commits that do not say. */
  readonly prev: CID | null
  /** There is a record, and its bytes are proved, but it was not decoded; absent when it was. */
  readonly unread?: Unread
  /**
   * The same record stood at an earlier path of the commit or export, and its block was not sent again for this one: who stores such
   * records once cannot be made to store more than was sent. Absent otherwise.
   */
  readonly isRepeat?: true
  /** What the `examiner` of the worker pool made of the record, on its thread; absent without one. */
  readonly examined?: unknown
}

/** Where an event came from: the id of the source, the seq it had there. `seq` is null for what has no seq (a resync, an info). */
export type Origin = { readonly source: string; readonly seq: number | null }

/**
 * - `first-sighting`: no head was stored for this repo: the commit is a head, not proof that all earlier records are known.
 * - `legacy`: accepted by policy without `prevData`/`prev`, so not inverted.
 * - `queued`: arrived while the repo was resyncing, verified after it.
 * - `gap`: proved, but does not follow the stored head: something before it was missed, and there is no resync to fetch it.
 */
export type CommitFlag = 'first-sighting' | 'legacy' | 'queued' | 'gap'

/** A commit, proved: signed by the account, and leading from `prevData` to `data` by exactly these operations. */
export type CommitEvent = Origin & {
  readonly kind: 'commit'
  readonly did: Did
  readonly rev: Tid
  readonly since: Tid | null
  /** CID of the signed commit block. */
  readonly commit: CID
  /** Root of the tree after the commit. */
  readonly data: CID
  /** Root of the tree before it; null on the first commit (and in legacy commits). */
  readonly prevData: CID | null
  readonly time: string
  /** In the order of the frame; when a collection filter is set, only those of wanted collections. */
  readonly ops: readonly VerifiedOp[]
  readonly flags: readonly CommitFlag[]
}

/** An authentic `#sync`: the repo's head, asserted. `unchanged`: it is the head already stored. */
export type SyncEvent = Origin & {
  readonly kind: 'sync'
  readonly did: Did
  readonly rev: Tid
  readonly commit: CID
  readonly data: CID
  readonly time: string
  readonly unchanged: boolean
}

/** The identity changed or may have: `handle` is the one verified both ways after re-resolution, null when none verifies. */
export type IdentityEvent = Origin & {
  readonly kind: 'identity'
  readonly did: Did
  readonly handle: Handle | null
  /** The handle could not be looked up now: what is known of it stays. */
  readonly uncertain?: boolean
  readonly time: string
}

/** `status` is null when active; unknown statuses are passed on as they are. */
export type AccountEvent = Origin & {
  readonly kind: 'account'
  readonly did: Did
  readonly active: boolean
  readonly status: string | null
  readonly time: string
}

/** A message of the stream itself, for example `OutdatedCursor`: events are missing. */
export type InfoEvent = Origin & {
  readonly kind: 'info'
  readonly name: string
  readonly message: string | null
}

/**
 * A part of a repo read again as a whole: the differences to what is stored, in key order. Each part is one transaction;
 * with the `last` one the repo is synchronized at `rev`.
 */
export type ResyncEvent = Origin & {
  readonly kind: 'resync'
  readonly did: Did
  readonly rev: Tid
  readonly commit: CID
  readonly data: CID
  readonly ops: readonly VerifiedOp[]
  readonly last: boolean
}

/** Something that was not accepted, and why. Never thrown: the stream goes on. */
export type FailureEvent = Origin & {
  readonly kind: 'failure'
  readonly did: Did | null
  readonly reason: FailureReason
  readonly message: string
  /** The frame it is about; absent where there is none, or where too much waits to hold it. */
  readonly frame?: RefusedFrame
}

/** A frame that was not accepted: its first bytes, and how many it had. */
export type RefusedFrame = { readonly bytes: Uint8Array; readonly length: number }

/** Bytes of a refused frame that are told. Those of a commit begin with its operations. */
export const REFUSED_FRAME_BYTES: number = 8 * 1024

/** A frame as failures tell it: a copy, so that nothing holds the rest. */
export function refusedFrame(frame: Uint8Array): RefusedFrame {
  return { bytes: frame.slice(0, REFUSED_FRAME_BYTES), length: frame.length }
}

/** What `onEvent` gets. */
export type VerifiedEvent =
  | CommitEvent
  | SyncEvent
  | IdentityEvent
  | AccountEvent
  | InfoEvent
  | ResyncEvent
  | FailureEvent
