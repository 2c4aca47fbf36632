// https://atproto.com/specs/repository#commit-objects

import { decode, encode } from '@avocet/cbor'
import type { Signer } from '@avocet/crypto'
import { type CID, cidForCbor, type DataObject, type DataValue, isCid } from '@avocet/data'
import { type Did, isDid, isTid, type Tid } from '@avocet/syntax'
import { RepoError } from './error.ts'
import { MAX_COMMIT_SIZE } from './limits.ts'
import type { RepoHead } from './types.ts'

/** A signed commit as read from its block. */
export interface Commit {
  readonly did: Did
  readonly version: 3
  /** Root of the tree. */
  readonly data: CID
  readonly rev: Tid
  /** Almost always null: the former commit is not linked any more. */
  readonly prev: CID | null
  /** 64 bytes. */
  readonly sig: Uint8Array
  /** The block without its signature: what was signed. */
  readonly unsigned: Uint8Array
}

/**
 * Reads a commit block. The signature is not checked: see `verifyCommit`.
 *
 * @throws {RepoError} `malformed-commit`, `unsupported-version`
 */
export function readCommit(bytes: Uint8Array): Commit {
  const { fields, unsigned } = parseCommit(bytes)
  return { ...fields, unsigned: encode(unsigned) }
}

/**
 * The fields of a commit block, and all of it but its signature. Without an encoder: what nobody checks needs no signed bytes.
 *
 * @throws {RepoError} `malformed-commit`, `unsupported-version`
 */
export function parseCommit(bytes: Uint8Array): {
  readonly fields: Omit<Commit, 'unsigned'>
  readonly unsigned: DataObject
} {
  if (bytes.length > MAX_COMMIT_SIZE) throw malformed(`${bytes.length} bytes`)
  let value: DataValue
  try {
    value = decode(bytes)
  } catch (cause) {
    throw new RepoError('malformed-commit', 'commit block is not valid CBOR', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isCid(value))
    throw malformed('not a map')
  const { sig, ...unsigned } = value as DataObject
  const { did, version, data, rev, prev } = unsigned
  if (version !== 3) {
    if (typeof version === 'number') {
      throw new RepoError('unsupported-version', `commit is not of version 3; version=${version}`)
    }
    throw malformed('no version')
  }
  if (!isDid(did)) throw malformed('no valid did')
  if (!isTid(rev)) throw malformed('no valid rev')
  if (!isCid(data) || data.code !== 0x71) throw malformed('no valid data')
  if (prev !== null && prev !== undefined && !isCid(prev)) throw malformed('no valid prev')
  if (!(sig instanceof Uint8Array) || sig.length !== 64) throw malformed('no signature of 64 bytes')
  return { fields: { did, version, data, rev, prev: prev ?? null, sig }, unsigned }
}

function malformed(reason: string): RepoError {
  return new RepoError('malformed-commit', `commit block is malformed: ${reason}`)
}

/** Signs a commit. */
export async function signCommit(
  fields: { readonly did: Did; readonly data: CID; readonly rev: Tid },
  signer: Signer,
): Promise<{ commit: CID; commitBytes: Uint8Array }> {
  const unsigned = { did: fields.did, version: 3, data: fields.data, rev: fields.rev, prev: null }
  const sig = await signer.sign(encode(unsigned))
  const commitBytes = encode({ ...unsigned, sig })
  return { commit: cidForCbor(commitBytes), commitBytes }
}

/**
 * The head that a commit block stands for: the state of a repository from an existing commit.
 *
 * @throws {RepoError} `malformed-commit`, `unsupported-version`
 */
export function headFromCommit(commitBytes: Uint8Array): RepoHead {
  const { did, rev, data } = readCommit(commitBytes)
  return { did, rev, data, commit: cidForCbor(commitBytes) }
}
