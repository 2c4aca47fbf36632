// Repos and collections that are added and removed while it runs.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Indexer } from '../src/app.ts'
import { type Host, post, startHost, type TestAccount } from './support/host.ts'
import { eventually, indexed, startIndexer } from './support/indexer.ts'

const create = (collection: string, rkey: string) => ({
  action: 'create' as const,
  collection,
  rkey,
  record: { ...post(rkey), $type: collection, subject: 'at://did:web:a.example/x.y.z/1' },
})
const NOTE = 'com.example.note'
const LIKE = 'com.example.like'

let host: Host
let folder: string
let indexer: Indexer | undefined
beforeEach(async () => {
  host = await startHost()
  folder = mkdtempSync(join(tmpdir(), 'avocet-indexer-'))
})
afterEach(async () => {
  await indexer?.close()
  indexer = undefined
  await host[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const start = async (config: Parameters<typeof startIndexer>[1] = {}): Promise<Indexer> => {
  await indexer?.close()
  indexer = await startIndexer(host, { dataFolder: folder, ...config })
  return indexer
}
const count = (sql: string, ...args: string[]): number => {
  const db = new DatabaseSync(join(folder, 'indexer.sqlite'), { readOnly: true })
  try {
    return Number(db.prepare(sql).get(...args)?.['n'])
  } finally {
    db.close()
  }
}
const LEFT = `SELECT (SELECT count(*) FROM records) + (SELECT count(*) FROM links) + (SELECT count(*) FROM contents) AS n`
const all = async ({ did }: TestAccount): Promise<string[]> =>
  [...(await indexed(indexer!, did)).keys()].toSorted()

describe('repos', () => {
  test('one that is removed goes with all that there is of it, and what it writes does not bring it back', async () => {
    const [ada, ben] = [await host.createAccount('ada'), await host.createAccount('ben')]
    const { repos } = await start()
    await host.write(ada, [create(NOTE, 'a'), create(LIKE, 'b')])
    await host.write(ben, [create(NOTE, 'c')])
    await eventually(async () => (await all(ada)).length === 2 && (await all(ben)).length === 1)
    expect(await repos.remove([ada.did])).toEqual({ ok: true, value: { count: 1 } })
    await eventually(() => count('SELECT count(*) AS n FROM removals') === 0)
    await host.write(ada, [create(NOTE, 'd')])
    await host.write(ben, [create(NOTE, 'e')])
    await eventually(async () => (await all(ben)).length === 2)
    const rest = 'SELECT count(*) AS n FROM repos WHERE did = ?'
    expect([
      count(rest, ada.did),
      count('SELECT count(*) AS n FROM accounts WHERE did = ?', ada.did),
    ]).toEqual([0, 0])
    expect(count(LEFT)).toBe(4)
    expect(indexer!.status().totals.records).toBe(2)
    // Nor does a restart, whose lists name it.
    const lists = host.requests.listRepos
    await start()
    await host.write(ada, [create(NOTE, 'f')])
    await host.write(ben, [create(NOTE, 'g')])
    await eventually(async () => (await all(ben)).length === 3)
    await eventually(() => host.requests.listRepos > lists)
    expect(count(rest, ada.did)).toBe(0)
  })

  test('when that is answered, nothing of it is taken any more', async () => {
    const people = await Promise.all(['ada', 'ben', 'cyd'].map((name) => host.createAccount(name)))
    const { repos } = await start()
    for (const one of people) await host.write(one, [create(NOTE, 'a')])
    await eventually(async () => (await Promise.all(people.map(all))).flat().length === 3)
    for (const { did } of people) {
      await repos.remove([did])
      expect(count('SELECT count(*) AS n FROM repos WHERE did = ?', did)).toBe(0)
    }
  })

  test('one that was being removed when the process ended is followed no more after the next start', async () => {
    const ada = await host.createAccount('ada')
    await start()
    await host.write(ada, [create(NOTE, 'a')])
    await eventually(async () => (await all(ada)).length === 1)
    await indexer!.close()
    const db = new DatabaseSync(join(folder, 'indexer.sqlite'))
    db.prepare("INSERT INTO choices VALUES ('repo', ?, 0, 5)").run(ada.did)
    db.prepare("INSERT INTO removals VALUES ('repo', ?, 0)").run(ada.did)
    db.close()
    await start()
    await eventually(() => count('SELECT count(*) AS n FROM removals') === 0)
    expect(count('SELECT count(*) AS n FROM repos')).toBe(0)
    expect(count(LEFT)).toBe(0)
  })

  test('one that is added again is read whole, also while it is still being removed', async () => {
    const ada = await host.createAccount('ada')
    const { repos } = await start()
    await host.write(
      ada,
      Array.from({ length: 200 }, (_, i) => create(NOTE, `n${i}`)),
    )
    await host.write(
      ada,
      Array.from({ length: 200 }, (_, i) => create(LIKE, `n${i}`)),
    )
    await eventually(async () => (await all(ada)).length === 400)
    const there = await host.records(ada)
    for (let round = 0; round < 3; round++) {
      await Promise.all([repos.remove([ada.did]), repos.add([ada.did])])
      await eventually(async () => (await all(ada)).length === 400)
    }
    await eventually(() => indexer!.status().repos.synchronized === 1)
    expect(await indexed(indexer!, ada.did)).toEqual(there)
    expect(indexer!.status().totals.records).toBe(400)
    expect(count('SELECT count(*) AS n FROM removals')).toBe(0)
  })

  test('what is no DID, and too much at once, is refused whole', async () => {
    const ada = await host.createAccount('ada')
    const { repos } = await start()
    const many = Array.from({ length: 10_001 }, (_, i) => `did:web:a${i}.example`)
    for (const dids of [[], [ada.did, 'ada.test'], many]) {
      expect(await repos.remove(dids)).toMatchObject({ ok: false, error: { code: 'invalid' } })
      expect(await repos.add(dids)).toMatchObject({ ok: false, error: { code: 'invalid' } })
    }
    expect(count('SELECT count(*) AS n FROM choices')).toBe(0)
  })
})

describe('collections', () => {
  test('whoever is named stays when nothing that is wanted is left of it; others go', async () => {
    const [ada, ben] = [await host.createAccount('ada'), await host.createAccount('ben')]
    const { collections } = await start({ collections: [NOTE, LIKE], repos: [ada.did] })
    for (const one of [ada, ben]) await host.write(one, [create(LIKE, 'a')])
    await eventually(async () => (await all(ada)).length === 1 && (await all(ben)).length === 1)
    await eventually(() => indexer!.status().repos.synchronized === 2)
    expect(await collections.remove([LIKE])).toMatchObject({ ok: true })
    await eventually(() => count('SELECT count(*) AS n FROM removals') === 0)
    const rest = 'SELECT count(*) AS n FROM repos WHERE did = ?'
    expect([count(LEFT), count(rest, ada.did), count(rest, ben.did)]).toEqual([0, 1, 0])
  })

  test('two changes at once are both made, and the last one is not removed', async () => {
    const { collections } = await start({ collections: [NOTE] })
    const [one, other] = ['a.b.c', 'd.e.f']
    await Promise.all([collections.add([one]), collections.add([other]), collections.remove([NOTE])])
    expect(collections.list()).toEqual([one, other])
    const both = await Promise.all([collections.remove([one]), collections.remove([other])])
    expect(both).toMatchObject([{ ok: true }, { ok: false, error: { code: 'refused' } }])
    expect(collections.list()).toEqual([other])
  })
})
