// The whole, from a folder of lexicons to typed answers over HTTP; and indexes that are built by a process that is killed again and again.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startHost } from './support/host.ts'
import { eventually as within, query, startIndexer } from './support/indexer.ts'
import { documents, NOTE } from './support/notes.ts'
import { openTables, opOf } from './support/tables.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lexicons-'))
  mkdirSync(join(folder, 'lexicons', 'com', 'example'), { recursive: true })
  write()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const write = (stricter = false): void => {
  for (const [i, document] of documents(stricter).entries()) {
    writeFileSync(join(folder, 'lexicons', 'com', 'example', `${i}.json`), JSON.stringify(document))
  }
}
const LIST = `${NOTE}.listRecords`
const eventually = <T>(probe: () => T | Promise<T>): Promise<NonNullable<T>> => within(probe, 50_000)

test.each([0, 1])(
  'records of own lexicons are judged, indexed and listed, with %i threads',
  async (workers) => {
    await using host = await startHost()
    const ada = await host.createAccount('ada')
    const create = (rkey: string, fields: object): Promise<unknown> =>
      host.write(ada, [
        {
          action: 'create',
          collection: NOTE,
          rkey,
          record: { $type: NOTE, createdAt: '2026-01-01T00:00:00Z', ...fields },
        },
      ])
    await create('early', { title: 'before it started' })
    const config = { dataFolder: join(folder, 'data'), lexicons: [join(folder, 'lexicons')], workers }
    {
      await using indexer = await startIndexer(host, config)
      await create('one', { title: 'one' })
      await create('wrong', { title: 5 })
      const uris = async (): Promise<string[]> =>
        (await query(indexer, LIST, { createdAtFrom: '2026-01-01T00:00:00Z' })).body['records'].map(
          ({ uri }: { uri: string }) => uri.split('/').at(-1),
        )
      await eventually(
        async () =>
          (await query(indexer, 'com.atproto.repo.listRecords', { repo: ada.did, collection: NOTE })).body[
            'records'
          ]?.length === 3,
      )
      expect((await uris()).toSorted()).toEqual(['early', 'one'])
      expect((await query(indexer, LIST, { title: 'one' })).body).toMatchObject({ error: 'InvalidRequest' })
    }
    // With a stricter lexicon and another index, after a restart.
    write(true)
    const indexes = [{ collection: NOTE, indexes: ['title+createdAt'] }]
    await using indexer = await startIndexer(host, { ...config, indexes })
    await eventually(async () => (await query(indexer, LIST, { title: 'one' })).body['records']?.length === 1)
    await eventually(
      async () => (await query(indexer, `${NOTE}.countRecords`, { titleExists: 'true' })).body['count'] === 1,
    )
    expect((await query(indexer, LIST, {})).body).toMatchObject({ error: 'IndexRequired' })
  },
  180_000,
)

test('lexicons and indexes that do not fit are told at the start', async () => {
  await using host = await startHost()
  const start = (config: object): Promise<unknown> => startIndexer(host, config)
  await expect(start({ lexicons: [join(folder, 'nothing')] })).rejects.toMatchObject({ code: 'bad-config' })
  await expect(start({ indexes: [{ collection: NOTE, indexes: ['title'] }] })).rejects.toThrow(
    'give it with --lexicons',
  )
  writeFileSync(join(folder, 'lexicons', 'twice.json'), JSON.stringify(documents()[0]))
  await expect(start({ lexicons: [join(folder, 'lexicons')] })).rejects.toThrow('twice')
})

const KILLS = process.env['AVOCET_CRASH'] === '1' ? 10 : 3

test(`an index is whole though its builder is killed ${KILLS} times`, async () => {
  const data = join(folder, 'data')
  const records = 12_000
  {
    using tables = openTables(undefined, documents(), data)
    tables.db.transaction(() => {
      for (let i = 0; i < records; i++) {
        tables.commit(`did:web:a${i % 7}.example`, [
          opOf('create', `${NOTE}/k${i}`, {
            $type: NOTE,
            createdAt: new Date(i * 1000).toISOString(),
            stars: i % 5,
          }),
        ])
      }
    })
  }
  const main = new URL('../src/main.ts', import.meta.url).pathname
  const run = () =>
    spawn(
      process.execPath,
      [
        main,
        'run',
        '--data',
        data,
        '--port',
        '0',
        '--no-backfill',
        '--everything',
        '--source',
        'ws://127.0.0.1:9',
        '--allow-loopback',
        '--lexicons',
        join(folder, 'lexicons'),
        '--index',
        `${NOTE}:createdAt,stars+createdAt`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
  const progress = (): number => {
    using tables = openTables(undefined, documents(), data)
    return (tables.one('SELECT coalesce(sum(done), 0) AS n FROM projection_indexes') as { n: number }).n
  }
  const seen: number[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    const child = run()
    for await (const chunk of child.stdout) if (String(chunk).includes('building')) break
    await delay(20 + 15 * kill)
    child.kill('SIGKILL')
    await once(child, 'exit')
    seen.push(progress())
  }
  // Killed while it was at it, and never thrown back.
  expect(seen.some((done) => done > 0 && done < 2 * records)).toBe(true)
  expect(seen).toEqual(seen.toSorted((a, b) => a - b))
  const child = run()
  let said = ''
  for await (const chunk of child.stdout) {
    said += String(chunk)
    if (/stars\+createdAt building: done/.test(said)) break
  }
  child.kill('SIGKILL')
  await once(child, 'exit')
  using tables = openTables(undefined, documents(), data)
  const expected = tables.db
    .prepare('SELECT id FROM records ORDER BY id')
    .all()
    .map(({ id }) => id)
  const found = (place: number) =>
    tables.db
      .prepare('SELECT record AS id FROM projections WHERE place = ? ORDER BY record')
      .all(place)
      .map(({ id }) => id)
  const ofNotes = tables.projections.list().filter(({ collection }) => collection === NOTE)
  expect(ofNotes).toHaveLength(2)
  for (const { id, state } of ofNotes) expect([state, found(id)]).toEqual(['ready', expected])
}, 120_000)
