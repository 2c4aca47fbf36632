// Labels beside strangers: the labeler of @skyware read by our subscriber, our labeler read by published clients, and signatures both
// ways with @atproto/crypto and @atcute/crypto over the bytes of @ipld/dag-cbor.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { ComAtprotoLabelQueryLabels, ComAtprotoLabelSubscribeLabels } from '@atcute/atproto'
import { Client, ok, simpleFetchHandler } from '@atcute/client'
import { P256PublicKey, parseDidKey as parseWithAtcute, Secp256k1PublicKey } from '@atcute/crypto'
import { FirehoseSubscription } from '@atcute/firehose'
import {
  AtpAgent,
  interpretLabelValueDefinition,
  moderateProfile,
  type AppBskyActorDefs,
  type ModerationOpts,
} from '@atproto/api'
import { P256Keypair, Secp256k1Keypair, verifySignature as verifyWithAtproto } from '@atproto/crypto'
import { Subscription } from '@atproto/xrpc-server'
import { createKeypair, importKeypair, parseDidKey, type Keypair, type PublicKey } from '@avocet/crypto'
import {
  createLabelSet,
  createLabelVerifier,
  mergeLabels,
  signLabel,
  subscribeLabels,
  verifyLabel,
  type Label,
  type LabelStreamEvent,
} from '@avocet/labels'
import * as server from '@avocet/labels/server'
import { openLabelStore } from '@avocet/labels/sqlite'
import * as QueryLabels from '@avocet/lexicons/com.atproto.label.queryLabels'
import { openDatabase } from '@avocet/sqlite'
import { createClient, unwrap } from '@avocet/xrpc-client'
import { createRouter } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'
import * as dagCbor from '@ipld/dag-cbor'
import { LabelerServer } from '@skyware/labeler'
import { describe, expect, test } from 'vitest'

const LABELER = 'did:plc:44ybard66vv44zksje25o7dz'
const ALICE = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const POST = `at://${ALICE}/app.bsky.feed.post/3k5nobkf2w72g`
const CID = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'
const SUBSCRIBE = 'com.atproto.label.subscribeLabels'

const keypair = createKeypair('k256')

async function take(
  stream: AsyncIterator<LabelStreamEvent, undefined>,
  count: number,
): Promise<LabelStreamEvent[]> {
  const events: LabelStreamEvent[] = []
  while (events.length < count) {
    const next = await stream.next()
    if (next.done === true) break
    events.push(next.value)
  }
  return events
}

describe('@skyware/labeler', () => {
  const start = async () => {
    const folder = mkdtempSync(join(tmpdir(), 'avocet-skyware-'))
    const signingKey = Buffer.from(keypair.exportPrivateKey()).toString('hex')
    const labeler = new LabelerServer({ did: LABELER, signingKey, dbPath: join(folder, 'labels.db') })
    const address = await new Promise<string>((resolve, reject) => {
      labeler.start({ port: 0, host: '127.0.0.1' }, (error, url) =>
        error === null ? resolve(url) : reject(error),
      )
    })
    return {
      labeler,
      url: address,
      async [Symbol.asyncDispose](): Promise<void> {
        await new Promise<void>((resolve) => labeler.close(resolve))
        labeler.db.close()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  }
  const resolveKey = async (): Promise<PublicKey> => keypair.publicKey

  test('its stream is read and its labels hold, from the first one on and live', async () => {
    await using peer = await start()
    const exp = new Date(Date.now() + 3_600_000).toISOString()
    await peer.labeler.createLabel({ uri: ALICE, val: 'spam' })
    await peer.labeler.createLabel({ uri: POST, val: 'rude', cid: CID, exp })
    const stream = subscribeLabels({ service: peer.url, sources: LABELER, resolveKey, cursor: 0 })
    const events = await take(stream, 2)
    // It signs `neg: false`, which its labels have on the wire too.
    expect(events).toMatchObject([
      { kind: 'label', seq: 1, label: { src: LABELER, uri: ALICE, val: 'spam', neg: false } },
      { kind: 'label', seq: 2, label: { uri: POST, val: 'rude', cid: CID, exp, neg: false } },
    ])
    // A subscriber there is one once its history was sent; and what comes now is later than what it replaces.
    await delay(50)
    await peer.labeler.createLabels({ uri: ALICE }, { create: ['new'], negate: ['spam'] })
    events.push(...(await take(stream, 2)))
    await stream.return()
    const set = createLabelSet()
    for (const event of events) if (event.kind === 'label') set.apply(event.label)
    expect(set.inForce(ALICE).map(({ val }) => val)).toEqual(['new'])
    expect(set.inForce(POST, { cid: CID }).map(({ val }) => val)).toEqual(['rude'])
    expect(set.inForce(POST, { cid: CID, at: Date.parse(exp) })).toEqual([])
    expect(stream.position).toBe(3)

    const again = subscribeLabels({ service: peer.url, sources: LABELER, resolveKey, cursor: 3 })
    expect(await take(again, 1)).toMatchObject([{ kind: 'label', seq: 4, label: { neg: true } }])
    await again.return()
  })

  test('its answers have what it retracted, too: merged, they are what is in force', async () => {
    await using peer = await start()
    await peer.labeler.createLabels({ uri: ALICE }, { create: ['spam', 'rude'] })
    await delay(5)
    await peer.labeler.createLabels({ uri: ALICE }, { negate: ['spam'] })
    const client = createClient({ service: peer.url })
    const answer = unwrap(await client.call(QueryLabels.main, { params: { uriPatterns: [ALICE] } }))
    expect(answer.labels.map(({ val, neg }) => [val, neg])).toEqual([
      ['spam', false],
      ['rude', false],
      ['spam', true],
    ])
    const verifier = createLabelVerifier({ resolveKey })
    for (const one of answer.labels) expect((await verifier.verify(one)).ok).toBe(true)
    expect(mergeLabels(answer.labels).map(({ val }) => val)).toEqual(['rude'])
  })

  test('with another key all its labels are refused, one by one', async () => {
    await using peer = await start()
    await peer.labeler.createLabels({ uri: ALICE }, { create: ['a', 'b'] })
    const other = createKeypair('k256')
    const wrong = async (): Promise<PublicKey> => other.publicKey
    const stream = subscribeLabels({ service: peer.url, sources: LABELER, resolveKey: wrong, cursor: 0 })
    expect(await take(stream, 2)).toMatchObject([
      { kind: 'refused', seq: 1, reason: 'bad-signature', label: { val: 'a' } },
      { kind: 'refused', seq: 2, reason: 'bad-signature', label: { val: 'b' } },
    ])
    await stream.return()
  })
})

describe('our labeler', () => {
  const start = async () => {
    const db = openDatabase({ path: ':memory:' })
    const labeler = server.createLabeler({ did: LABELER, signer: keypair, store: openLabelStore(db) })
    const router = createRouter()
    server.queryLabels(router, labeler)
    server.subscribeLabels(router, labeler)
    const serving = await serve({ router })
    await labeler.create([
      { uri: ALICE, val: 'spam' },
      { uri: POST, val: 'rude', cid: CID, exp: new Date(Date.now() + 3_600_000) },
    ])
    return {
      labeler,
      url: serving.url,
      async [Symbol.asyncDispose](): Promise<void> {
        await labeler.close()
        await serving.close()
        db.close()
      },
    }
  }
  type Told = { seq: number; labels: Label[] }
  const brief = (told: readonly Told[]): unknown[] =>
    told.map(({ seq, labels }) => [seq, labels.map(({ val, neg }) => [val, neg])])
  const expected = [
    [1, [['spam', undefined]]],
    [2, [['rude', undefined]]],
    [3, [['spam', true]]],
  ]

  test('is read by @atproto/xrpc-server, from a cursor on and live', async () => {
    await using own = await start()
    const stop = new AbortController()
    const stream = new Subscription<Told>({
      service: own.url.replace('http', 'ws'),
      method: SUBSCRIBE,
      signal: stop.signal,
      getParams: () => ({ cursor: 0 }),
      validate: (message) => message as Told,
    })
    const told: Told[] = []
    for await (const message of stream) {
      told.push(message)
      if (told.length === 2) await own.labeler.negate({ uri: ALICE, val: 'spam' })
      if (told.length === 3) break
    }
    stop.abort()
    expect(brief(told)).toEqual(expected)
    for (const label of told.flatMap(({ labels }) => labels)) {
      const { sig, ...fields } = label
      expect(await verifyWithAtproto(keypair.didKey, dagCbor.encode(fields), Uint8Array.from(sig!))).toBe(
        true,
      )
    }
  })

  test('is read by @atcute/firehose, validating', async () => {
    await using own = await start()
    const stream = new FirehoseSubscription({
      service: own.url.replace('http', 'ws'),
      nsid: ComAtprotoLabelSubscribeLabels.mainSchema,
      params: () => ({ cursor: 0 }),
    })
    const told: Told[] = []
    for await (const message of stream) {
      if (message.$type !== 'com.atproto.label.subscribeLabels#labels') continue
      told.push(message as unknown as Told)
      if (told.length === 2) await own.labeler.negate({ uri: ALICE, val: 'spam' })
      if (told.length === 3) break
    }
    expect(brief(told)).toEqual(expected)
  })

  test('refuses a cursor that is ahead, in words that clients of @atproto know', async () => {
    await using own = await start()
    const socket = new Subscription<Told>({
      service: own.url.replace('http', 'ws'),
      method: SUBSCRIBE,
      getParams: () => ({ cursor: 99 }),
      validate: (message) => message as Told,
    })
    const first = socket[Symbol.asyncIterator]().next()
    await expect(first).rejects.toMatchObject({ error: 'FutureCursor' })
  })

  test('answers @atproto/api and @atcute/client, with signatures', async () => {
    await using own = await start()
    const agent = new AtpAgent({ service: own.url })
    const { data } = await agent.com.atproto.label.queryLabels({ uriPatterns: [`at://${ALICE}/*`] })
    expect(data).toMatchObject({
      cursor: '2',
      labels: [{ ver: 1, src: LABELER, uri: POST, val: 'rude', cid: CID }],
    })
    expect(verifyLabel(data.labels[0], keypair.publicKey).ok).toBe(true)
    const client = new Client({ handler: simpleFetchHandler({ service: own.url }) })
    const answer = await ok(
      client.call(ComAtprotoLabelQueryLabels, {
        params: { uriPatterns: ['*'], sources: [LABELER], limit: 1 },
      }),
    )
    expect(answer).toMatchObject({
      cursor: '1',
      labels: [{ uri: ALICE, sig: { $bytes: expect.any(String) } }],
    })
  })
})

describe('signatures', () => {
  /** Labels with and without each field, by rule. */
  const labels = Array.from({ length: 64 }, (_, i): Label => ({
    ver: 1,
    src: LABELER,
    uri: i % 2 === 0 ? ALICE : (POST as never),
    ...(i % 4 < 2 ? {} : { cid: CID }),
    val: i % 8 < 4 ? `value-${i}` : `é😀${i}`,
    ...(i % 16 < 8 ? {} : { neg: true }),
    cts: new Date(1_700_000_000_000 + i * 86_400_000).toISOString() as never,
    ...(i % 32 < 16 ? {} : { exp: new Date(1_800_000_000_000 + i).toISOString() as never }),
  }))

  test('of ours hold for @atproto/crypto and @atcute/crypto', async () => {
    for (const own of [createKeypair('k256'), createKeypair('p256')]) {
      const found = parseWithAtcute(own.didKey)
      const theirs =
        found.type === 'p256'
          ? await P256PublicKey.importRaw(found.publicKeyBytes)
          : await Secp256k1PublicKey.importRaw(found.publicKeyBytes)
      for (const label of labels) {
        const { sig, ...fields } = await signLabel(label, own)
        const bytes = dagCbor.encode(fields)
        expect(await verifyWithAtproto(own.didKey, bytes, sig)).toBe(true)
        expect(await theirs.verify(Uint8Array.from(sig), bytes)).toBe(true)
      }
    }
  })

  test('of @atproto/crypto hold for ours, and break with each field', async () => {
    for (const theirs of [await Secp256k1Keypair.create(), await P256Keypair.create()]) {
      const key = parseDidKey(theirs.did())
      if (!key.ok) throw new Error(key.error.message)
      for (const label of labels) {
        const made = { ...label, sig: await theirs.sign(dagCbor.encode(label)) }
        expect(verifyLabel(made, key.value)).toEqual({ ok: true, value: made })
        expect(verifyLabel({ ...made, val: `${made.val}.` }, key.value).ok).toBe(false)
      }
    }
  })

  test('are the same labels under one private key', async () => {
    const theirs = await Secp256k1Keypair.create({ exportable: true })
    const own: Keypair = importKeypair('k256', await theirs.export())
    expect(own.didKey).toBe(theirs.did())
    for (const label of labels.slice(0, 8)) {
      const { sig } = await signLabel(label, own)
      expect(await verifyWithAtproto(theirs.did(), dagCbor.encode(label), sig)).toBe(true)
    }
  })
})

test('moderation of @atproto/api takes what is merged; what is not, it takes for in force', async () => {
  const definition = interpretLabelValueDefinition(
    {
      identifier: 'scam',
      severity: 'alert',
      blurs: 'content',
      defaultSetting: 'hide',
      locales: [{ lang: 'en', name: 'Scam', description: '' }],
    },
    LABELER,
  )
  const options: ModerationOpts = {
    userDid: undefined,
    prefs: {
      adultContentEnabled: false,
      labels: {},
      labelers: [{ did: LABELER, labels: { scam: 'hide' } }],
      mutedWords: [],
      hiddenPosts: [],
    },
    labelDefs: { [LABELER]: [definition] },
  }
  const isHidden = (labels: readonly Label[]): boolean => {
    const profile = {
      did: ALICE,
      handle: 'alice.example.com',
      labels,
    } as unknown as AppBskyActorDefs.ProfileViewBasic
    return moderateProfile(profile, options).ui('profileList').filter
  }
  const said = await signLabel(
    { src: LABELER, uri: ALICE, val: 'scam', cts: '2024-06-01T12:00:00.000Z' },
    keypair,
  )
  const negation = await signLabel({ ...said, neg: true, cts: '2024-06-01T12:00:01.000Z' }, keypair)
  const ended = await signLabel({ ...said, exp: '2024-06-02T00:00:00.000Z' }, keypair)
  expect([isHidden([said]), isHidden(mergeLabels([said]))]).toEqual([true, true])
  expect([isHidden([said, negation]), isHidden(mergeLabels([said, negation]))]).toEqual([true, false])
  expect([isHidden([ended]), isHidden(mergeLabels([ended]))]).toEqual([true, false])
})
