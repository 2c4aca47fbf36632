// The verifier's limits. Spec: https://atproto.com/specs/sync, and the lexicon com.atproto.sync.subscribeRepos

import type { VerifyPolicy } from './options.ts'

/** What the specification says, and `resync` for commits from before Sync 1.1. */
export const DEFAULT_POLICY: VerifyPolicy = {
  legacy: 'resync',
  maxFutureMs: 5 * 60_000,
  maxFrameBytes: 5_000_000,
  maxBlocksBytes: 2_000_000,
  maxSyncBytes: 10_000,
  maxOps: 200,
  maxRecordBytes: 1_000_000,
}
