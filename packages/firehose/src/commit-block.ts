import { decode, encode } from '@avocet/cbor'
import { type CID, isCid, type DataObject } from '@avocet/data'
import { type Did, isDid, isTid, type Tid } from '@avocet/syntax'

export type Commit = {
  did: Did
  version: 3
  data: CID
  rev: Tid
  prev: CID | null
  sig: Uint8Array
  unsigned: Uint8Array
}
export class RepoError extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
export function readCommit(bytes: Uint8Array): Commit {
  let value
  try {
    value = decode(bytes) as DataObject
  } catch (cause) {
    throw new RepoError('malformed-commit', `not cbor ${String(cause)}`)
  }
  const { sig, ...unsigned } = value
  const { did, version, data, rev, prev } = value
  if (version !== 3) throw new RepoError('unsupported-version', `version=${String(version)}`)
  if (!isDid(did) || !isTid(rev) || !isCid(data) || !(sig instanceof Uint8Array))
    throw new RepoError('malformed-commit', 'shape')
  return { did, version, data, rev, prev: prev as CID | null, sig, unsigned: encode(unsigned) }
}
