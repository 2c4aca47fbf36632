// A small real host on port 0: accounts with keys, repos, a firehose, exports, and the directory that knows their keys. Its hooks let a
// test put wrong bytes on the wire.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Keypair, createKeypair, formatDidKey } from '@avocet/crypto'
import type { DataObject } from '@avocet/data'
import {
  ComAtprotoSyncGetRepo,
  ComAtprotoSyncGetRepoStatus,
  ComAtprotoSyncListRepos,
  ComAtprotoSyncListReposByCollection,
  ComAtprotoSyncSubscribeRepos,
} from '@avocet/lexicons/com.atproto'
import {
  type CommitEventBody,
  type RepoHead,
  type WriteAction,
  applyWrites,
  createMemoryRepoStore,
  exportRepo,
  prepareWrite,
  toCommitEvent,
  toSyncEvent,
} from '@avocet/repo'
import { createMemoryEventLog, createSequencer } from '@avocet/sequencer'
import { type Datetime, type Did, createTidClock, currentDatetime } from '@avocet/syntax'
import { XrpcError } from '@avocet/xrpc'
import { createRouter, respond } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'

export type TestAccount = { readonly did: Did; readonly handle: string; keypair: Keypair }
export type TestWrite = { action: WriteAction; collection: string; rkey: string; record?: DataObject }

/** What a test may change on the wire. */
export type Hooks = {
  /** Every frame before it is sent; null drops it. */
  frame?: (frame: Uint8Array, seq: number | null) => Uint8Array | null
  /** Every chunk of an export. */
  exported?: (car: Uint8Array, did: string) => Uint8Array | XrpcError | Promise<Uint8Array | XrpcError>
  /** The status of an account in the list; null: active. */
  listedStatus?: (did: string) => string | null
  /** What it answers when it is asked for the status of an account (null: active); without, it does not answer. */
  repoStatus?: (did: string) => string | null
}

/** The accounts that directories know, with the hosts that they are on. */
export type Network = Map<string, { readonly account: TestAccount; readonly pds: string }>

const base32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** Starts a host with a directory. Hosts of one network know each other's accounts. */
export async function startHost(network: Network = new Map()): Promise<Host> {
  const directory = createServer((request, response) => {
    const known = network.get(decodeURIComponent((request.url ?? '/').slice(1)))
    response.statusCode = known === undefined ? 404 : 200
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify(
        known === undefined ? { message: 'not registered' } : toDocument(known.account, known.pds),
      ),
    )
  })
  await new Promise<void>((resolve) => directory.listen(0, '127.0.0.1', resolve))
  const plcUrl = `http://127.0.0.1:${(directory.address() as AddressInfo).port}`

  const log = createMemoryEventLog()
  const sequencer = createSequencer({ log })
  const store = createMemoryRepoStore()
  const tids = createTidClock()
  const hooks: Hooks = {}
  const recordsOf = async (did: Did): Promise<Map<string, string>> => {
    const found = new Map<string, string>()
    const head = await store.getHead(did)
    if (head === null) return found
    const { readCar } = await import('@avocet/car')
    const { loadTree } = await import('@avocet/mst')
    const parts: Uint8Array[] = []
    for await (const part of exportRepo(store, did)) parts.push(part)
    const blocks = new Map(
      readCar(new Uint8Array(Buffer.concat(parts))).blocks.map((b) => [b.cid.toString(), b.bytes]),
    )
    const tree = loadTree(head.data, { get: (cid) => blocks.get(cid.toString()) })
    for (const [path, cid] of tree.entries()) found.set(path, cid.toString())
    return found
  }
  const requests = { getRepo: 0, listRepos: 0, listReposByCollection: 0 }

  const router = createRouter()
    .add(ComAtprotoSyncSubscribeRepos.main, async function* ({ params, signal }) {
      for await (const { seq, frame } of sequencer.events(params.cursor, signal)) {
        const sent = hooks.frame === undefined ? frame : hooks.frame(frame.slice(), seq)
        if (sent !== null) yield sent
      }
    })
    .add(ComAtprotoSyncGetRepo.main, async ({ params }) => {
      requests.getRepo++
      const head = await store.getHead(params.did)
      if (head === null) throw new XrpcError(400, 'RepoNotFound', 'no such repo')
      const parts: Uint8Array[] = []
      for await (const part of exportRepo(store, params.did)) parts.push(part)
      const car = new Uint8Array(Buffer.concat(parts))
      const sent = hooks.exported === undefined ? car : await hooks.exported(car, params.did)
      if (sent instanceof XrpcError) throw sent
      return respond({ encoding: 'application/vnd.ipld.car', body: sent })
    })
    .add(ComAtprotoSyncGetRepoStatus.main, ({ params: { did } }) => {
      if (hooks.repoStatus === undefined) throw new XrpcError(501, 'MethodNotImplemented', 'not asked')
      const status = hooks.repoStatus(did)
      return { did, active: status === null, ...(status === null ? {} : { status }) }
    })
    .add(ComAtprotoSyncListRepos.main, async ({ params }) => {
      requests.listRepos++
      const heads = await store.listHeads((params.cursor ?? null) as Did | null, params.limit)
      const last = heads.length === params.limit ? heads.at(-1) : undefined
      return {
        ...(last === undefined ? {} : { cursor: last.did }),
        repos: heads.map(({ did, rev, commit }) => {
          const status = hooks.listedStatus?.(did) ?? null
          return {
            did,
            rev,
            head: commit.toString(),
            active: status === null,
            ...(status === null ? {} : { status }),
          }
        }),
      }
    })
    .add(ComAtprotoSyncListReposByCollection.main, async ({ params }) => {
      requests.listReposByCollection++
      const dids: { did: Did }[] = []
      for (const { did } of await store.listHeads((params.cursor ?? null) as Did | null, 1000)) {
        const paths = [...(await recordsOf(did)).keys()]
        if (paths.some((path) => path.startsWith(`${params.collection}/`))) dids.push({ did })
      }
      const page = dids.slice(0, params.limit)
      return { repos: page, ...(dids.length > page.length ? { cursor: page.at(-1)!.did } : {}) }
    })
  const serving = await serve({ router, port: 0, stopMs: 500 })

  const announce = (did: string, type: `#${string}`, body: DataObject): void => {
    log.append(undefined, { did, type, body: body as DataObject })
  }

  const host: Host = {
    url: serving.url,
    wsUrl: serving.url.replace('http', 'ws'),
    plcUrl,
    hooks,
    requests,
    async createAccount(name) {
      let did = 'did:plc:'
      for (const byte of crypto.getRandomValues(new Uint8Array(24))) did += base32[byte & 31]
      const account: TestAccount = { did: did as Did, handle: `${name}.test`, keypair: createKeypair() }
      network.set(did, { account, pds: host.url })
      return account
    },
    async write(account, writes, options = {}) {
      const head = await store.getHead(account.did)
      const commit = await applyWrites({
        did: account.did,
        head,
        store,
        writes: writes.map((write) => prepareWrite(write as Parameters<typeof prepareWrite>[0])),
        signer: account.keypair,
        rev: tids.nextAfter(head?.rev ?? null),
      })
      await store.apply(commit)
      const event = toCommitEvent(commit, currentDatetime())
      options.change?.(event)
      if (options.silent !== true) announce(account.did, '#commit', event as unknown as DataObject)
      return commit
    },
    async sync(account) {
      const head = (await store.getHead(account.did)) as RepoHead
      const blocks = await store.getBlocks(account.did, [head.commit])
      const event = toSyncEvent({ ...head, commitBytes: blocks.get(head.commit)! }, currentDatetime())
      announce(account.did, '#sync', event as unknown as DataObject)
    },
    account(account, active, status) {
      announce(account.did, '#account', {
        did: account.did,
        time: currentDatetime(),
        active,
        ...(status === undefined ? {} : { status }),
      })
    },
    identity(account) {
      announce(account.did, '#identity', {
        did: account.did,
        time: currentDatetime(),
        handle: account.handle,
      })
    },
    raw(type, did, body) {
      announce(did, type, body)
    },
    records: ({ did }) => recordsOf(did),
    async [Symbol.asyncDispose]() {
      await serving.close()
      await sequencer.close()
      directory.closeAllConnections()
      await new Promise((resolve) => directory.close(resolve))
    },
  }
  return host
}

export type Host = AsyncDisposable & {
  readonly url: string
  readonly wsUrl: string
  readonly plcUrl: string
  readonly hooks: Hooks
  /** How often it was asked. */
  readonly requests: { getRepo: number; listRepos: number; listReposByCollection: number }
  createAccount(name: string): Promise<TestAccount>
  /** One commit. `silent`: no event is sent; `change`: the event is altered before it is. */
  write(
    account: TestAccount,
    writes: readonly TestWrite[],
    options?: { silent?: boolean; change?: (event: CommitEventBody) => void },
  ): ReturnType<typeof applyWrites>
  sync(account: TestAccount): Promise<void>
  account(account: TestAccount, active: boolean, status?: string): void
  identity(account: TestAccount): void
  raw(type: `#${string}`, did: string, body: DataObject): void
  /** Path → CID of what the repo holds now. */
  records(account: TestAccount): Promise<Map<string, string>>
}

function toDocument({ did, handle, keypair }: TestAccount, pds: string): object {
  return {
    '@context': ['https://www.w3.org/ns/did/v1'],
    id: did,
    alsoKnownAs: [`at://${handle}`],
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
}

/** A post. */
export function post(text: string, createdAt = '2026-01-02T03:04:05.678Z' as Datetime): DataObject {
  return { $type: 'app.bsky.feed.post', text, createdAt }
}
