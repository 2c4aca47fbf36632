// Events that are wrong in exactly one way.

import type { Signer } from '@avocet/crypto'
import { decode, encode } from '@avocet/cbor'
import { type BlockMap, type CID, cidForCbor, CidMap, type DataObject } from '@avocet/data'
import { buildTree } from '@avocet/mst'
import type { CommitData } from '@avocet/repo'
import { type Account, blocksOf, carOf, type World } from './world.ts'

/** What to replace in a commit's event. */
export type Forgery = {
  /** Fields of the signed commit block. It is signed anew. */
  readonly commit?: DataObject
  /** Root of the tree to sign instead. */
  readonly data?: CID
  /** Blocks to put in, or to leave out. */
  readonly add?: Iterable<readonly [CID, Uint8Array]>
  readonly drop?: Iterable<CID>
  /** Fields of the envelope; undefined takes one out. */
  readonly envelope?: Readonly<Record<string, DataObject[string] | undefined>>
  readonly signer?: Signer
}

/** The event of a commit with something replaced; all that is not named stays right. */
export async function forge(
  world: World,
  account: Account,
  commit: CommitData,
  forgery: Forgery,
): Promise<DataObject> {
  const blocks = blocksOf(commit)
  let cid = commit.commit
  if (forgery.commit !== undefined || forgery.data !== undefined || forgery.signer !== undefined) {
    blocks.delete(commit.commit)
    const fields = {
      did: commit.did,
      version: 3,
      data: forgery.data ?? commit.data,
      rev: commit.rev,
      prev: null,
      ...forgery.commit,
    }
    const signed = await world.sign(fields, forgery.signer ?? account.keypair)
    cid = signed.cid
    blocks.set(signed.cid, signed.bytes)
  }
  for (const [added, bytes] of forgery.add ?? []) blocks.set(added, bytes)
  for (const dropped of forgery.drop ?? []) blocks.delete(dropped)
  const body: Record<string, DataObject[string] | undefined> = {
    ...world.event(commit),
    commit: cid,
    blocks: carOf(cid, rootFirst(cid, blocks)),
    ...forgery.envelope,
  }
  for (const [name, value] of Object.entries(body)) if (value === undefined) delete body[name]
  return body as DataObject
}

function* rootFirst(root: CID, blocks: BlockMap): Generator<readonly [CID, Uint8Array]> {
  const bytes = blocks.get(root)
  if (bytes !== undefined) yield [root, bytes]
  for (const entry of blocks) if (!entry[0].equals(root)) yield entry
}

/** All nodes of the account's tree as it would be with these changes (null deletes). */
export function treeWith(
  account: Account,
  changes: Iterable<readonly [path: string, cid: CID | null]> = [],
): { root: CID; blocks: BlockMap } {
  const entries = new Map([...account.records].map(([path, { cid }]) => [path, cid] as const))
  for (const [path, cid] of changes) {
    if (cid === null) entries.delete(path)
    else entries.set(path, cid)
  }
  return buildTree([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** A node as it is encoded: https://atproto.com/specs/repository#mst-structure */
export type RawNode = {
  l: CID | null
  e: { p: number; k: Uint8Array; v: CID; t: CID | null }[]
}

/** Decodes a node, lets `change` have it, and encodes it again. */
export function changeNode(
  bytes: Uint8Array,
  change: (node: RawNode) => void,
): { cid: CID; bytes: Uint8Array } {
  const node = decode(bytes) as unknown as RawNode
  change(node)
  return block(node)
}

/** A block of any content. */
export function block(value: DataObject | DataObject[string]): { cid: CID; bytes: Uint8Array } {
  const bytes = encode(value).slice()
  return { cid: cidForCbor(bytes), bytes }
}

/** These blocks as a map. */
export function blockMap(...blocks: readonly { cid: CID; bytes: Uint8Array }[]): BlockMap {
  return new CidMap(blocks.map(({ cid, bytes }) => [cid, bytes] as const))
}
