// What happens to a repository between two steps of one task: a commit being made, an import coming in, a page being read.
import type { AccountFields } from '@avocet/accounts'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createKeypair } from '@avocet/crypto'
import { formatCid, type DataObject } from '@avocet/data'
import { applyWrites, prepareWrite } from '@avocet/repo'
import type { SqliteRepoStore } from '@avocet/repo-sqlite'
import { createTidClock, type Did, type Handle, type Nsid } from '@avocet/syntax'
import {
  IMPORT_PACE,
  type RecordWrite,
  type RepoImports,
  type RepoWriter,
  type Uploads,
  createKeyedLock,
  createRecordReader,
  createRemovals,
  createRepairs,
  createRepoExports,
  createRepoImports,
  createRepoWriter,
  createUploads,
  type Outcome,
  type RepoServerStore,
} from '@avocet/repo-server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { requireDone } from '../src/accounts/changes.ts'
import { createAppPasswords } from '../src/accounts/app-passwords.ts'
import { createInvites } from '../src/accounts/invites.ts'
import { createQuotas } from '../src/repos/quotas.ts'
import { createRegistration } from '../src/accounts/registration.ts'
import { createReservedKeys } from '../src/accounts/reserved-keys.ts'
import { createSessions } from '../src/accounts/sessions.ts'
import { createTokens } from '../src/auth/tokens.ts'
import { resolveConfig } from '../src/config/config.ts'
import { hostingStatus } from '../src/account.ts'
import { createHandlePolicy } from '../src/identity/handles.ts'
import { createRecentReader } from '../src/app-view/recent-records.ts'
import { createSigners } from '../src/identity/signers.ts'
import { openSqliteStores, type SqliteStores } from '../src/stores/sqlite/stores.ts'
import { archiveOf } from './archives.ts'
import { post } from './network.ts'
import { createFactorParts } from './factor-parts.ts'

const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const POST = 'app.bsky.feed.post'
const config = { accountBlobQuota: 0, accountRecordQuota: 0 }
const note = (text: string): DataObject => post(text) as DataObject

let folder: string
let stores: SqliteStores
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'avocet-pds-races-'))
  stores = await openSqliteStores(resolveConfig({ dataDirectory: folder }))
  await add(DID, 'anna')
})
afterEach(async () => {
  await stores.db.close()
  await rm(folder, { recursive: true, force: true })
})

const tids = createTidClock()
const locks = createKeyedLock()
const signersOf = () => createSigners(stores.accountStore.secrets)

/** An active account with an empty repository. */
async function add(did: Did, name: string): Promise<void> {
  const key = createKeypair('k256')
  const store = stores.repos
  const account = {
    did,
    handle: `${name}.test` as Handle,
    email: `${name}@example.com`,
    passwordHash: 'none',
    signingKey: key.exportPrivateKey(),
    createdAt: '2026-01-01',
    deactivatedAt: null,
  }
  await store.apply(
    await applyWrites({ did, head: null, store, writes: [], signer: key, rev: tids.next() }),
    (db) => requireDone(stores.accountStore.applyIn(db, [{ type: 'createAccount', account }])),
  )
}
/** Changes an account, and the status of its repository with it. */
const change = (set: Partial<AccountFields>, did = DID): Promise<void> =>
  stores.db.write(() => {
    requireDone(stores.accountStore.applyIn(stores.db, [{ type: 'updateAccount', did, set }]))
    const status = hostingStatus(stores.accounts.get(did)!)
    stores.server.applyTo({ type: 'status', did, status, events: [] })
  })
const quotasOf = (bounds = config) => createQuotas(stores.quotas, bounds, stores.server)
const uploadsOf = (): Uploads => createUploads({ store: stores.server, files: stores.files, limit: 1e6 })

/** A writer; `before` runs when a commit is made and not stored yet. */
function writerOf(before: () => Promise<void> = () => Promise.resolve(), bounds = config): RepoWriter {
  const { server } = stores
  const uploads = uploadsOf()
  return createRepoWriter({
    store: {
      ...server,
      apply: async (made) => {
        await before()
        return server.apply(made)
      },
    },
    signerOf: (did) => signersOf().get(did),
    locks,
    tids,
    bound: quotasOf(bounds),
    discard: (did, cids) => uploads.discard(did, cids),
  })
}
const create = (rkey: string, record: DataObject, blobs: string[] = []): RecordWrite => ({
  action: 'create',
  collection: POST,
  rkey,
  record: { record, status: 'valid', blobs },
})
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'fine',
    (error: { code?: string }) => error.code ?? String(error),
  )
const headOf = async (did = DID): Promise<string> => formatCid((await stores.repos.getHead(did))!.commit)
const count = (sql: string): number =>
  Number(stores.db.prepare(`SELECT count(*) AS n FROM ${sql}`).get()!['n'])

describe('a commit that is being made', () => {
  test.each([
    ['deactivated', { deactivatedAt: '2026-01-01' }, 'account-deactivated'],
    ['taken down', { takedownRef: 'x' }, 'account-takendown'],
  ])('does not land once its account is %s', async (_, set, code) => {
    const before = await headOf()
    const writer = writerOf(() => change(set))
    expect(await codeOf(writer.write(DID, [create('a', note('a'))]))).toBe(code)
    expect([await headOf(), count('event')]).toEqual([before, 0])
    expect(stores.records.get(DID, POST, 'a')).toBe(null)
  })

  test('does not name a blob that was collected meanwhile', async () => {
    const uploads = uploadsOf()
    const blob = await uploads.upload(DID, chunks('some text'), 'text/plain')
    const cid = formatCid(blob.ref)
    const expire = async (): Promise<void> => {
      await stores.db.write(() => stores.blobs.expire(Number.MAX_SAFE_INTEGER))
    }
    const record = { $type: POST, blob } as unknown as DataObject
    expect(await codeOf(writerOf(expire).write(DID, [create('a', record, [cid])]))).toBe('blob-not-found')
    expect(stores.records.get(DID, POST, 'a')).toBe(null)
  })
})

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text, 'latin1')
}

test('a record that is replaced while it is read is read as it is now', async () => {
  await writerOf().write(DID, [create('a', note('old'))])
  let replaced = 0
  const between: SqliteRepoStore = {
    ...stores.repos,
    getBlocks: async (did, cids) => {
      if (replaced++ < 2) {
        const record = { record: note(`new ${replaced}`), status: 'valid', blobs: [] } as const
        await writerOf().write(DID, [{ action: 'put', collection: POST, rkey: 'a', record }])
      }
      return stores.repos.getBlocks(did, cids)
    },
  }
  const reader = createRecordReader(stores.records, between)
  expect((await reader.get(DID, POST, 'a'))?.value).toEqual(note('new 2'))
})

test('a full account may replace a like by another of the same post', async () => {
  const writer = writerOf(undefined, { ...config, accountRecordQuota: 1 })
  const like = { $type: 'app.bsky.feed.like', subject: { uri: 'at://x/y/z', cid: 'c' } } as DataObject
  const one = (rkey: string, dedupe: boolean): RecordWrite => ({
    action: 'create',
    collection: 'app.bsky.feed.like',
    rkey,
    record: { record: like, status: 'valid', blobs: [] },
    dedupe,
  })
  await writer.write(DID, [one('a', true)])
  expect(await codeOf(writer.write(DID, [one('b', false)]))).toBe('quota-exceeded')
  expect(await codeOf(writer.write(DID, [one('b', true)]))).toBe('fine')
  expect(stores.records.get(DID, 'app.bsky.feed.like', 'a')).toBe(null)
})

test('an export that its reader leaves closes its snapshot', async () => {
  // More than is read at once.
  const writer = writerOf()
  for (let n = 0; n < 10; n++) await writer.write(DID, [create(`r${n}`, note(`${n}`.repeat(500_000)))])
  let open = 0
  const counting: SqliteRepoStore = {
    ...stores.repos,
    snapshot: async (did) => {
      const snapshot = await stores.repos.snapshot(did)
      if (snapshot === null) return null
      open += 1
      return {
        ...snapshot,
        [Symbol.asyncDispose]: async () => {
          open -= 1
          await snapshot[Symbol.asyncDispose]()
        },
      }
    },
  }
  const exports = createRepoExports(counting)
  for await (const _ of await exports.repo(DID, undefined)) {
    expect(open).toBe(1)
    break
  }
  expect(open).toBe(0)
  for await (const _ of await exports.repo(DID, undefined));
  expect(open).toBe(0)
})

describe('an import', () => {
  const importsOf = (imports = 8): RepoImports => {
    const { accounts, server } = stores
    return createRepoImports({
      store: server,
      statusOf: (did) => hostingStatus(accounts.get(did)!),
      signerOf: (did) => signersOf().get(did),
      locks,
      tids,
      limits: { imports, bufferedBytes: 1e7, pace: IMPORT_PACE },
    })
  }
  const OFF = { deactivatedAt: '2026-01-01' }

  /** The bytes of an archive, all but the last of which come at once. */
  function held(bytes: Uint8Array<ArrayBuffer>): { car: ReadableStream<Uint8Array>; end: () => void } {
    const gate = Promise.withResolvers<void>()
    const parts = [bytes.subarray(0, -1), bytes.subarray(-1)]
    const car = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const part = parts.shift()
        if (part === undefined) return controller.close()
        if (parts.length === 0) await gate.promise
        controller.enqueue(part)
      },
    })
    return { car, end: () => gate.resolve() }
  }
  const whole = (bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> => new Blob([bytes]).stream()
  const staged = (): number => count("record_set WHERE state = 'staged'")

  test('does not land in an account that was activated meanwhile', async () => {
    await change(OFF)
    const { car, end } = held(await archiveOf(DID, { [`${POST}/a`]: note('a') }))
    const before = await headOf()
    const running = codeOf(importsOf().importCar(DID, car))
    await expect.poll(staged).toBe(1)
    await change({ deactivatedAt: null })
    end()
    expect(await running).toBe('invalid-request')
    expect([await headOf(), stores.records.get(DID, POST, 'a')]).toEqual([before, null])
  })

  test('does not go on over a commit that was made meanwhile, and says so', async () => {
    await change(OFF)
    const records = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`${POST}/r${n}`, note(`${n}`)]))
    const { car, end } = held(await archiveOf(DID, records))
    const running = codeOf(importsOf().importCar(DID, car))
    await expect.poll(() => count('repo WHERE did IS NULL')).toBe(1)
    const store = stores.repos
    const { status: _, ...head } = (await store.getHead(DID))!
    const writes = [
      prepareWrite({ action: 'create', collection: POST as Nsid, rkey: 'b', record: note('b') }),
    ]
    const rev = tids.next()
    const commit = await applyWrites({
      did: DID,
      head,
      store,
      writes,
      signer: await signersOf().get(DID),
      rev,
    })
    await stores.db.write(() => store.open.apply(commit, ['deactivated']))
    end()
    expect(await running).toBe('head-moved')
  })

  test('keeps its rows while leftovers are given up', async () => {
    await change(OFF)
    const records = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`${POST}/r${String(n).padStart(3, '0')}`, note(`${n}`)]),
    )
    const { car, end } = held(await archiveOf(DID, records))
    const imports = importsOf()
    const running = codeOf(imports.importCar(DID, car))
    const { lastInsertRowid: other } = stores.db
      .prepare("INSERT INTO record_set (did, state) VALUES (?, 'staged')")
      .run(DID)
    await expect.poll(staged).toBe(2)
    await imports.clean()
    expect(staged()).toBe(1)
    expect(count(`record_set WHERE id = ${other}`)).toBe(0)
    end()
    expect(await running).toBe('fine')
    expect(await stores.records.count(DID)).toBe(40)
  })

  test('is refused while as many are under way as may be', async () => {
    await change(OFF)
    const others: Did[] = ['did:plc:bbbbbbbbbbbbbbbbbbbbbbbb', 'did:plc:cccccccccccccccccccccccc']
    for (const [i, did] of others.entries()) {
      await add(did, `other${i}`)
      await change(OFF, did)
    }
    const imports = importsOf(2)
    const archives = await Promise.all([DID, ...others].map((did) => archiveOf(did, {})))
    const first = held(archives[0]!)
    const second = held(archives[1]!)
    const running = [imports.importCar(DID, first.car), imports.importCar(others[0]!, second.car)]
    expect(await codeOf(imports.importCar(DID, whole(archives[0]!)))).toBe('import-running')
    expect(await codeOf(imports.importCar(others[1]!, whole(archives[2]!)))).toBe('import-busy')
    first.end()
    await running[0]
    expect(await codeOf(imports.importCar(others[1]!, whole(archives[2]!)))).toBe('fine')
    second.end()
    await running[1]
  })

  test('leaves a thousand records out, not one more', async () => {
    await change(OFF)
    const odd = (n: number): Promise<Uint8Array<ArrayBuffer>> =>
      archiveOf(
        DID,
        Object.fromEntries(
          Array.from({ length: n }, (_, i) => [`no/r${String(i).padStart(5, '0')}`, note('x')]),
        ),
      )
    const imports = importsOf()
    const before = await headOf()
    const refused = imports.importCar(DID, whole(await odd(1001)), true)
    await expect(refused).rejects.toThrow('More than 1000 records cannot be taken over; path=no/r01000')
    expect(await headOf()).toBe(before)
    expect(await imports.importCar(DID, whole(await odd(1000)), true)).toHaveLength(1000)
    expect(await stores.records.count(DID)).toBe(0)
  })

  test('keeps the blobs that its records name, and others for a day', async () => {
    const uploads = uploadsOf()
    const named = await uploads.upload(DID, chunks('named'), 'text/plain')
    const dropped = await uploads.upload(DID, chunks('dropped'), 'text/plain')
    const records: Record<string, DataObject> = {}
    for (const [rkey, blob] of [
      ['a', named],
      ['b', dropped],
    ] as const) {
      const record = { $type: POST, blob } as unknown as DataObject
      records[`${POST}/${rkey}`] = record
      await writerOf().write(DID, [create(rkey, record, [formatCid(blob.ref)])])
    }
    stores.db.raw.exec('UPDATE blob SET created_at = 1')
    await change(OFF)
    const began = Date.now()
    await importsOf().importCar(DID, whole(await archiveOf(DID, { [`${POST}/a`]: records[`${POST}/a`]! })))
    await stores.server.upkeep.sweep()
    const blobs = new Map(
      stores.db
        .prepare('SELECT cid, permanent, created_at FROM blob')
        .all()
        .map((row) => [row['cid'], [row['permanent'], Number(row['created_at']) >= began]]),
    )
    expect(blobs.get(formatCid(named.ref))).toEqual([1, false])
    expect(blobs.get(formatCid(dropped.ref))).toEqual([0, true])
    await uploads.collect()
    expect(stores.blobs.get(DID, formatCid(dropped.ref))).not.toBe(null)
  })
})

describe('a repair', () => {
  const repairsOf = (store: RepoServerStore = stores.server) =>
    createRepairs({ store, keyOf: (did) => signersOf().get(did), locks, tids, clock: { last: () => null } })

  test.each([
    ['deactivated', { deactivatedAt: '2026-01-01' }],
    ['taken down', { takedownRef: 'x' }],
  ])('of an account that is %s is not announced', async (_, set) => {
    await writerOf().write(DID, [create('a', note('a'))])
    await change(set)
    const events = count('event')
    const before = await headOf()
    expect(await repairsOf().rebuild(DID, true)).toMatchObject({ did: DID, records: 1, rowsStale: 0 })
    expect([count('event'), (await headOf()) === before]).toEqual([events, false])
    await change({ deactivatedAt: null, takedownRef: null })
    await repairsOf().rebuild(DID, true)
    expect(count('event')).toBe(events + 1)
  })

  test('that fails leaves none of its rows', async () => {
    await writerOf().write(DID, [create('a', note('a'))])
    const failing: RepoServerStore = {
      ...stores.server,
      stage: async (did) => ({
        ...(await stores.server.stage(did)),
        adopt: () => Promise.reject(new Error('no room')),
      }),
    }
    const before = await headOf()
    await expect(repairsOf(failing).rebuild(DID, true)).rejects.toThrow('no room')
    await stores.server.upkeep.sweep()
    expect([await headOf(), count('record_set'), count('record')]).toEqual([before, 1, 1])
  })
})

describe('what an account leaves', () => {
  const noteGone = (): Promise<Outcome> => stores.server.apply({ type: 'removal', did: DID, events: [] })
  const left = (): number => count('account_removal')

  test('goes again when a second account of its DID goes', async () => {
    const { server, files } = stores
    const removals = createRemovals(server, files)
    for (const seq of [1, 2]) {
      const uploads = uploadsOf()
      await uploads.upload(DID, chunks(`text ${seq}`), 'text/plain')
      await noteGone()
      // Before the first is swept up, as a second account is made that does not wait for the rest.
      await removals.blobsGone(DID)
      expect(await files.open(DID, 'any')).toBe(null)
      expect(count('blob')).toBe(0)
    }
    await removals.run()
    expect(left()).toBe(0)
  })

  test('keeps its DID waiting: an account is made when the blobs of the former are gone', async () => {
    const gate = Promise.withResolvers<void>()
    const { accounts, accountStore } = stores
    const tokens = createTokens('a secret of some length', () => 'did:web:pds.example.com')
    const registration = createRegistration({
      stores,
      invites: createInvites(accountStore, 'localhost'),
      inviteRequired: false,
      reservedKeys: createReservedKeys(accountStore),
      handles: createHandlePolicy(['.test'], () => Promise.resolve(null)),
      identities: {} as never,
      locks,
      tids,
      removals: { blobsGone: () => gate.promise },
      sessions: createSessions(
        accountStore,
        createAppPasswords(accountStore),
        tokens,
        createFactorParts(accountStore).secondFactor,
        0,
      ),
    })
    const did: Did = 'did:plc:dddddddddddddddddddddddd'
    const application = { handle: 'dora.test', email: 'dora@example.com', password: 'x'.repeat(256) }
    const made = registration.adopt(did, application)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(accounts.get(did)).toBe(null)
    gate.resolve()
    expect(await made).toMatchObject({ account: { did, handle: 'dora.test' } })
  })
})

test('a profile that was taken down is not shown beside own posts', async () => {
  const reader = createRecentReader(stores.recent, stores.repos)
  const collection = 'app.bsky.actor.profile'
  const record = { record: { $type: collection, displayName: 'A' }, status: 'valid', blobs: [] } as const
  await writerOf().write(DID, [{ action: 'put', collection, rkey: 'self', record }])
  expect(await reader.profile(DID)).toMatchObject({ displayName: 'A' })
  await stores.db.write(() => stores.records.takedown(DID, collection, 'self', 'x'))
  expect(await reader.profile(DID)).toBe(null)
})
