// Accounts whose repos are whole trees in memory, small enough to be built anew for each commit.

import { writeCar } from '@avocet/car'
import { encode } from '@avocet/cbor'
import type { Keypair, PublicKey } from '@avocet/crypto'
import { createKeypair } from '@avocet/crypto'
import { importNativeKeypair } from '@avocet/crypto-native'
import { type BlockMap, type CID, cidForCbor } from '@avocet/data'
import { buildTree } from '@avocet/mst'
import type { Random } from '@avocet/testing'
import { createTidClock, type Did, type Tid } from '@avocet/syntax'

/** Keys are made once and used by many accounts. */
const KEYS: readonly Keypair[] = Array.from({ length: 16 }, () =>
  importNativeKeypair('k256', createKeypair().exportPrivateKey()),
)
const tids = createTidClock()

/** An account of one group. */
export type Account = {
  readonly did: Did
  readonly keypair: Keypair
  readonly records: Map<string, CID>
  rev: Tid | null
  data: CID | null
}

/** The accounts of a group. */
export type Accounts = {
  add(): Account
  keyOf(did: string): PublicKey | null
  readonly all: readonly Account[]
}

/** @param name makes the DIDs of this group different from all others */
export function createAccounts(name: string): Accounts {
  const byDid = new Map<string, Account>()
  return {
    add() {
      const n = byDid.size
      const did = `did:web:${name}-${n}.example.com` as Did
      const account = { did, keypair: KEYS[n % KEYS.length]!, records: new Map(), rev: null, data: null }
      byDid.set(did, account)
      return account
    },
    keyOf: (did) => byDid.get(did)?.keypair.publicKey ?? null,
    get all() {
      return [...byDid.values()]
    },
  }
}

/** A signed commit of what the account has now. */
export type Signed = {
  readonly rev: Tid
  readonly cid: CID
  readonly bytes: Uint8Array
  readonly data: CID
  readonly nodes: BlockMap
}

/** Signs the account's tree. */
export async function signTree(account: Account): Promise<Signed> {
  const entries = [...account.records].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const tree = buildTree(entries)
  const rev = tids.nextAfter(account.rev)
  const fields = { did: account.did, version: 3, data: tree.root, rev, prev: null }
  const bytes = encode({ ...fields, sig: await account.keypair.sign(encode(fields)) }).slice()
  return { rev, cid: cidForCbor(bytes), bytes, data: tree.root, nodes: tree.blocks }
}

/** A CAR, its blocks in the order given or in any. */
export function carOf(
  root: CID,
  blocks: readonly (readonly [CID, Uint8Array])[],
  shuffle: Random | null = null,
): Uint8Array {
  const list = blocks.map(([cid, bytes]) => ({ cid, bytes }))
  if (shuffle !== null) {
    for (let i = list.length - 1; i > 0; i--) {
      const j = shuffle.below(i + 1)
      ;[list[i], list[j]] = [list[j]!, list[i]!]
    }
  }
  return writeCar([root], list)
}
