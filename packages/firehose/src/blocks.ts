// Step 4: the CAR of an event and the commit block in it.
// Spec: https://atproto.com/specs/repository#commit-objects

import { type CarBlock, CarError, readCar } from '@avocet/car'
import { type CID, cidEquals, CidMap, formatCid } from '@avocet/data'
import { type Commit, readCommit, RepoError } from '@avocet/repo'
import { type Checked, fail } from './parse.ts'
import type { VerifyPolicy } from './policy.ts'
import type { FailureReason } from './reasons.ts'

/** The blocks of an event, each hashed, and its commit. */
export type CommitBlocks = {
  readonly blocks: CidMap<Uint8Array>
  readonly root: CID
  readonly commit: Commit
}

/** What the envelope says the commit is. `commit` is undefined in a `#sync`: there the CAR's root says it. */
export type Claim = { readonly did: string; readonly rev: string; readonly commit: CID | undefined }

/** Reads the CAR, hashes every block, finds the commit and compares it with what the envelope claims. */
export function readCommitBlocks(car: Uint8Array, claim: Claim, policy: VerifyPolicy): Checked<CommitBlocks> {
  let roots: CID[]
  let list: CarBlock[]
  try {
    ;({ roots, blocks: list } = readCar(car, { maxSize: policy.maxBlocksBytes }))
  } catch (error) {
    if (!(error instanceof CarError)) throw error
    const reason: FailureReason = error.code === 'hash-mismatch' ? 'block-hash-mismatch' : 'car-malformed'
    return fail(reason, error.message)
  }
  const root = roots[0]
  if (root === undefined) return fail('car-root-mismatch', 'CAR without a root')
  if (claim.commit !== undefined && !cidEquals(root, claim.commit)) {
    return fail(
      'car-root-mismatch',
      `first root is not the commit; root=${formatCid(root)} commit=${formatCid(claim.commit)}`,
    )
  }
  const blocks = new CidMap<Uint8Array>()
  for (const block of list) blocks.set(block.cid, block.bytes)
  const bytes = blocks.get(root)
  if (bytes === undefined) return fail('commit-missing', `commit block is missing; cid=${formatCid(root)}`)
  let commit: Commit
  try {
    commit = readCommit(bytes)
  } catch (error) {
    if (!(error instanceof RepoError)) throw error
    return fail(error.code === 'unsupported-version' ? 'commit-version' : 'commit-malformed', error.message)
  }
  if (commit.did !== claim.did) {
    return fail('commit-did-mismatch', `commit is of another repo; commit=${commit.did} event=${claim.did}`)
  }
  if (commit.rev !== claim.rev) {
    return fail('commit-rev-mismatch', `commit has another rev; commit=${commit.rev} event=${claim.rev}`)
  }
  return { ok: true, value: { blocks, root, commit } }
}
