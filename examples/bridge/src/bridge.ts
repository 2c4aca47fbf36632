// Repositories for users of another network, written by whoever reads that one and served to this one.
import { createRemoteBlobs, type BlobLimits, type RemoteFault } from '@avocet/blobs'
import { createKeypair, importKeypair } from '@avocet/crypto'
import { createDidResolver, createGuardedFetch, withCache } from '@avocet/did'
import { ComAtprotoIdentityResolveHandle, ComAtprotoServerDescribeServer } from '@avocet/lexicons/com.atproto'
import { plcClient, registerDid } from '@avocet/plc'
import * as server from '@avocet/repo-server'
import { assertHandle, isDid, type Did, type Handle } from '@avocet/syntax'
import { XrpcError } from '@avocet/xrpc'
import { createRouter } from '@avocet/xrpc-server'
import { openStores } from './stores.ts'

export interface BridgeSettings {
  /** Where this service is; users are `<name>.<domain>`, and the hosts of these names lead here, too. */
  readonly domain: string
  /** A K-256 key, which has the last word on the identities of all users. */
  readonly rotationKey: Uint8Array
  readonly folder?: string | undefined
  readonly postgresUrl?: string | undefined
  readonly plcUrl?: string | undefined
  /** For development: pictures may be on this machine. */
  readonly allowLoopback?: boolean
}

export interface Post {
  /** A TID, always the same for the same post: one that comes twice is one, one that was changed takes its place. */
  readonly rkey: string
  readonly text: string
  readonly createdAt: string
  readonly pictures?: readonly { readonly url: string; readonly alt: string }[]
}

export type Bridge = Awaited<ReturnType<typeof createBridge>>

const POST = 'app.bsky.feed.post'
const PICTURE: BlobLimits = { accept: ['image/*'], maxSize: 1_000_000 }

export async function createBridge(settings: BridgeSettings) {
  const { domain, plcUrl = 'https://plc.directory', allowLoopback = false } = settings
  const { files, accounts, repos, remotes, close } = await openStores(settings.folder, settings.postgresUrl)
  const rotation = importKeypair('k256', settings.rotationKey)
  const turns = server.createKeyedLock()
  const didOf = async (handle: string) => (await accounts.accounts.byHandle(handle))?.did ?? null
  const handleOf = async (did: Did) => (await accounts.accounts.get(did))?.handle ?? null

  const host = server.createRepoHost({
    store: repos,
    files,
    remoteBlobs: createRemoteBlobs({ fetch: createGuardedFetch({ allowLoopback }), rows: remotes }),
    accounts: {
      find: async (name) => (isDid(name) ? ((await accounts.accounts.get(name))?.did ?? null) : didOf(name)),
      keyOf: async (did) => importKeypair('k256', (await accounts.secrets.signingKey(did))!),
      describe: server.describeBy(withCache(createDidResolver({ plcUrl })), handleOf),
    },
    onError: console.error,
  })

  /** Makes a key and a DID. Where another process was quicker they are left alone. */
  const register = async (handle: Handle): Promise<Did> => {
    const key = createKeypair('k256')
    const identity = {
      rotationKeys: [rotation.didKey],
      signingKey: key.didKey,
      handle,
      pds: `https://${domain}`,
    }
    const made = await registerDid(plcClient({ url: plcUrl }), identity, rotation)
    if (!made.ok) throw made.error
    const row = { handle, signingKey: key.exportPrivateKey(), createdAt: new Date().toISOString() }
    await accounts.apply([{ type: 'createAccount', account: { did: made.value, ...row } }])
    return (await didOf(handle))!
  }
  /** The account of an author, made when the first post comes. What a crash left half done is done by the next. */
  const accountOf = (author: string): Promise<Did> => {
    const handle = `${author}.${domain}`.toLowerCase()
    assertHandle(handle)
    return turns.run(handle, async () => {
      const did = (await didOf(handle)) ?? (await register(handle))
      if ((await repos.repos.getHead(did)) === null) await host.createRepo(did, { handle })
      return did
    })
  }

  const router = createRouter({ mapError: server.toXrpcError, onError: console.error })
  // Reads alone: nobody but the bridge writes here.
  for (const mount of [server.describeRepo, server.getRecord, server.listRecords]) mount(router, host)
  server.mountSync(router, host)
  const about = { did: `did:web:${domain}` as Did, availableUserDomains: [`.${domain}`] }
  router.add(ComAtprotoServerDescribeServer.main, () => about)
  router.add(ComAtprotoIdentityResolveHandle.main, async ({ params }) => {
    const did = await didOf(params.handle)
    if (did === null) throw new XrpcError(400, 'HandleNotFound', 'Unable to resolve handle')
    return { did }
  })

  /** Writes a post. @returns its URI, or why one of its pictures is not taken */
  const publish = async (author: string, post: Post): Promise<string | RemoteFault> => {
    const repo = await accountOf(author)
    const images = []
    for (const { url, alt } of post.pictures ?? []) {
      // The second is not asked for when the first is refused.
      const picture = await host.addRemoteBlob(repo, url, PICTURE)
      if (!picture.ok) return picture.error
      images.push({ image: picture.value, alt })
    }
    const embed = images.length === 0 ? {} : { embed: { $type: 'app.bsky.embed.images', images } }
    const record = { $type: POST, text: post.text, createdAt: post.createdAt, ...embed }
    await host.write(repo, [{ action: 'put', collection: POST, rkey: post.rkey, record }])
    return server.recordUri(repo, POST, post.rkey)
  }
  const retract = async (author: string, rkey: string) =>
    host.write(await accountOf(author), [{ action: 'delete', collection: POST, rkey }])
  const dispose = () => host[Symbol.asyncDispose]().then(close)
  return { router, host, didOf, publish, retract, [Symbol.asyncDispose]: dispose }
}
