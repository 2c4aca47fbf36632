import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { migrate, openDatabase, schemaVersions } from '@avocet/sqlite'
import { describe, expect, it } from 'vitest'

import { buildAndApply, requireApplied } from '../src/index.ts'
import { ACCOUNT_SCHEMA, openAccountStore, readAccounts } from '../src/sqlite.ts'
import { ACCOUNT_MIGRATIONS } from '../src/sqlite-schema.ts'
import { account, ALICE, APPLIED, BOB, refused } from './changes.ts'
import { describeAccountStore } from './store-conformance.ts'
import type { StoreFixture } from './store-fixture.ts'
import { describeAccountRaces } from './store-races.ts'

/** Two handles of one file; with `cached`, the accounts read through the first are remembered. */
const open = async (cached: number): Promise<StoreFixture> => {
  const folder = mkdtempSync(join(tmpdir(), 'accounts-'))
  const path = join(folder, 'accounts.sqlite')
  const first = openDatabase({ path, synchronous: 'normal' })
  const second = openDatabase({ path, synchronous: 'normal' })
  return {
    store: openAccountStore(first, { cached }),
    other: openAccountStore(second, { cached: 0 }),
    close: async () => {
      first.close()
      second.close()
      rmSync(folder, { recursive: true })
    },
  }
}

describeAccountStore('sqlite', () => open(0))
describeAccountStore('sqlite, with its cache', () => open(10))
describeAccountRaces('sqlite', () => open(0))

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('sqlite', () => {
  const note = (inviteNote: string) => ({ type: 'updateAccount', did: ALICE, set: { inviteNote } }) as const

  it('answers at once', () => {
    using db = openDatabase({ path: ':memory:' })
    const store = openAccountStore(db)
    expect(store.applyIn(db, [account(ALICE)])).toEqual(APPLIED)
    expect(store.accounts.get(ALICE)?.handle).toBe('a.example.com')
    expect(store.sessions.list(ALICE)).toEqual([])
  })

  it('applies changes beside others in one transaction', async () => {
    using db = openDatabase({ path: ':memory:' })
    const store = openAccountStore(db)
    db.raw.exec('CREATE TABLE mark (text TEXT)')
    const marks = (): unknown[] =>
      db
        .prepare('SELECT text FROM mark')
        .all()
        .map((row) => row['text'])
    const mark = (text: string): unknown => db.prepare('INSERT INTO mark VALUES (?)').run(text)

    await db.write(() => {
      mark('applied')
      requireApplied(store.applyIn(db, [account(ALICE)]))
    })
    // What is not applied leaves the rest alone, unless whoever composed it says otherwise.
    const outcome = await db.write(() => {
      mark('beside')
      return store.applyIn(db, [note('lost'), account(BOB, { handle: 'a.example.com' })])
    })
    expect(outcome).toEqual(refused('handle-taken'))
    const failed = db.write(() => {
      requireApplied(store.applyIn(db, [note('lost too')]))
      mark('lost')
      requireApplied(store.applyIn(db, [account(ALICE)]))
    })
    await expect(failed).rejects.toMatchObject({ name: 'AccountError', code: 'account-exists' })
    const stale = { ...note('x'), expect: { inviteNote: 'y' } }
    await expect(db.write(() => requireApplied(store.applyIn(db, [stale])))).rejects.toMatchObject({
      code: 'stale',
    })
    expect(marks()).toEqual(['applied', 'beside'])
    expect(store.accounts.get(ALICE)?.inviteNote).toBeNull()
  })

  it('remembers no account of a transaction that is rolled back', async () => {
    using db = openDatabase({ path: ':memory:' })
    const store = openAccountStore(db)
    await store.apply([account(ALICE)])
    expect(store.accounts.get(ALICE)?.inviteNote).toBeNull()
    const failed = db.write(() => {
      requireApplied(store.applyIn(db, [note('rolled back')]))
      expect(store.accounts.get(ALICE)?.inviteNote).toBe('rolled back')
      throw new Error('rolled back')
    })
    await expect(failed).rejects.toThrow('rolled back')
    expect(store.accounts.get(ALICE)?.inviteNote).toBeNull()
    await store.apply([note('kept')])
    expect(store.accounts.get(ALICE)?.inviteNote).toBe('kept')
  })

  it('remembers as many accounts as it was told', async () => {
    using db = openDatabase({ path: ':memory:' })
    const store = openAccountStore(db, { cached: 1 })
    await store.apply([account(ALICE), account(BOB)])
    const before = store.accounts.get(ALICE)
    expect(store.accounts.get(ALICE)).toBe(before)
    store.accounts.get(BOB)
    expect(store.accounts.get(ALICE)).not.toBe(before)
    expect(store.accounts.get(ALICE)).toEqual(before)
  })

  it('passes on errors that have nothing to do with the changes', async () => {
    using db = openDatabase({ path: ':memory:' })
    const store = openAccountStore(db)
    db.raw.exec('DROP TABLE handle_change')
    const change = { type: 'forgetHandleChange', did: ALICE } as const
    await expect(store.apply([change])).rejects.toThrow('no such table')
    expect(() => store.applyIn(db, [change])).toThrow('no such table')
  })

  it('reads on a handle that may not write', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'accounts-'))
    const path = join(folder, 'accounts.sqlite')
    {
      using db = openDatabase({ path })
      await openAccountStore(db).apply([account(ALICE)])
    }
    using db = openDatabase({ path, readOnly: true })
    expect(readAccounts(db).accounts.byHandle('A.example.com')?.did).toBe(ALICE)
    rmSync(folder, { recursive: true })
  })

  it('waits for the disk before it gives back what was read', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'accounts-'))
    const syncs: (() => void)[] = []
    const disk = {
      fdatasync: (_: number, done: (error: null) => void) => void syncs.push(() => done(null)),
      fdatasyncSync: () => {},
    }
    using db = openDatabase({ path: join(folder, 'accounts.sqlite'), disk })
    const store = openAccountStore(db)
    const kept = store.apply([account(ALICE)])
    while (syncs.length === 0) await turn()
    const read = buildAndApply(store, () => ({ changes: [], value: store.accounts.get(ALICE)?.did }))
    const first = await Promise.race([
      read,
      turn()
        .then(turn)
        .then(() => 'nothing yet'),
    ])
    expect(first).toBe('nothing yet')
    while (syncs.length > 0) {
      syncs.shift()!()
      await turn()
    }
    expect([await kept, await read]).toEqual([APPLIED, ALICE])
    rmSync(folder, { recursive: true })
  })

  it('opens the data of every earlier version', async () => {
    for (let version = 1; version <= ACCOUNT_MIGRATIONS.length; version++) {
      using db = openDatabase({ path: ':memory:' })
      migrate(db, ACCOUNT_SCHEMA.name, ACCOUNT_MIGRATIONS.slice(0, version))
      db.raw.exec(
        `INSERT INTO account (did, handle, password_hash, signing_key, created_at) VALUES
           ('${ALICE}', 'a.example.com', 'hash', x'01', '2026-01-01T00:00:00.000Z');
         INSERT INTO refresh_token (id, did, expires_at) VALUES ('s', '${ALICE}', 1000);`,
      )
      const store = openAccountStore(db)
      expect(schemaVersions(db).get('accounts')).toBe(6)
      expect(store.accounts.get(ALICE)).toMatchObject({
        handle: 'a.example.com',
        invitesDisabled: false,
        emailAuthFactor: false,
      })
      expect(store.secrets.signingKey(ALICE)).toEqual(Uint8Array.of(1))
      expect(store.sessions.list(ALICE)).toHaveLength(1)
      expect(await store.apply([{ type: 'removeAccount', did: ALICE }])).toEqual(APPLIED)
    }
  })
})
