// The verifier's limits. Spec: https://atproto.com/specs/sync, and the lexicon com.atproto.sync.subscribeRepos

import type { ContentLimits } from './content.ts'

/** What to do with a commit without `prevData` or `prev` (made before Sync 1.1): it cannot be inverted. */
export type LegacyPolicy = 'resync' | 'accept-flagged' | 'reject'

/** The verifier's limits and choices. */
export type VerifyPolicy = ContentLimits & {
  readonly legacy: LegacyPolicy
  /** How far ahead of the clock a rev may be, in ms. Default 5 minutes. */
  readonly maxFutureMs: number
  /** Bytes of a frame. Default 5 000 000. */
  readonly maxFrameBytes: number
  /** Bytes of the CAR in `blocks`. Default 2 000 000. */
  readonly maxBlocksBytes: number
  /** Bytes of the CAR in a `#sync`. Default 10 000. */
  readonly maxSyncBytes: number
  /** Operations of a commit. Default 200. */
  readonly maxOps: number
  /** Values in the envelope of a frame, at any depth. Default 100 000. */
  readonly maxEnvelopeItems: number
}

/** What the specification says, and `resync` for commits from before Sync 1.1. */
export const DEFAULT_POLICY: VerifyPolicy = {
  legacy: 'resync',
  maxFutureMs: 5 * 60_000,
  maxFrameBytes: 5_000_000,
  maxBlocksBytes: 2_000_000,
  maxSyncBytes: 10_000,
  maxOps: 200,
  maxRecordBytes: 1_000_000,
  maxEnvelopeItems: 100_000,
  maxRecordItems: 50_000,
  maxCommitItems: 100_000,
  maxRecordDepth: 64,
}
