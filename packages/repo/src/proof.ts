// https://atproto.com/specs/repository#mst-structure, lexicon com.atproto.sync.getRecord

import { CarError, readCar } from '@avocet/car'
import type { PublicKey, VerifySignature } from '@avocet/crypto'
import { type CID, CidMap, type DataObject } from '@avocet/data'
import { loadTree } from '@avocet/mst'
import type { Did, Nsid, RecordKey, Tid } from '@avocet/syntax'
import { RepoError } from './error.ts'
import { MAX_COMMIT_CAR_SIZE } from './limits.ts'
import { decodeRecord } from './record.ts'
import { attempt, type RepoResult, verifyCommit } from './verify.ts'

/** What {@link verifyRecordProof} takes. */
export interface VerifyRecordProofOptions {
  readonly did: Did
  readonly collection: Nsid
  readonly rkey: RecordKey
  readonly key: PublicKey
  readonly verify?: VerifySignature
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
    const { roots, blocks: list } = read(car)
    const commit = roots[0]
    if (commit === undefined) throw new RepoError('malformed-repo', 'CAR has no root')
    const blocks = new CidMap(list.map(({ cid, bytes }) => [cid, bytes] as const))
    const { did, key, verify } = options
    const verified = verifyCommit({ blocks, commit, did, key, ...(verify && { verify }) })
    if (!verified.ok) throw verified.error
    const { rev, data } = verified.value
    const path = `${options.collection}/${options.rkey}`
    const cid = loadTree(data, blocks).get(path)
    if (cid === null) return { rev, commit, cid, record: null, recordBytes: null }
    const recordBytes = blocks.get(cid)
    if (recordBytes === undefined) {
      throw new RepoError('missing-block', `record is missing; path=${path} cid=${cid.toString()}`, { path })
    }
    return { rev, commit, cid, record: decodeRecord(recordBytes, path), recordBytes }
  })
}

function read(car: Uint8Array): ReturnType<typeof readCar> {
  try {
    return readCar(car, { maxSize: MAX_COMMIT_CAR_SIZE })
  } catch (cause) {
    if (!(cause instanceof CarError)) throw cause
    throw new RepoError('malformed-repo', `not a valid CAR: ${cause.message}`, { cause })
  }
}
