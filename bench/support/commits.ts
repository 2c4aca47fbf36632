// Signed, chained commits of many accounts as frames of a stream: what a relay sends, made here so that there are enough of them.
import { createKeypair, formatDidKey, type Keypair } from '@avocet/crypto'
import { importNativeKeypair } from '@avocet/crypto-native'
import type { DataObject } from '@avocet/data'
import {
  applyWrites,
  createMemoryRepoStore,
  prepareWrite,
  type RepoHead,
  toCommitEvent,
  type WriteInput,
} from '@avocet/repo'
import { createTidClock, currentDatetime, type Did, type Nsid } from '@avocet/syntax'
import { encodeFrame } from '@avocet/xrpc'

export type Account = {
  readonly did: Did
  readonly keypair: Keypair
  readonly document: object
  readonly paths: { collection: Nsid; rkey: string }[]
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const TEXT =
  'The avocet sweeps its upturned bill through shallow water, and what it finds it eats. Seen today from the north dyke, wind light.'

/** A repeatable source of numbers from 0 to 1. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** Accounts with DIDs, keys and documents that name `pds`. */
export function createAccounts(count: number, pds: string, random: () => number): Account[] {
  return Array.from({ length: count }, () => {
    const keypair = importNativeKeypair('k256', createKeypair().exportPrivateKey())
    const did =
      `did:plc:${Array.from({ length: 24 }, () => ALPHABET[Math.floor(random() * 32)]).join('')}` as Did
    const document = {
      id: did,
      alsoKnownAs: [],
      verificationMethod: [
        {
          id: `${did}#atproto`,
          type: 'Multikey',
          controller: did,
          publicKeyMultibase: formatDidKey(keypair.publicKey).slice('did:key:'.length),
        },
      ],
      service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: pds }],
    }
    return { did, keypair, document, paths: [] }
  })
}

/** Writes repos and gives out each commit as a frame. */
export function createWriter(random: () => number): {
  store: ReturnType<typeof createMemoryRepoStore>
  /** One commit with this many creates. */
  fill(account: Account, records: number): Promise<Uint8Array>
  /** One commit as people make them: mostly a like, a post, a repost or a follow; some deletes. */
  commit(account: Account): Promise<Uint8Array>
} {
  const store = createMemoryRepoStore()
  const tids = createTidClock()
  const heads = new Map<Did, RepoHead>()
  let seq = 0

  const create = (account: Account): WriteInput => {
    const kind = random()
    const createdAt = currentDatetime()
    const subject = {
      cid: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a',
      uri: `at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/${tids.next()}`,
    }
    const [collection, record]: [Nsid, DataObject] =
      kind < 0.5
        ? ['app.bsky.feed.like', { subject, createdAt }]
        : kind < 0.75
          ? [
              'app.bsky.feed.post',
              { text: TEXT.slice(0, 20 + Math.floor(random() * 100)), langs: ['en'], createdAt },
            ]
          : kind < 0.88
            ? ['app.bsky.feed.repost', { subject, createdAt }]
            : ['app.bsky.graph.follow', { subject: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz', createdAt }]
    const rkey = tids.next()
    account.paths.push({ collection, rkey })
    return { action: 'create', collection, rkey, record: { $type: collection, ...record } }
  }

  const apply = async (account: Account, writes: readonly WriteInput[]): Promise<Uint8Array> => {
    const head = heads.get(account.did) ?? null
    const commit = await applyWrites({
      did: account.did,
      head,
      store,
      writes: writes.map((write) => prepareWrite(write)),
      signer: account.keypair,
      rev: tids.nextAfter(head?.rev ?? null),
    })
    await store.apply(commit)
    heads.set(account.did, commit)
    const event = toCommitEvent(commit, currentDatetime())
    return encodeFrame('#commit', { ...event, seq: ++seq } as unknown as DataObject).slice()
  }

  return {
    store,
    fill: (account, records) =>
      apply(
        account,
        Array.from({ length: records }, () => create(account)),
      ),
    commit(account) {
      if (random() < 0.1 && account.paths.length > 0) {
        const [path] = account.paths.splice(Math.floor(random() * account.paths.length), 1)
        return apply(account, [{ action: 'delete', ...path! }])
      }
      return apply(account, [create(account)])
    },
  }
}
