import { expect, it } from 'vitest'
import { openDatabase } from '../src/database.ts'
import { migrate, schemaVersions } from '../src/migrate.ts'

it('applies each script once, per name', () => {
  using db = openDatabase({ path: ':memory:' })
  migrate(db, 'a', ['CREATE TABLE a1 (x)'])
  migrate(db, 'b', ['CREATE TABLE b1 (x)', 'CREATE TABLE b2 (x)'])
  migrate(db, 'a', ['CREATE TABLE a1 (x)', 'CREATE TABLE a2 (x)'])
  migrate(db, 'a', ['CREATE TABLE a1 (x)', 'CREATE TABLE a2 (x)'])
  expect(db.prepare('SELECT name, version FROM schema_versions ORDER BY name').all()).toEqual([
    { name: 'a', version: 2 },
    { name: 'b', version: 2 },
  ])
})

it('writes nothing where all is in its newest version', () => {
  using db = openDatabase({ path: ':memory:' })
  const changes = (): unknown => db.prepare('SELECT total_changes() AS n').get()
  migrate(db, 'a', ['CREATE TABLE a1 (x)'])
  const before = changes()
  migrate(db, 'a', ['CREATE TABLE a1 (x)'])
  expect(changes()).toEqual(before)
})

it('leaves nothing of a migration that fails', () => {
  using db = openDatabase({ path: ':memory:' })
  expect(() => migrate(db, 'a', ['CREATE TABLE a1 (x)', 'CREATE TABLE a1 (x)'])).toThrow(/already exists/)
  migrate(db, 'a', ['CREATE TABLE a1 (x)'])
})

it('refuses a database that is newer than the program', () => {
  using db = openDatabase({ path: ':memory:' })
  migrate(db, 'a', ['CREATE TABLE a1 (x)', 'CREATE TABLE a2 (x)'])
  expect(() => migrate(db, 'a', ['CREATE TABLE a1 (x)'])).toThrow(
    expect.objectContaining({ name: 'SqliteError', code: 'newer-schema' }),
  )
})

it('tells the versions of all parts, of those without tables too', () => {
  using db = openDatabase({ path: ':memory:' })
  expect(schemaVersions(db)).toEqual(new Map())
  migrate(db, 'a', [])
  migrate(db, 'b', ['CREATE TABLE b1 (x)'])
  expect(schemaVersions(db)).toEqual(
    new Map([
      ['a', 0],
      ['b', 1],
    ]),
  )
})
