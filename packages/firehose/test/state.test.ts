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
