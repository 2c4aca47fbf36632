// The did:plc directory and its client beside those of the npm packages @did-plc/lib and @did-plc/server.
import type { AddressInfo } from 'node:net'
import { P256Keypair, Secp256k1Keypair, type Keypair } from '@atproto/crypto'
import { DidResolver as StrangersResolver } from '@atproto/identity'
import { createKeypair, importKeypair, type Keypair as AvocetKeypair } from '@avocet/crypto'
import {
  createDidResolver,
  handleOf,
  parseDidDocument,
  pdsEndpoint,
  signingKey,
  type DidDocument,
} from '@avocet/did'
import {
  checkNextOperation,
  createOperation,
  didForOperation,
  operationCid,
  plcClient,
  registerDid,
  signOperation,
  tombstoneOperation,
  updateDid,
  updateOperation,
  verifyAuditLog,
  verifyLog,
  type HistoryEntry,
  type LegacyCreate,
  type PlcClient,
  type SignedOperation,
} from '@avocet/plc'
import { createPlcDirectory, type PlcDirectory } from '@avocet/plc-directory'
import * as strangers from '@did-plc/lib'
import { MockDatabase, PlcServer } from '@did-plc/server'
import * as fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const HOUR = 3_600_000
type Did = `did:plc:${string}`

/** The packages carry an older type of the same key: only `did`, `jwtAlg` and `sign` are used. */
type StrangersKey = Parameters<strangers.Client['updateHandle']>[1]
const theirs = (key: Keypair): StrangersKey => key as unknown as StrangersKey

let now = Date.now()
let ours: PlcDirectory
let official: PlcServer
let officialDb: MockDatabase
let officialUrl: string

beforeAll(async () => {
  ours = await createPlcDirectory({ port: 0, now: () => now, rateLimits: null })
  officialDb = new MockDatabase()
  official = PlcServer.create({ db: officialDb, port: 0 })
  const server = await official.start()
  officialUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  await ours.close()
  await official.destroy()
})

/** What an atproto reader takes from a document, however it is spelled. */
function facts(json: unknown, did: Did): unknown {
  const parsed = parseDidDocument(json, did)
  if (!parsed.ok) throw parsed.error
  const document: DidDocument = parsed.value
  return {
    id: document.id,
    key: signingKey(document),
    pds: pdsEndpoint(document),
    handle: handleOf(document),
    alsoKnownAs: document.alsoKnownAs,
    services: document.service.map(({ id, type, serviceEndpoint }) => ({ id, type, serviceEndpoint })),
    methods: document.verificationMethod.length,
  }
}

describe('@did-plc/server', () => {
  it('takes what updateDid makes; @did-plc/lib reads it', async () => {
    const [rotation, signing, next] = [createKeypair(), createKeypair(), createKeypair('p256')]
    const identity = { rotationKeys: [rotation.didKey], signingKey: signing.didKey, handle: 'anna.test' }
    const directory = plcClient({ url: officialUrl })
    const made = await registerDid(directory, { ...identity, pds: 'https://pds.test' }, rotation)
    if (!made.ok) throw made.error
    const change = { handle: 'ann.test', signingKey: next.didKey, pds: 'https://new.test' }
    const updated = await updateDid(directory, made.value, change, rotation)
    if (!updated.ok) throw updated.error
    const document = await new strangers.Client(officialUrl).getDocumentData(made.value)
    expect(document).toEqual(updated.value)
    expect(document).toMatchObject({
      alsoKnownAs: ['at://ann.test'],
      verificationMethods: { atproto: next.didKey },
      services: { atproto_pds: { endpoint: 'https://new.test' } },
    })
    // The same once more is no operation.
    await updateDid(directory, made.value, change, rotation)
    const log = await directory.log(made.value)
    expect(log.ok && log.value.length).toBe(2)
  })
})

describe('the client of @did-plc/lib against avocet-plc', () => {
  it('creates, updates, recovers within 72 hours and tombstones', async () => {
    const client = new strangers.Client(ours.url)
    const [recovery, rotation, signing] = [
      await P256Keypair.create(),
      await Secp256k1Keypair.create(),
      await Secp256k1Keypair.create(),
    ]
    const did = (await client.createDid({
      signingKey: signing.did(),
      handle: 'alice.example.com',
      pds: 'https://pds.example.com',
      rotationKeys: [recovery.did(), rotation.did()],
      signer: theirs(rotation),
    })) as Did
    expect(facts(await client.getDocument(did), did)).toMatchObject({
      key: { curve: 'k256' },
      pds: 'https://pds.example.com',
      handle: 'alice.example.com',
    })

    await client.updateHandle(did, theirs(rotation), 'ali.example.com')
    await client.updatePds(did, theirs(rotation), 'https://new.example.com')
    const newSigning = await P256Keypair.create()
    await client.updateAtprotoKey(did, theirs(rotation), newSigning.did())
    expect(await client.getDocumentData(did)).toEqual({
      did,
      verificationMethods: { atproto: newSigning.did() },
      rotationKeys: [recovery.did(), rotation.did()],
      alsoKnownAs: ['at://ali.example.com'],
      services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://new.example.com' } },
    })

    // The lower key is stolen and takes the account; the higher one takes it back.
    const good = await client.getLastOp(did)
    const thief = await Secp256k1Keypair.create()
    await client.updateRotationKeys(did, theirs(rotation), [thief.did()])
    await client.updateHandle(did, theirs(thief), 'thief.example.com')
    now += 71 * HOUR
    const back = await strangers.updateHandleOp(
      good as strangers.CompatibleOp,
      theirs(recovery),
      'back.example.com',
    )
    await client.sendOperation(did, back)
    expect(await client.getDocumentData(did)).toMatchObject({
      alsoKnownAs: ['at://back.example.com'],
      rotationKeys: [recovery.did(), rotation.did()],
    })
    const log = await client.getAuditableLog(did)
    expect(log.map((entry) => entry.nullified)).toEqual([false, false, false, false, true, true, false])

    // Their verification of our log, and ours of it.
    const data = await strangers.validateOperationLog(did, await client.getOperationLog(did))
    expect(data).toEqual(await client.getDocumentData(did))
    expect(await plcClient({ url: ours.url }).auditLog(did)).toMatchObject({ ok: true })

    await client.tombstone(did, theirs(rotation))
    await expect(client.getDocument(did)).rejects.toMatchObject({ status: 410 })
    await expect(client.getDocumentData(did)).rejects.toMatchObject({ status: 410 })
    expect(await client.getLastOp(did)).toMatchObject({ type: 'plc_tombstone' })
    expect((await client.export()).filter((entry) => entry.did === did)).toHaveLength(8)
    expect(await client.health()).toEqual({ version: expect.any(String) as string })
  })

  it('is refused a recovery after 72 hours, a forged operation and an unknown DID', async () => {
    const client = new strangers.Client(ours.url)
    const [recovery, rotation] = [await Secp256k1Keypair.create(), await Secp256k1Keypair.create()]
    const did = await client.createDid({
      signingKey: rotation.did(),
      handle: 'bob.example.com',
      pds: 'https://pds.example.com',
      rotationKeys: [recovery.did(), rotation.did()],
      signer: theirs(rotation),
    })
    const genesis = (await client.getLastOp(did)) as strangers.CompatibleOp
    await client.updateHandle(did, theirs(rotation), 'taken.example.com')
    now += 72 * HOUR + 10
    const late = await strangers.updateHandleOp(genesis, theirs(recovery), 'late.example.com')
    await expect(client.sendOperation(did, late)).rejects.toMatchObject({ status: 400 })
    const stranger = await Secp256k1Keypair.create()
    await expect(client.updateHandle(did, theirs(stranger), 'x.example.com')).rejects.toMatchObject({
      status: 400,
    })
    await expect(client.getDocument('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')).rejects.toMatchObject({
      status: 404,
    })
  })

  it('is joined by the resolver of @atproto/identity', async () => {
    const rotation = createKeypair()
    const genesis = await signOperation(identityOf(rotation), rotation)
    const did = didForOperation(genesis) as Did
    await plcClient({ url: ours.url }).submit(did, genesis)
    // Its own fetch refuses plain http and loopback, rightly.
    const resolver = new StrangersResolver({ plcUrl: ours.url, fetch })
    expect(await resolver.resolveAtprotoData(did)).toEqual({
      did,
      signingKey: rotation.didKey,
      handle: 'alice.example.com',
      pds: 'https://pds.example.com',
    })
    expect(await resolver.resolve('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')).toBeNull()
  })
})

describe('the client of @avocet/plc against @did-plc/server', () => {
  let client: PlcClient
  beforeAll(() => {
    client = plcClient({ url: officialUrl })
  })

  it('creates, updates, recovers within 72 hours and tombstones', async () => {
    const [recovery, rotation, thief] = [createKeypair('p256'), createKeypair('k256'), createKeypair('p256')]
    const genesis = await signOperation(identityOf(rotation, [recovery.didKey, rotation.didKey]), rotation)
    const did = didForOperation(genesis) as Did
    expect(await client.resolve(did)).toMatchObject({ error: { code: 'not-found' } })
    expect(await client.submit(did, genesis)).toEqual({ ok: true, value: undefined })

    const moved = await signOperation(updateOperation(genesis, { pds: 'https://new.example.com' }), rotation)
    const stolen = await signOperation(updateOperation(moved, { rotationKeys: [thief.didKey] }), rotation)
    expect(await client.submit(did, moved)).toMatchObject({ ok: true })
    expect(await client.submit(did, stolen)).toMatchObject({ ok: true })
    const back = await signOperation(updateOperation(moved, { handle: 'back.example.com' }), recovery)
    expect(await client.submit(did, back)).toMatchObject({ ok: true })
    expect(await client.lastOperation(did)).toEqual({ ok: true, value: back })

    const log = await client.log(did)
    expect(log).toEqual({ ok: true, value: [genesis, moved, back] })
    const audit = await client.auditLog(did)
    expect(audit.ok && verifyAuditLog(did, audit.value)).toMatchObject({
      ok: true,
      value: { head: operationCid(back), data: { alsoKnownAs: ['at://back.example.com'] } },
    })

    // An old server answers with old key types: the same facts all the same.
    const resolved = await createDidResolver({ plcUrl: officialUrl }).resolve(did)
    expect(resolved.ok && signingKey(resolved.value)).toEqual(rotation.publicKey)

    const end = await signOperation(tombstoneOperation(back), recovery)
    expect(await client.submit(did, end)).toMatchObject({ ok: true })
    expect(await client.resolve(did)).toMatchObject({ error: { code: 'tombstoned' } })
    expect(await createDidResolver({ plcUrl: officialUrl }).resolve(did)).toMatchObject({
      error: { code: 'tombstoned' },
    })
  })

  it('hears its refusals', async () => {
    const [recovery, rotation] = [createKeypair(), createKeypair()]
    const genesis = await signOperation(identityOf(rotation, [recovery.didKey, rotation.didKey]), rotation)
    const did = didForOperation(genesis) as Did
    await client.submit(did, genesis)
    const forged = await signOperation(updateOperation(genesis, { handle: 'x.example.com' }), createKeypair())
    expect(await client.submit(did, forged)).toMatchObject({ error: { code: 'rejected', status: 400 } })
    const taken = await signOperation(updateOperation(genesis, { handle: 'taken.example.com' }), rotation)
    await client.submit(did, taken)
    for (const entry of officialDb.contents[did] ?? []) entry.createdAt = new Date(Date.now() - 73 * HOUR)
    const late = await signOperation(updateOperation(genesis, { handle: 'late.example.com' }), recovery)
    const refused = await client.submit(did, late)
    expect(refused).toMatchObject({ error: { code: 'rejected' } })
    expect(refused.ok ? '' : refused.error.message).toContain('72 hr')
  })
})

describe('the same operations in both directories', () => {
  it('make the same DIDs, data and documents', async () => {
    const both = [ours.url, officialUrl].map((url) => plcClient({ url }))
    for (const curve of ['k256', 'p256'] as const) {
      const [recovery, rotation] = [createKeypair('p256'), createKeypair(curve)]
      const genesis = await signOperation(identityOf(rotation, [recovery.didKey, rotation.didKey]), rotation)
      const did = didForOperation(genesis) as Did
      expect(await strangers.didForCreateOp(genesis as unknown as strangers.CompatibleOp)).toBe(did)
      const update = updateOperation(genesis, {
        handle: 'ålso-not-checked.example.com',
        verificationMethods: { atproto: rotation.didKey, label: recovery.didKey },
        services: {
          atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://new.example.com' },
          labeler: { type: 'AtprotoLabeler', endpoint: 'https://label.example.com/x' },
        },
      })
      const operations = [genesis, await signOperation(update, recovery)]
      for (const operation of operations) {
        for (const client of both) expect(await client.submit(did, operation)).toMatchObject({ ok: true })
        const [data, officialData] = await Promise.all(both.map((client) => client.data(did)))
        expect(data).toMatchObject({ ok: true })
        expect(data).toEqual(officialData)
        const [document, officialDocument] = await Promise.all(
          [ours.url, officialUrl].map(async (url) => (await fetch(`${url}/${did}`)).json()),
        )
        expect(facts(document, did)).toEqual(facts(officialDocument, did))
        const [log, officialLog] = await Promise.all(both.map((client) => client.log(did)))
        expect(log).toEqual(officialLog)
      }
      const [audit, officialAudit] = await Promise.all(both.map((client) => client.auditLog(did)))
      const cids = (result: typeof audit): unknown => result?.ok && result.value.map((entry) => entry.cid)
      expect(cids(audit)).toEqual(cids(officialAudit))
    }
  })

  it('a legacy genesis signed by their package verifies here, and gives the same data', async () => {
    const [signing, recovery] = [await Secp256k1Keypair.create(), await P256Keypair.create()]
    const legacy = await strangers.deprecatedSignCreate(
      {
        type: 'create',
        signingKey: signing.did(),
        recoveryKey: recovery.did(),
        handle: 'old.example.com',
        service: 'https://old.example.com',
        prev: null,
      },
      theirs(signing),
    )
    const did = (await strangers.didForCreateOp(legacy)) as Did
    const update = await strangers.updateHandleOp(legacy, theirs(recovery), 'newer.example.com')
    const log = verifyLog(did, [legacy as LegacyCreate & { sig: string }, update as SignedOperation])
    expect(log).toMatchObject({ ok: true })
    expect(log.ok && log.value.data).toEqual(await strangers.validateOperationLog(did, [legacy, update]))
  })
})

describe('random forks and recoveries', () => {
  it('are accepted and refused as by @did-plc/lib', { timeout: 60_000 }, async () => {
    const keys = Array.from({ length: 4 }, (_, i) =>
      importKeypair(i % 2 === 0 ? 'k256' : 'p256', new Uint8Array(32).fill(i + 1)),
    )
    const step = fc.record({
      /** Follows the newest operation but this many, or one that was nullified. */
      back: fc.nat({ max: 3 }),
      signer: fc.nat({ max: 3 }),
      rotation: fc.uniqueArray(fc.nat({ max: 3 }), { minLength: 1, maxLength: 3 }),
      kind: fc.constantFrom('update', 'update', 'update', 'tombstone'),
      hours: fc.constantFrom(0, 1, 30, 72),
    })
    const verdicts = { accepted: 0, refused: 0, recovered: 0 }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const first = keys[0]!
        const genesis = await signOperation(identityOf(first, [keys[0]!.didKey, keys[1]!.didKey]), first)
        const did = didForOperation(genesis) as Did
        // Their check reads the real clock: times are set back from now instead.
        let age = steps.reduce((sum, { hours }) => sum + hours, 0) * HOUR
        const start = Date.now()
        let history: HistoryEntry[] = [
          { operation: genesis, cid: operationCid(genesis), createdAt: start - age },
        ]
        for (const { back, signer, rotation, kind, hours } of steps) {
          age -= hours * HOUR
          const previous = history.at(-1 - back) ?? genesisOf(history)
          if (previous.operation.type === 'plc_tombstone') continue
          const unsigned =
            kind === 'tombstone'
              ? tombstoneOperation(previous.operation)
              : updateOperation(previous.operation, {
                  rotationKeys: rotation.map((index) => keys[index]!.didKey),
                  handle: `h${history.length}.example.com`,
                })
          const operation = await signOperation(unsigned, keys[signer]!)
          const at = start - age
          const mine = checkNextOperation(did, history, operation, at)
          // A second of slack on the side of the real clock, where exactly 72 hours have passed.
          const shifted = history.map((entry) => ({
            did,
            operation: entry.operation as unknown as strangers.CompatibleOp,
            cid: CID.parse(entry.cid) as never,
            nullified: false,
            createdAt: new Date(entry.createdAt + (Date.now() - at) + 1_000),
          }))
          const verdict = await strangers
            .assureValidNextOp(did, shifted, operation as unknown as strangers.OpOrTombstone)
            .then(
              ({ nullified }) => nullified.map(String),
              () => null,
            )
          expect(mine.ok ? mine.value.nullified : null).toEqual(verdict)
          if (!mine.ok) {
            verdicts.refused++
            continue
          }
          verdicts[mine.value.nullified.length > 0 ? 'recovered' : 'accepted']++
          history = [...history.slice(0, mine.value.keep), { operation, cid: mine.value.cid, createdAt: at }]
        }
      }),
      // The same cases each time: how many of each kind come up is part of the test.
      { numRuns: 60, seed: 20_260_101 },
    )
    expect(Math.min(...Object.values(verdicts)), JSON.stringify(verdicts)).toBeGreaterThan(5)
  })
})

function genesisOf(history: readonly HistoryEntry[]): HistoryEntry {
  return history[0]!
}

function identityOf(
  key: AvocetKeypair,
  rotationKeys = [key.didKey as string],
): ReturnType<typeof createOperation> {
  return createOperation({
    rotationKeys,
    signingKey: key.didKey,
    handle: 'alice.example.com',
    pds: 'https://pds.example.com',
  })
}
