// Moves an account from one server to another as a stock client does: @atproto/api, nothing else.
import { AtpAgent } from '@atproto/api'
import { Secp256k1Keypair } from '@atproto/crypto'
import { blocksToCarFile, MemoryBlockstore, Repo, WriteOpAction } from '@atproto/repo'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'

import { PASSWORD } from './calls.ts'
import type { Side } from './servers.ts'

/** An account with what it holds. */
export interface Mover {
  readonly agent: AtpAgent
  readonly did: string
  readonly handle: string
  readonly email: string
  /** The bytes of its blobs by CID. */
  readonly blobs: ReadonlyMap<string, Uint8Array>
  readonly preferences: readonly Record<string, unknown>[]
}

const POST = 'app.bsky.feed.post'
const createdAt = '2026-01-01T00:00:00.000Z'
/** How many posts a mover has; enough for a tree of some levels. */
const POSTS = 120
const CAR = { encoding: 'application/vnd.ipld.car' } as const

/** Signs up with posts, a picture and preferences. */
export async function signUpMover(side: Side, name: string): Promise<Mover> {
  const agent = new AtpAgent({ service: side.url })
  const [handle, email] = [`${name}.test`, `${name}@example.com`]
  await agent.createAccount({ handle, email, password: PASSWORD })
  const did = agent.assertDid
  for (let at = 0; at < POSTS; at += 60) {
    const writes = Array.from({ length: 60 }, (_, i) => ({
      $type: 'com.atproto.repo.applyWrites#create' as const,
      collection: POST,
      rkey: rkeyOf(at + i),
      value: { $type: POST, text: `post ${at + i}`, createdAt },
    }))
    await agent.com.atproto.repo.applyWrites({ repo: did, writes })
  }
  await agent.deletePost(`at://${did}/${POST}/${rkeyOf(7)}`)
  const picture = png(name)
  const { data } = await agent.uploadBlob(picture, { encoding: 'image/png' })
  await agent.post({
    text: 'a picture',
    embed: { $type: 'app.bsky.embed.images', images: [{ alt: '', image: data.blob }] },
    createdAt,
  })
  const preferences = await setPreferences(agent)
  return { agent, did, handle, email, preferences, blobs: new Map([[data.blob.ref.toString(), picture]]) }
}

/** Signs up with the repository of an old account: its picture is referred to in the form of before there were blob types. */
export async function signUpLegacyMover(side: Side, name: string): Promise<Mover> {
  const agent = new AtpAgent({ service: side.url })
  const [handle, email] = [`${name}.test`, `${name}@example.com`]
  await agent.createAccount({ handle, email, password: PASSWORD })
  const did = agent.assertDid
  const picture = png(name)
  const cid = CID.createV1(raw.code, await sha256.digest(picture)).toString()
  const legacy = { cid, mimeType: 'image/png' }
  const records: [string, string, Record<string, unknown>][] = [
    [
      'app.bsky.actor.profile',
      'self',
      { $type: 'app.bsky.actor.profile', displayName: name, avatar: legacy },
    ],
    [POST, rkeyOf(0), { $type: POST, text: 'old', createdAt: '2022-12-01T00:00:00.000Z' }],
  ]
  const storage = new MemoryBlockstore()
  const key = await Secp256k1Keypair.create()
  const writes = records.map(([collection, rkey, record]) => ({
    action: WriteOpAction.Create as const,
    collection: collection as `${string}.${string}.${string}`,
    rkey,
    record: record as never,
  }))
  const repo = await Repo.create(storage, did as `did:${string}:${string}`, key, writes)
  await agent.com.atproto.server.deactivateAccount({})
  await agent.com.atproto.repo.importRepo(await blocksToCarFile(repo.cid, storage.blocks), CAR)
  await agent.uploadBlob(picture, { encoding: 'image/png' })
  await agent.com.atproto.server.activateAccount()
  const preferences = await setPreferences(agent)
  return { agent, did, handle, email, preferences, blobs: new Map([[cid, picture]]) }
}

/** The whole move; gives the agent at the new server, and the blobs that it said were missing there. */
export async function move(
  mover: Mover,
  from: Side,
  to: Side,
): Promise<{ agent: AtpAgent; missing: string[] }> {
  const { agent: old, did, handle } = mover
  const agent = new AtpAgent({ service: to.url })
  const { data: server } = await agent.com.atproto.server.describeServer()
  const { data: auth } = await old.com.atproto.server.getServiceAuth({
    aud: server.did,
    lxm: 'com.atproto.server.createAccount',
  })
  await agent.com.atproto.server.createAccount(
    { did, handle, email: mover.email, password: PASSWORD },
    { headers: { authorization: `Bearer ${auth.token}` }, encoding: 'application/json' },
  )
  await agent.login({ identifier: did, password: PASSWORD })

  const { data: car } = await old.com.atproto.sync.getRepo({ did })
  await agent.com.atproto.repo.importRepo(car, CAR)
  const missing = await copyBlobs(old, agent, did)
  const { data: held } = await old.app.bsky.actor.getPreferences()
  await agent.app.bsky.actor.putPreferences(held)

  const { data: credentials } = await agent.com.atproto.identity.getRecommendedDidCredentials()
  await old.com.atproto.identity.requestPlcOperationSignature()
  const token = await from.mail.code(mover.email)
  const { data: signed } = await old.com.atproto.identity.signPlcOperation({ token, ...credentials })
  await agent.com.atproto.identity.submitPlcOperation(signed)
  await agent.com.atproto.server.activateAccount()
  await old.com.atproto.server.deactivateAccount({})
  return { agent, missing }
}

async function copyBlobs(old: AtpAgent, agent: AtpAgent, did: string): Promise<string[]> {
  const copied: string[] = []
  let cursor: string | undefined
  do {
    const { data: page } = await agent.com.atproto.repo.listMissingBlobs({
      limit: 100,
      ...(cursor === undefined ? {} : { cursor }),
    })
    for (const { cid } of page.blobs) {
      const blob = await old.com.atproto.sync.getBlob({ did, cid })
      await agent.uploadBlob(blob.data, { encoding: blob.headers['content-type'] ?? '*/*' })
      copied.push(cid)
    }
    cursor = page.cursor
  } while (cursor)
  return copied
}

/** CID by URI of every record. */
export async function recordsOf(agent: AtpAgent, did: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const { data } = await agent.com.atproto.repo.describeRepo({ repo: did })
  for (const collection of data.collections) {
    let cursor: string | undefined
    do {
      const params = { repo: did, collection, limit: 100, ...(cursor === undefined ? {} : { cursor }) }
      const page = await agent.com.atproto.repo.listRecords(params)
      for (const { uri, cid } of page.data.records) found.set(uri, cid)
      cursor = page.data.cursor
    } while (cursor)
  }
  return found
}

async function setPreferences(agent: AtpAgent): Promise<Record<string, unknown>[]> {
  const preferences = [
    { $type: 'app.bsky.actor.defs#adultContentPref', enabled: true },
    {
      $type: 'app.bsky.actor.defs#mutedWordsPref',
      items: [{ value: 'word', targets: ['content'], actorTarget: 'all' }],
    },
  ]
  await agent.app.bsky.actor.putPreferences({ preferences: preferences as never })
  return preferences
}

/** A record key that is a TID, by its number: the last characters are the number to the base 26. */
const rkeyOf = (i: number): string =>
  `3laaaaaaaaa${String.fromCharCode(97 + Math.floor(i / 26))}${String.fromCharCode(97 + (i % 26))}`

function png(text: string): Uint8Array {
  const bytes = new Uint8Array(5000)
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  bytes.set(new TextEncoder().encode(text), 100)
  return bytes
}
