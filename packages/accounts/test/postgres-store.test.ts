import { openDatabase, type PostgresDatabase } from '@avocet/postgres'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, describe, expect, it } from 'vitest'

import { requireApplied } from '../src/index.ts'
import { openAccountStore } from '../src/postgres.ts'
import { account, ALICE, APPLIED, BOB, code, factor, invite, refused, session, spend } from './changes.ts'
import { describeAccountStore } from './store-conformance.ts'
import type { StoreFixture } from './store-fixture.ts'
import { describeAccountRaces } from './store-races.ts'

const server = await startPostgres()
let schemas = 0

/** A schema of its own, and as many pools of connections on it as are asked for. */
async function openPools(count: number): Promise<PostgresDatabase[]> {
  const schema = `accounts_${process.pid}_${schemas++}`
  await using admin = openDatabase({ url: server!.url, poolSize: 1 })
  await admin.query(`CREATE SCHEMA ${schema}`)
  return Array.from({ length: count }, () => openDatabase({ url: server!.url, schema, poolSize: 5 }))
}

async function open(): Promise<StoreFixture> {
  const [first, second] = await openPools(2)
  return {
    store: await openAccountStore(first!),
    other: await openAccountStore(second!),
    close: async () => {
      await Promise.all([first!.close(), second!.close()])
    },
  }
}

describe.skipIf(server === null)('postgres', () => {
  afterAll(() => server?.close())

  describeAccountStore('postgres', open)
  describeAccountRaces('postgres', open)

  it('applies changes beside others in one transaction', async () => {
    const [db] = await openPools(1)
    await using _ = db!
    const store = await openAccountStore(db!)
    await db!.query('CREATE TABLE mark (text text)')
    const note = (inviteNote: string) => ({ type: 'updateAccount', did: ALICE, set: { inviteNote } }) as const

    await db!.transaction(async (tx) => {
      await tx.query(`INSERT INTO mark VALUES ('applied')`)
      requireApplied(await store.applyIn(tx, [account(ALICE)]))
    })
    // What is not applied leaves the rest alone, unless whoever composed it says otherwise.
    const outcome = await db!.transaction(async (tx) => {
      await tx.query(`INSERT INTO mark VALUES ('beside')`)
      return store.applyIn(tx, [note('lost'), account(BOB, { handle: 'a.example.com' })])
    })
    expect(outcome).toEqual(refused('handle-taken'))
    const failed = db!.transaction(async (tx) => {
      requireApplied(await store.applyIn(tx, [note('lost too')]))
      await tx.query(`INSERT INTO mark VALUES ('lost')`)
      requireApplied(await store.applyIn(tx, [account(ALICE)]))
    })
    await expect(failed).rejects.toMatchObject({ name: 'AccountError', code: 'account-exists' })
    expect(await db!.query('SELECT text FROM mark ORDER BY text')).toEqual([
      { text: 'applied' },
      { text: 'beside' },
    ])
    expect(await store.accounts.get(ALICE)).toMatchObject({ inviteNote: null })
  })

  it('calls those stale who waited for each other', async () => {
    const [db] = await openPools(1)
    await using _ = db!
    const store = await openAccountStore(db!)
    await store.apply([account(ALICE), account(BOB)])
    const both = [ALICE, BOB].map(
      (did) => ({ type: 'updateAccount', did, set: { inviteNote: 'x' } }) as const,
    )
    // Each holds one account and asks for the other: the server ends one of the two.
    const outcomes = await Promise.all(
      [both, both.toReversed()].map(([first, second], n) =>
        db!.transaction(async (tx) => {
          requireApplied(await store.applyIn(tx, [first!]))
          await met(n)
          return store.applyIn(tx, [second!])
        }),
      ),
    )
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['applied', 'stale'])
  })

  it('lets a factor that is added wait for a sign-in without one, and end it', async () => {
    const [db] = await openPools(1)
    await using _ = db!
    const store = await openAccountStore(db!)
    await store.apply([account(ALICE)])
    const added = Promise.withResolvers<unknown>()
    let isAdded = false
    await db!.transaction(async (tx) => {
      requireApplied(await store.applyIn(tx, [{ type: 'requireNoFactors', did: ALICE }, session('s')]))
      // Another process, while this one has not committed yet.
      const adding = store.apply([factor('1'), { type: 'endSessions', did: ALICE }])
      added.resolve(adding.then((outcome) => ((isAdded = true), outcome)))
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect(isAdded).toBe(false)
    })
    expect(await added.promise).toEqual(APPLIED)
    expect(await store.sessions.list(ALICE)).toEqual([])
  })

  it('lets a mailed code be spent once, also while the first has not committed yet', async () => {
    const [db] = await openPools(1)
    await using _ = db!
    const store = await openAccountStore(db!)
    await store.apply([account(ALICE), code('ONE')])
    let second: Promise<unknown> | null = null
    await db!.transaction(async (tx) => {
      requireApplied(await store.applyIn(tx, [spend('ONE')]))
      second = store.apply([spend('ONE')])
      await new Promise((resolve) => setTimeout(resolve, 200))
    })
    expect(await second).toEqual(refused('code-invalid'))
  })

  it('passes on errors that have nothing to do with the changes', async () => {
    const [db] = await openPools(1)
    await using _ = db!
    const store = await openAccountStore(db!)
    await db!.query('DROP TABLE invite_code CASCADE')
    await expect(store.apply([invite('x')])).rejects.toMatchObject({ code: '42P01' })
  })
})

/** Resolves when two have come. */
const arrivals = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
async function met(n: number): Promise<void> {
  arrivals[n]!.resolve()
  await Promise.all(arrivals.map(({ promise }) => promise))
}
