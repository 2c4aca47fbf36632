// What the simulated repos hold: records, trees, and archives of them. Mostly names of such, so that an event costs microseconds.

import { type CarBlock, writeCar } from '@avocet/car'
import { encode } from '@avocet/cbor'
import type { PublicKey, VerifySignature } from '@avocet/crypto'
import { type CID, cidForCbor, cidForRaw, CidMap, formatCid, sha256 } from '@avocet/data'
import { buildTree } from '@avocet/mst'
import type { Did, Tid } from '@avocet/syntax'
import { createContentReader } from '../src/content.ts'
import { DEFAULT_POLICY, type VerifiedOp } from '../src/index.ts'

const encoder = new TextEncoder()

/** A CID for a text. */
export const named = (text: string): CID => cidForRaw(encoder.encode(text))

/** A record as its host stores it. */
export type Content = { readonly cid: CID; readonly bytes: Uint8Array; readonly readable: boolean }

const contentOf = (bytes: Uint8Array, readable = true): Content => ({
  cid: cidForCbor(bytes),
  bytes,
  readable,
})

/** Larger than what a reader of archives keeps at hand, and the same at every path. */
const LARGE = contentOf(encode({ text: 'x'.repeat(140_000) }))

/** A record that says its number; a list, which is none; or the large one. */
export function makeContent(number: number, kind: 'list' | 'large' | undefined): Content {
  if (kind === 'large') return LARGE
  return kind === 'list' ? contentOf(encode([number]), false) : contentOf(encode({ number }))
}

/** The record of an operation as the verifier reads it. */
export function readRecord(made: Content | null): Pick<VerifiedOp, 'record' | 'recordBytes' | 'unread'> {
  if (made === null) return { record: null, recordBytes: null }
  const { record, unread } = createContentReader(DEFAULT_POLICY).read(made.cid, made.bytes)
  return { record, recordBytes: made.bytes, ...(unread === null ? {} : { unread }) }
}

/** How a network names trees: by real roots, or by what they hold. */
export type TreeNames = (records: ReadonlyMap<string, Content>) => CID

const sorted = (records: ReadonlyMap<string, Content>): [path: string, record: Content][] =>
  [...records].toSorted(([a], [b]) => (a < b ? -1 : 1))

/** The CID of the tree's root. */
export const realRoot: TreeNames = (records) =>
  buildTree(sorted(records).map(([path, { cid }]) => [path, cid] as const)).root

/** A name: costs a tenth. */
export const nameOfTree: TreeNames = (records) =>
  named(
    sorted(records)
      .map(([path, { cid }]) => `${path} ${formatCid(cid)}`)
      .join('\n'),
  )

/** The archive of a repo, signed by `key`: the commit, the nodes, and each record once. */
export function archiveOf(
  did: Did,
  rev: Tid,
  records: ReadonlyMap<string, Content>,
  key: PublicKey,
): Uint8Array {
  const { root, blocks } = buildTree(sorted(records).map(([path, { cid }]) => [path, cid] as const))
  const unsigned = { did, version: 3, data: root, rev, prev: null }
  const commit = contentOf(encode({ ...unsigned, sig: signatureOf(key, encode(unsigned)) }))
  const unique = new CidMap<CarBlock>()
  for (const block of [commit, ...[...blocks].map(([cid, bytes]) => ({ cid, bytes })), ...records.values()]) {
    unique.set(block.cid, block)
  }
  return writeCar([commit.cid], [...unique.values()])
}

/** A signature that only this key has, and that costs a hash. */
function signatureOf(key: PublicKey, message: Uint8Array): Uint8Array {
  const digest = sha256(new Uint8Array([...key.bytes, ...message]))
  return new Uint8Array([...digest, ...digest])
}

/** Verifies {@link archiveOf}'s signatures, and refuses all others. */
export const verifyNamed: VerifySignature = (key, message, signature) => {
  const right = signatureOf(key, message)
  return signature.length === right.length && right.every((byte, i) => byte === signature[i])
}
