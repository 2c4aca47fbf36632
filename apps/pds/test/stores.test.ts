// What a request changes in accounts and repositories is one transaction, on either database.
import { startPostgres } from '@avocet/testing/postgres'
import { identityEvent, syncEvent, type CommitChange } from '@avocet/repo-server'
import { readRepo, type CommitData } from '@avocet/repo'
import { decodeFrame } from '@avocet/xrpc'
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import { createAuditLog } from '../src/audit/audit-log.ts'
import type { AuditEntry } from '../src/stores/audit-rows.ts'
import { openStoresView } from '../src/stores/open-view.ts'
import type { Stores } from '../src/stores/stores.ts'
import { createQuotas } from '../src/repos/quotas.ts'
import { accountChange, commitOn, DID, KEY, openFixture, OTHER, type StoreFixture } from './store-fixture.ts'

const server = await startPostgres()
afterAll(() => server?.close())

const PROFILE = 'app.bsky.actor.profile'
const POST = 'app.bsky.feed.post'

const commitChange = (commit: CommitData, more: Partial<CommitChange> = {}): CommitChange => ({
  type: 'commit',
  did: commit.did,
  commit,
  records: [],
  claims: [],
  events: [syncEvent(commit)],
  ...more,
})

const row = (path: string, commit: CommitData) => {
  const [collection, rkey] = path.split('/')
  const cid = commit.ops.find((op) => op.path === path)!.cid!.toString()
  return { collection: collection!, rkey: rkey!, cid, links: [], blobs: [], replaces: false }
}

describe.each([
  ['sqlite', null],
  ['postgres', server?.url],
] as const)('%s', (_name, url) => {
  let fixture: StoreFixture
  let stores: Stores
  // Not skipped in silence: `startPostgres` has said that there is none.
  beforeEach(async (context) => {
    if (url === undefined) context.skip()
    fixture = await openFixture(url ?? null)
    stores = fixture.stores
    onTestFinished(() => fixture[Symbol.asyncDispose]())
  })
  const newest = async (): Promise<number> => (await stores.server.log.bounds()).newest

  /** An account with an empty repository. */
  const begin = async (): Promise<void> => {
    const first = commitChange(await commitOn(stores, DID))
    const outcome = await stores.apply({ accounts: [accountChange(DID, 'a.test')], repos: [first] })
    expect(outcome).toMatchObject({ status: 'applied' })
  }

  test('an account, its repository and its event are there together', async () => {
    const first = commitChange(await commitOn(stores, DID), { status: 'deactivated' })
    const outcome = await stores.apply({ accounts: [accountChange(DID, 'a.test')], repos: [first] })
    expect(outcome).toEqual({ status: 'applied', seqs: [await newest()] })
    expect(await stores.accounts.get(DID)).toMatchObject({ handle: 'a.test' })
    expect(await stores.server.repos.getHead(DID)).toMatchObject({ status: 'deactivated' })
    expect(await stores.server.repos.countBlocks(DID)).toBe(2)
  })

  test('what accounts refuse leaves the repository as it was', async () => {
    await begin()
    const before = await newest()
    const first = commitChange(await commitOn(stores, OTHER))
    const outcome = await stores.apply({ accounts: [accountChange(OTHER, 'a.test')], repos: [first] })
    expect(outcome).toEqual({ status: 'refused', by: 'accounts', reason: 'handle-taken' })
    expect(await stores.server.repos.getHead(OTHER)).toBe(null)
    expect((await stores.server.log.read(before, { count: 9, bytes: 9e9 })).length).toBe(0)
  })

  test('what repositories refuse leaves the account as it was', async () => {
    await begin()
    const took = await stores.server.apply({ type: 'status', did: DID, status: 'takendown', events: [] })
    expect(took.status).toBe('applied')
    const change = commitChange(await commitOn(stores, DID))
    const update = { type: 'updateAccount', did: DID, set: { inviteNote: 'x' } } as const
    const quota = { type: 'setQuota', did: DID, quota: { records: 3 } } as const
    const outcome = await stores.apply({ accounts: [update], rows: [quota], repos: [change] })
    expect(outcome).toMatchObject({ status: 'refused', by: 'repositories', code: 'account-takendown' })
    expect((await stores.accounts.get(DID))!.inviteNote).toBe(null)
    expect(await stores.quotas.get(DID)).toBe(null)
  })

  test('an account that is another by now makes the whole stale, and so does a head', async () => {
    await begin()
    const change = commitChange(await commitOn(stores, DID))
    const update = {
      type: 'updateAccount',
      did: DID,
      set: { inviteNote: 'x' },
      expect: { inviteNote: 'y' },
    } as const
    expect(await stores.apply({ accounts: [update], repos: [change] })).toEqual({ status: 'stale' })
    expect(await stores.apply({ repos: [change] })).toMatchObject({ status: 'applied' })
    const { expect: _, ...again } = update
    expect(await stores.apply({ accounts: [again], repos: [change] })).toEqual({ status: 'stale' })
    expect((await stores.accounts.get(DID))!.inviteNote).toBe(null)
  })

  test('bounds of an account are set one by one, and go with it', async () => {
    await begin()
    const set = (quota: object) => stores.apply({ rows: [{ type: 'setQuota', did: DID, quota }] })
    const quotas = createQuotas(stores.quotas, { accountBlobQuota: 7, accountRecordQuota: 8 }, stores.server)
    expect(await quotas.of(DID)).toEqual({ blobBytes: 7, records: 8 })
    await set({ records: 3 })
    expect(await quotas.of(DID)).toEqual({ blobBytes: 7, records: 3 })
    await set({ blobBytes: 0 })
    expect(await quotas.of(DID)).toEqual({ blobBytes: 0, records: 3 })
    await set({ records: null })
    expect(await quotas.of(DID)).toEqual({ blobBytes: 0, records: 8 })
    expect(await fixture.other?.quotas.get(DID)).toEqual(
      fixture.other === null ? undefined : { blobBytes: 0, records: null },
    )
    await stores.apply({ accounts: [{ type: 'removeAccount', did: DID }] })
    await stores.apply({
      accounts: [accountChange(DID, 'b.test')],
      rows: [{ type: 'setQuota', did: DID, quota: {} }],
    })
    expect(await stores.quotas.get(DID)).toEqual({ blobBytes: null, records: null })
  })

  test('a look at a repository is of one moment, whoever writes meanwhile', async () => {
    await begin()
    const write = async (rkey: string): Promise<CommitData> => {
      const commit = await commitOn(stores, DID, { [`${POST}/${rkey}`]: { $type: POST, text: rkey } })
      const change = commitChange(commit, { records: [row(`${POST}/${rkey}`, commit)] })
      expect(await stores.apply({ repos: [change] })).toMatchObject({ status: 'applied' })
      return commit
    }
    const { rev } = await write('3aaa')
    await using view = (await openStoresView(fixture.config))!
    await view.repository(DID, async (repo) => {
      await write('3bbb')
      await using reader = await readRepo(repo!.car(), { did: DID, key: KEY.publicKey })
      const paths: string[] = []
      for await (const { path } of reader.entries) paths.push(path)
      const frames: Uint8Array[] = []
      for await (const bytes of repo!.frames()) frames.push(bytes)
      const frame = decodeFrame(frames[0]!)
      expect({
        head: repo!.rev,
        archive: reader.rev,
        paths,
        rows: [...(await repo!.rows()).keys()],
        told: frame.ok && frame.value.kind === 'message' && frame.value.body['rev'],
      }).toEqual({ head: rev, archive: rev, paths: [`${POST}/3aaa`], rows: [`${POST}/3aaa`], told: rev })
    })
  })

  test('a key that is pending stays the one, until it is in use', async () => {
    await begin()
    const { rotations } = stores
    const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    expect([await rotations.pending(DID), await rotations.rotatedAt(DID)]).toEqual([null, null])
    const kept = await Promise.all([rotations.prepare(DID, one), rotations.prepare(DID, two)])
    expect(Buffer.from(kept[0])).toEqual(Buffer.from(kept[1]))
    expect(Buffer.from((await rotations.pending(DID))!)).toEqual(Buffer.from(kept[0]))
    expect(await rotations.unfinished()).toEqual([DID])
    await stores.apply({ rows: [{ type: 'keyRotated', did: DID, at: 5 }] })
    expect([await rotations.pending(DID), await rotations.rotatedAt(DID)]).toEqual([null, 5])
    expect(await rotations.unfinished()).toEqual([])
    expect(Buffer.from(await rotations.prepare(DID, two))).toEqual(Buffer.from(two))
  })

  test('the audit log keeps so many of each kind, and none pushes out another', async () => {
    let time = 1000
    const entry = (action: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
      action,
      actor: 'account',
      did: DID,
      address: null,
      error: null,
      attempt: false,
      detail: { n: 1 },
      ...more,
    })
    const bounds = { maxAgeMs: 1000, attempts: 2, perAccount: 3, operator: 2 }
    const audit = createAuditLog(stores.audit, bounds, () => time)
    await audit.record(entry('long ago', { did: OTHER }))
    time += 1000
    for (const n of [1, 2, 3]) await audit.record(entry(`operator ${n}`, { actor: 'operator' }))
    for (const n of [1, 2, 3, 4, 5]) await audit.record(entry(`own ${n}`))
    for (const n of [1, 2, 3]) await audit.record(entry(`attempt ${n}`, { attempt: true, actor: 'stranger' }))
    await audit.record(entry('other', { did: OTHER, address: '192.0.2.1', error: 'X' }))
    expect(await audit.prune()).toBe(1 + 2 + 1)
    const left = ['operator 2', 'operator 3', 'own 3', 'own 4', 'own 5', 'attempt 2', 'attempt 3', 'other']
    const actions = async (): Promise<string[]> =>
      (await stores.audit.list({ limit: 99 })).map(({ action }) => action).toReversed()
    expect(await actions()).toEqual(['long ago', ...left])
    time += 1
    expect(await audit.prune()).toBe(1)
    expect(await actions()).toEqual(left)
    const [last] = await stores.audit.list({ did: OTHER, limit: 1 })
    expect(last).toEqual({
      ...entry('other', { did: OTHER, address: '192.0.2.1', error: 'X' }),
      attempt: undefined,
      id: last!.id,
      at: new Date(2000).toISOString(),
    })
    expect(await stores.audit.list({ before: last!.id, since: 2000, limit: 1 })).toMatchObject([
      { action: 'attempt 3' },
    ])
    expect(await stores.audit.list({ since: 2001, limit: 9 })).toEqual([])
  })

  test('profiles and posts are found by the revision that wrote them, none that was taken down', async () => {
    await begin()
    const write = async (path: string): Promise<CommitData> => {
      const commit = await commitOn(stores, DID, { [path]: { $type: path.split('/')[0]!, text: path } })
      const change = commitChange(commit, { records: [row(path, commit)] })
      expect(await stores.apply({ repos: [change] })).toMatchObject({ status: 'applied' })
      return commit
    }
    const { rev } = await write(`${POST}/a`)
    await write('app.bsky.feed.like/b')
    await write(`${PROFILE}/self`)
    await write(`${POST}/c`)
    const { recent } = stores
    const keys = async (limit: number): Promise<string[]> =>
      (await recent.since(DID, rev, limit)).map(({ rkey }) => rkey)
    expect(await keys(9)).toEqual(['self', 'c'])
    expect(await keys(1)).toEqual(['self'])
    expect((await recent.profile(DID))!.indexedAt).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
    expect([await recent.isKnown(DID, rev), await recent.isKnown(DID, '2222222222222')]).toEqual([
      true,
      false,
    ])
    const subject = { collection: PROFILE, rkey: 'self' }
    await stores.server.apply({ type: 'takedown', did: DID, subject, ref: 'x' })
    expect([await keys(9), await recent.profile(DID)]).toEqual([['c'], null])
  })

  test('the clock that was believed, a row that is written, and the bytes of all blobs', async () => {
    expect(await stores.clock.last()).toBe(null)
    await stores.clock.believe(1_800_000_000_001)
    expect(await stores.clock.last()).toBe(1_800_000_000_001)
    await stores.vitals.touch()
    expect(stores.vitals.pendingWrites()).toBe(0)
    expect(stores.vitals.file === null).toBe(stores.isShared)
    expect(await stores.vitals.blobBytes()).toBe(0)
    for (const [cid, size] of [
      ['a', 5],
      ['b', 6],
    ] as const) {
      const blob = { cid, mimeType: 'text/plain', size }
      await stores.server.apply({ type: 'upload', did: DID, blob, now: 0, maxBytes: Infinity })
    }
    expect(await stores.vitals.blobBytes()).toBe(11)
  })

  test('what one handle changes counts on another at once', async () => {
    const { other } = fixture
    expect(other === null).toBe(!stores.isShared)
    if (other === null) return
    await begin()
    expect(await other.accounts.get(DID)).toMatchObject({ handle: 'a.test', takedownRef: null })
    const update = { type: 'updateAccount', did: DID, set: { takedownRef: 'x' } } as const
    const status = {
      type: 'status',
      did: DID,
      status: 'takendown',
      events: [identityEvent(DID, null)],
    } as const
    await stores.apply({ accounts: [update], repos: [status] })
    expect(await other.accounts.get(DID)).toMatchObject({ takedownRef: 'x' })
    expect(await other.server.repos.getHead(DID)).toMatchObject({ status: 'takendown' })
    expect(await stores.notes!.claim('n', 'one')).toBe('one')
    expect(await other.notes!.claim('n', 'two')).toBe('one')
    await other.notes!.set('n', 'two')
    expect(await stores.notes!.get('n')).toBe('two')
  })
})
