import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, openDatabase } from '@avocet/sqlite'
import { expect, it } from 'vitest'
import { createMemoryState } from '../src/index.ts'
import { openState } from '../src/sqlite.ts'
import { describeState, repo } from './state-conformance.ts'

describeState('memory', async () => ({
  state: createMemoryState(),
  reopen: async () => null,
  close: async () => {},
}))

describeState<Database>('sqlite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-state-'))
  const path = join(folder, 'state.sqlite')
  let db = openDatabase({ path })
  return {
    state: openState(db),
    reopen: async () => {
      db.close()
      db = openDatabase({ path })
      return openState(db)
    },
    close: async () => {
      db.close()
      rmSync(folder, { recursive: true })
    },
  }
})

it('sqlite: the app’s rows join the transaction, and a promise is refused', async () => {
  using db = openDatabase({ path: ':memory:' })
  db.raw.exec('CREATE TABLE mine (n INTEGER PRIMARY KEY)')
  const state = openState(db)
  await state.save({ repo: repo() }, (tx) => void tx.prepare('INSERT INTO mine VALUES (1)').run())
  const twice = state.save(
    { repo: repo({ attempts: 5 }) },
    (tx) => void tx.prepare('INSERT INTO mine VALUES (1)').run(),
  )
  await expect(twice).rejects.toThrow('UNIQUE')
  await expect(state.save({ repo: repo({ attempts: 6 }) }, async () => {})).rejects.toMatchObject({
    code: 'async-transaction',
  })
  expect(db.prepare('SELECT attempts FROM repos').all()).toEqual([{ attempts: 0 }])
})

it('sqlite: the state of the first version is taken over; a resync that was under way is half', async () => {
  using db = openDatabase({ path: ':memory:' })
  db.raw.exec(`
    CREATE TABLE schema_versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID, STRICT;
    INSERT INTO schema_versions VALUES ('firehose-state', 1);
    CREATE TABLE repos (did TEXT PRIMARY KEY, rev TEXT, data BLOB, status TEXT NOT NULL, reason TEXT, next_try INTEGER,
      attempts INTEGER NOT NULL, upstream_status TEXT NOT NULL, local_status TEXT NOT NULL, last_source TEXT,
      last_seq INTEGER) STRICT, WITHOUT ROWID;
    CREATE INDEX repos_due ON repos (next_try) WHERE next_try IS NOT NULL;
    CREATE INDEX repos_status ON repos (status) WHERE status <> 'synchronized';
    CREATE TABLE cursors (source TEXT PRIMARY KEY, seq INTEGER NOT NULL, high INTEGER NOT NULL) STRICT;
    CREATE TABLE queued_frames (id INTEGER PRIMARY KEY AUTOINCREMENT, did TEXT NOT NULL, source TEXT NOT NULL,
      seq INTEGER NOT NULL, frame BLOB NOT NULL) STRICT;
    CREATE INDEX queued_frames_did ON queued_frames (did, id);
    INSERT INTO cursors VALUES ('s', 7, 9);`)
  const old = db.prepare(
    `INSERT INTO repos VALUES (?, '3mptbypluud2a', NULL, ?, ?, ?, 0, 'active', 'active', 's', 5)`,
  )
  old.run('did:web:whole.example', 'synchronized', null, null)
  old.run('did:web:broken.example', 'desynchronized', 'chain-since', 5)
  old.run('did:web:reading.example', 'resyncing', 'first-sighting', 5)
  old.run('did:web:draining.example', 'resyncing', 'draining', 5)
  const state = openState(db)
  const shown = (await state.find({ after: null }, 9)).map((item) => [
    item.did,
    item.status,
    item.phase,
    item.priority,
    item.filter,
    item.confirmedAt,
  ])
  expect(shown).toEqual([
    ['did:web:broken.example', 'desynchronized', null, 0, '', null],
    ['did:web:draining.example', 'resyncing', 'draining', 3, '', null],
    ['did:web:reading.example', 'resyncing', 'applying', 3, '', null],
    ['did:web:whole.example', 'synchronized', null, 3, '', null],
  ])
  expect((await state.find({ due: 5, priority: 0 }, 9)).map((item) => item.did)).toEqual([
    'did:web:broken.example',
  ])
  expect(await state.loadCursor('s')).toEqual({ source: 's', seq: 7, high: 9, numbering: 0, gapAt: null })
})
