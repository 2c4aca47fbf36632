// Accounts with keys, DID documents and repos of their own, and the events they make: the raw material of streams.

import { type CarBlock, writeCar } from '@avocet/car'
import { encode } from '@avocet/cbor'
import { type Curve, formatMultikey, importKeypair, type Keypair, type Signer } from '@avocet/crypto'
import { type BlockMap, type CID, cidForCbor, CidMap, type DataObject, sha256 } from '@avocet/data'
import { buildTree } from '@avocet/mst'
import {
  applyWrites,
  type CommitData,
  type CommitEventBody,
  createMemoryRepoStore,
  prepareWrite,
  type RepoHead,
  signCommit,
  type StoredBlock,
  toCommitEvent,
  toSyncEvent,
  type WriteInput,
} from '@avocet/repo'
import {
  createTidClock,
  currentDatetime,
  type Datetime,
  type Did,
  type Handle,
  type Tid,
  type TidClock,
} from '@avocet/syntax'
import { encodeFrame } from '@avocet/xrpc'

/** One account: what its PDS knows of it. */
export type Account = {
  readonly did: Did
  readonly handle: Handle
  /** The key that signs. */
  keypair: Keypair
  /** The key the DID document shows. */
  published: Keypair
  /** The PDS the DID document shows. */
  pds: string
  head: RepoHead | null
  /** The newest commit's block. */
  commitBytes: Uint8Array | null
  /** Records by path. */
  readonly records: Map<string, { readonly cid: CID; readonly bytes: Uint8Array }>
}

/** Fields of a commit block before it is signed; any may be wrong on purpose. */
export type CommitFields = DataObject

/** The accounts of one test, their clock, and their DID documents. */
export type World = {
  readonly accounts: ReadonlyMap<Did, Account>
  /** DIDs whose document is not to be found. */
  readonly missing: Set<Did>
  /** DIDs about which the directory says nothing, and does not end. */
  readonly hanging: Set<Did>
  /** DIDs whose document has no signing key. */
  readonly keyless: Set<Did>
  /** The PDS that accounts live on unless told otherwise. */
  readonly pds: string
  /** ms since the epoch; revs and times follow it. */
  now(): number
  time(): Datetime
  nextRev(previous?: Tid | null): Tid
  createAccount(options?: { readonly curve?: Curve; readonly pds?: string }): Account
  /** Signs with a new key from now on. The DID document shows it once the function returned is called. */
  rotateKey(account: Account, curve?: Curve): () => void
  /** The DID document as a directory serves it; null when there is none. */
  document(did: Did): DataObject | null
  /** Makes a commit and applies it. */
  commit(account: Account, writes: readonly WriteInput[], options?: CommitOptions): Promise<CommitData>
  /** The `#commit` event of a commit, without seq. */
  event(commit: CommitData): CommitEventBody
  /** The `#sync` event of the account's head, without seq. */
  syncEvent(account: Account): DataObject
  /** Gives an account a repo of these records at once, without events. */
  fill(account: Account, records: Iterable<readonly [path: string, record: DataObject]>): Promise<void>
  /** Signs a commit block of any content. */
  sign(fields: CommitFields, signer: Signer): Promise<CarBlock>
}

/** `now`: clock, ms since the epoch. `pds`: where accounts live unless told otherwise. */
export type WorldOptions = { readonly now?: () => number; readonly pds?: string }

/** `rev`, `signer`: other than the usual ones. `keep` false: the commit is made but not applied. */
export type CommitOptions = { readonly rev?: Tid; readonly signer?: Signer; readonly keep?: boolean }

/**
 * Makes a world. The same seed gives the same keys, DIDs and revs.
 * @param seed any text
 */
export function createWorld(seed: string, options: WorldOptions = {}): World {
  const now = options.now ?? Date.now
  const home = options.pds ?? 'https://pds.example.com'
  const clock: TidClock = createTidClock({ now, clockId: sha256(new TextEncoder().encode(seed))[0]! })
  const store = createMemoryRepoStore()
  const accounts = new Map<Did, Account>()
  const missing = new Set<Did>()
  const keyless = new Set<Did>()
  const hanging = new Set<Did>()
  let keys = 0

  const keypair = (curve: Curve): Keypair =>
    importKeypair(curve, sha256(new TextEncoder().encode(`${seed}/${curve}/${keys++}`)))
  const time = (): Datetime => currentDatetime(new Date(now()))

  return {
    accounts,
    missing,
    keyless,
    hanging,
    pds: home,
    now,
    time,
    nextRev: (previous = null) => clock.nextAfter(previous),

    createAccount({ curve = 'k256', pds = home } = {}) {
      const key = keypair(curve)
      const did = didOf(key)
      const account: Account = {
        did,
        handle: `user${accounts.size}.example.com`,
        keypair: key,
        published: key,
        pds,
        head: null,
        commitBytes: null,
        records: new Map(),
      }
      accounts.set(did, account)
      return account
    },

    rotateKey(account, curve = account.keypair.curve) {
      const next = keypair(curve)
      account.keypair = next
      return () => {
        account.published = next
      }
    },

    document(did) {
      const account = accounts.get(did)
      return account === undefined || missing.has(did) ? null : documentOf(account, keyless.has(did))
    },

    async commit(account, writes, { rev, signer, keep = true } = {}) {
      const { did, head } = account
      const prepared = writes.map((write) => prepareWrite(write))
      const commit = await applyWrites({
        did,
        head,
        store,
        writes: prepared,
        signer: signer ?? account.keypair,
        rev: rev ?? clock.nextAfter(head?.rev ?? null),
      })
      if (!keep) return commit
      await store.apply(commit)
      account.head = { did, rev: commit.rev, data: commit.data, commit: commit.commit }
      account.commitBytes = commit.commitBytes
      for (const write of prepared) {
        if (write.cid === null) account.records.delete(write.path)
        else account.records.set(write.path, { cid: write.cid, bytes: write.bytes! })
      }
      return commit
    },

    event: (commit) => toCommitEvent(commit, time()),

    syncEvent(account) {
      const { did, rev, commit } = account.head!
      return toSyncEvent({ did, rev, commit, commitBytes: account.commitBytes! }, time())
    },

    async fill(account, records) {
      const { did } = account
      const blocks: StoredBlock[] = []
      for (const [path, record] of records) {
        const bytes = encode(record).slice()
        account.records.set(path, { cid: cidForCbor(bytes), bytes })
      }
      const entries = [...account.records].toSorted(([a], [b]) => (a < b ? -1 : 1))
      const tree = buildTree(entries.map(([path, { cid }]) => [path, cid] as const))
      for (const [cid, bytes] of tree.blocks) blocks.push({ cid, bytes })
      for (const [, record] of entries) blocks.push(record)
      const rev = clock.nextAfter(account.head?.rev ?? null)
      const signed = await signCommit({ did, data: tree.root, rev }, account.keypair)
      blocks.push({ cid: signed.commit, bytes: signed.commitBytes })
      account.head = { did, rev, data: tree.root, commit: signed.commit }
      account.commitBytes = signed.commitBytes
      await store.replace(account.head, toAsync(blocks))
    },

    async sign(fields, signer) {
      const sig = await signer.sign(encode(fields))
      const bytes = encode({ ...fields, sig })
      return { cid: cidForCbor(bytes), bytes }
    },
  }
}

async function* toAsync<T>(items: Iterable<T>): AsyncGenerator<T, void> {
  yield* items
}

/** A did:plc of the right form, made from the account's first key. */
function didOf(key: Keypair): Did {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
  const digest = sha256(new TextEncoder().encode(key.didKey))
  let id = ''
  for (let i = 0; i < 24; i++) id += alphabet[digest[i]! & 31]
  return `did:plc:${id}`
}

function documentOf(account: Account, keyless: boolean): DataObject {
  const { did, handle, published, pds } = account
  return {
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
    id: did,
    alsoKnownAs: [`at://${handle}`],
    verificationMethod: keyless
      ? []
      : [
          {
            id: `${did}#atproto`,
            type: 'Multikey',
            controller: did,
            publicKeyMultibase: formatMultikey(published.publicKey),
          },
        ],
    service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: pds }],
  }
}

/** A record of about `size` bytes. */
export function post(text: string, size = 0): DataObject {
  return {
    $type: 'app.bsky.feed.post',
    text: size > text.length ? text.padEnd(size, '.') : text,
    createdAt: '2026-01-01T00:00:00.000Z',
  }
}

/** A create in `app.bsky.feed.post`. */
export function create(rkey: string, record: DataObject = post(rkey)): WriteInput {
  return { action: 'create', collection: 'app.bsky.feed.post', rkey, record }
}

/** An update in `app.bsky.feed.post`. */
export function update(rkey: string, record: DataObject): WriteInput {
  return { action: 'update', collection: 'app.bsky.feed.post', rkey, record }
}

/** A deletion in `app.bsky.feed.post`. */
export function remove(rkey: string): WriteInput {
  return { action: 'delete', collection: 'app.bsky.feed.post', rkey }
}

/** The blocks of a commit's event, to be changed. */
export function blocksOf(commit: CommitData): BlockMap {
  return new CidMap([...commit.newBlocks, ...commit.proofBlocks])
}

/** A CAR of these blocks. */
export function carOf(root: CID, blocks: Iterable<readonly [CID, Uint8Array]>): Uint8Array {
  return writeCar(
    [root],
    [...blocks].map(([cid, bytes]) => ({ cid, bytes })),
  )
}

/** The frame of an event. */
export function frameOf(type: `#${string}`, body: DataObject, seq: number): Uint8Array {
  return encodeFrame(type, { ...body, seq })
}
