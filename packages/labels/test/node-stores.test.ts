import { openDatabase } from '@avocet/sqlite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createMemoryLabelStore } from '../src/server/index.ts'
import { openLabelStore } from '../src/sqlite/index.ts'
import { testStore } from './store-conformance.ts'
import { keypair, signed } from './support.ts'

testStore('memory', (clock) => ({
  store: createMemoryLabelStore({ now: () => clock.now }),
  reopen: null,
  close: () => {},
}))

for (const scanRows of [undefined, 5]) {
  testStore(
    `SQLite${scanRows === undefined ? '' : `, which looks at ${scanRows} rows at a time`}`,
    (clock) => {
      const folder = mkdtempSync(join(tmpdir(), 'labels-'))
      const path = join(folder, 'labels.db')
      const options = { now: () => clock.now, ...(scanRows === undefined ? {} : { scanRows }) }
      let db = openDatabase({ path })
      return {
        store: openLabelStore(db, options),
        reopen: () => {
          db.close()
          db = openDatabase({ path })
          return openLabelStore(db, options)
        },
        close: () => {
          db.close()
          rmSync(folder, { recursive: true })
        },
      }
    },
  )
}

describe('labels in SQLite', () => {
  const statement = async (val: string) => ({ label: await signed({ val }), key: keypair.didKey })

  test('a write that fails leaves nothing, and its numbers are given to the next', async () => {
    using db = openDatabase({ path: ':memory:' })
    const store = openLabelStore(db)
    await store.write({ append: [await statement('a')] })
    const bad = { ...(await statement('b')), label: { ...(await signed()), cts: null as never } }
    await expect(store.write({ append: [await statement('c'), bad] })).rejects.toThrow('NOT NULL')
    expect(store.bounds()).toEqual({ oldest: 1, newest: 1 })
    expect(await store.write({ append: [await statement('d')] })).toEqual([2])
  })

  test('the stream shows nothing that is not on the disk', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'labels-'))
    try {
      using db = openDatabase({ path: join(folder, 'labels.db') })
      const store = openLabelStore(db)
      let shown: unknown = null
      // Between the commit and its hooks a read on the same handle sees the row.
      const written = store.write({ append: [await statement('a')] })
      await db.write(() => {
        shown = [store.bounds(), store.read(0, 10), db.prepare('SELECT count(*) AS n FROM label').get()]
      })
      expect(shown).toEqual([{ oldest: 1, newest: 0 }, [], { n: 1 }])
      await written
      expect(store.bounds()).toEqual({ oldest: 1, newest: 1 })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('refuses a counter that is behind its labels', async () => {
    using db = openDatabase({ path: ':memory:' })
    await openLabelStore(db).write({ append: [await statement('a')] })
    db.transaction(() => db.prepare('UPDATE label_log SET newest = 0').run())
    expect(() => openLabelStore(db)).toThrow(expect.objectContaining({ code: 'store-corrupt' }))
  })

  test('a broad pattern looks at a bounded number of rows', async () => {
    using db = openDatabase({ path: ':memory:' })
    const store = openLabelStore(db, { scanRows: 10 })
    const base = await signed()
    const append = Array.from({ length: 100 }, (_, i) => ({
      label: { ...base, uri: `at://did:web:${i < 95 ? 'a' : 'b'}.example/x/${i}` as never },
      key: keypair.didKey,
    }))
    await store.write({ append })
    const broad = { uris: [], prefixes: ['at://did:web:'], after: 0, limit: 50 }
    expect(await store.find(broad)).toMatchObject({ next: 10, labels: { length: 10 } })
    // Few, so that the index finds them at once.
    const few = { uris: [], prefixes: ['at://did:web:b'], after: 0, limit: 50 }
    expect(await store.find(few)).toMatchObject({ next: null, labels: { length: 5 } })
    const many = Array.from({ length: 11 }, (_, i) => `at://did:web:a.example/x/${i + 50}`)
    // Each one alone, and together too many to be sorted.
    expect(await store.find({ ...few, uris: many, prefixes: [] })).toMatchObject({ next: 10, labels: [] })
    expect(await store.find({ ...few, uris: many.slice(1), prefixes: [] })).toMatchObject({ next: null })
    // Together with others they are not.
    const both = { ...few, prefixes: ['at://did:web:a', 'at://did:web:b'], after: 90 }
    expect(await store.find(both)).toMatchObject({ next: null, labels: { length: 10 } })
    expect(await store.find({ ...both, prefixes: ['at://did:web:b', 'at:'], after: 0 })).toMatchObject({
      next: 10,
    })
  })
})
