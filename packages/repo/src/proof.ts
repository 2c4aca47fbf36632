// https://atproto.com/specs/repository#mst-structure, lexicon com.atproto.sync.getRecord

import { type Car, CarError, readCar, unsafeReadCar } from '@avocet/car'
import { type PublicKey, verifySignature, type VerifySignature } from '@avocet/crypto'
import { type CID, cidKey, type DataObject } from '@avocet/data'
import { verifyCid } from '@avocet/data/web'
import { findValue, type NodeSource } from '@avocet/mst'
import type { Did, Nsid, RecordKey, Tid } from '@avocet/syntax'
import type { Commit } from './commit.ts'
import { RepoError } from './error.ts'
import { MAX_COMMIT_CAR_SIZE } from './limits.ts'
import { decodeRecord } from './record.ts'
import type { CheckSignature } from './read.ts'
import { attempt, badSignature, failed, readOwnCommit, type RepoResult } from './verify.ts'

/** What {@link verifyRecordProof} takes. */
export interface VerifyRecordProofOptions {
  readonly did: Did
  readonly collection: Nsid
  readonly rkey: RecordKey
  readonly key: PublicKey
  readonly verify?: VerifySignature
}

/** What {@link verifyRecordProofBy} takes. */
export interface VerifyRecordProofByOptions extends Omit<VerifyRecordProofOptions, 'key' | 'verify'> {
  readonly verify: CheckSignature
}

/** What a record proof proves. */
export interface ProvedRecord {
  readonly rev: Tid
  readonly commit: CID
  /** Null where the repository has no such record. */
  readonly cid: CID | null
  readonly record: DataObject | null
  readonly recordBytes: Uint8Array | null
}

/**
 * Checks the CAR of `com.atproto.sync.getRecord`: signature, hashes, and that the tree has the record, or that it does
 * not have one there.
 *
 * @returns failures `malformed-repo`, `missing-block`, `malformed-commit`, `unsupported-version`, `did-mismatch`,
 *   `bad-signature`
 */
export function verifyRecordProof(
  car: Uint8Array,
  options: VerifyRecordProofOptions,
): RepoResult<ProvedRecord> {
  return attempt(() => {
    const { key, verify = verifySignature } = options
    const { commit, prove } = openProof(car, readCar, options)
    if (!verify(key, commit.unsigned, commit.sig)) throw badSignature(commit)
    return prove()
  })
}

/**
 * The same by a check of the caller's own, which may be asynchronous. For pages: it brings no curves into a bundle, so that
 * `verifySignature` of `@avocet/crypto/web` can stand there, and hashes by WebCrypto. Blocks that prove nothing are not looked at.
 * Rejects where there is no WebCrypto, as in pages that came by plain HTTP.
 *
 * @returns failures as {@link verifyRecordProof}
 */
export async function verifyRecordProofBy(
  car: Uint8Array,
  options: VerifyRecordProofByOptions,
): Promise<RepoResult<ProvedRecord>> {
  try {
    const { commit, used, prove } = openProof(car, unsafeReadCar, options)
    if (!(await options.verify(commit.unsigned, commit.sig))) throw badSignature(commit)
    const value = prove()
    await checkHashes(used)
    return { ok: true, value }
  } catch (thrown) {
    return failed(thrown)
  }
}

/** @throws {RepoError} `malformed-repo` */
async function checkHashes(blocks: ReadonlyMap<CID, Uint8Array>): Promise<void> {
  const checked = await Promise.all([...blocks].map(([cid, bytes]) => verifyCid(cid, bytes)))
  if (!checked.every(Boolean)) throw new RepoError('malformed-repo', 'a block is not what its CID names')
}

interface Proof {
  readonly commit: Commit
  /** The blocks that were asked for so far: the commit, the nodes on the way, the record. */
  readonly used: ReadonlyMap<CID, Uint8Array>
  readonly prove: () => ProvedRecord
}

/** The commit of a proof, its signature yet to be checked, and what it proves then. */
function openProof(
  car: Uint8Array,
  read: typeof readCar,
  where: Pick<VerifyRecordProofOptions, 'did' | 'collection' | 'rkey'>,
): Proof {
  const { roots, blocks: list } = readBounded(car, read)
  const root = roots[0]
  if (root === undefined) throw new RepoError('malformed-repo', 'CAR has no root')
  const byCid = new Map(list.map(({ cid, bytes }) => [cidKey(cid), bytes]))
  const used = new Map<CID, Uint8Array>()
  const blocks: NodeSource = {
    get: (cid) => {
      const bytes = byCid.get(cidKey(cid))
      if (bytes !== undefined) used.set(cid, bytes)
      return bytes
    },
  }
  const commit = readOwnCommit({ blocks, commit: root, did: where.did })
  const prove = (): ProvedRecord => {
    const { rev, data } = commit
    const path = `${where.collection}/${where.rkey}`
    const cid = findValue(data, blocks, path)
    if (cid === null) return { rev, commit: root, cid, record: null, recordBytes: null }
    const recordBytes = blocks.get(cid)
    if (recordBytes === undefined) {
      throw new RepoError('missing-block', `record is missing; path=${path} cid=${cid.toString()}`, { path })
    }
    return { rev, commit: root, cid, record: decodeRecord(recordBytes, path), recordBytes }
  }
  return { commit, used, prove }
}

function readBounded(car: Uint8Array, read: typeof readCar): Car {
  try {
    return read(car, { maxSize: MAX_COMMIT_CAR_SIZE })
  } catch (cause) {
    if (!(cause instanceof CarError)) throw cause
    throw new RepoError('malformed-repo', `not a valid CAR: ${cause.message}`, { cause })
  }
}
