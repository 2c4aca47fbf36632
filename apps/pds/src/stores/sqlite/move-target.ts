import { existsSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'

import { openRepoServerStore } from '@avocet/repo-server/sqlite'
import { openDatabase, type Database } from '@avocet/sqlite'

import { DATABASE_FILE, MOVING_FILE, refuseForeignData } from '../../config/data-directory.ts'
import type { PdsConfig } from '../../config/config.ts'
import { DataDirectoryError, prepareDataDirectory } from '../../config/secrets.ts'
import { LOCK, lockDataDirectory } from '../../config/server-lock.ts'
import type { MoveMark, MovedCounters, MovedRow, MoveTarget } from '../move-end.ts'
import { MARK_TABLE } from '../moved-tables.ts'
import { countRows, foreignTables, insertRows, readCounters, readPages } from './move-rows.ts'
import { migrateSchema, SCHEMA } from './upgrade.ts'

/** Ids that a repository has for its blocks: those of `@avocet/repo-sqlite`, and the last repository that has some. */
const IDS_PER_REPO = 2 ** 31
const MAX_REPO = 2 ** 22 - 1

/**
 * A data directory to move a database to; it is locked. The rows go to a file beside the database's place, which takes that place
 * when all is compared: no server starts on the half of it.
 * @param config that of the server there
 * @param look nothing is made
 * @throws DataDirectoryError
 */
export function openSqliteTarget(config: PdsConfig, look: boolean): MoveTarget {
  const { dataDirectory: folder } = config
  const path = join(folder, MOVING_FILE)
  using opened = new DisposableStack()
  if (!look) prepareDataDirectory(folder)
  if (existsSync(folder)) {
    refuseOthers(config)
    if (!look || existsSync(join(folder, LOCK))) opened.use(lockDataDirectory(folder))
  }
  let db: Database | null = null
  const database = (): Database => {
    // What a power cut takes is copied again: the mark goes with it. `finish` waits for the disk.
    db ??= openDatabase({ path, synchronous: 'normal', cacheSize: 64 * 1024 * 1024 })
    return db
  }
  opened.defer(() => db?.close())
  const kept = opened.move()
  const nextIds = new Map<number, number>()

  const readMark = (): MoveMark | null => {
    if (!existsSync(path) || statSync(path).size + walSize(path) === 0) return null
    const found = database()
      .prepare(`SELECT count(*) AS n FROM sqlite_schema WHERE name = '${MARK_TABLE}'`)
      .get()
    if (found!['n'] === 0) return null
    const row = database().prepare(`SELECT value FROM ${MARK_TABLE} WHERE id = 1`).get()
    return row === undefined ? null : (JSON.parse(row['value'] as string) as MoveMark)
  }
  const putMark = (mark: MoveMark): void => {
    database()
      .prepare(`INSERT OR REPLACE INTO ${MARK_TABLE} (id, value) VALUES (1, ?)`)
      .run(JSON.stringify(mark))
  }
  /** Blocks of a repository lie side by side, and are found by their digests. */
  const insertBlocks = (rows: readonly MovedRow[]): void => {
    const insert = database().prepare(
      'INSERT INTO repo_block (id, repo, digest, refs, rev, bytes) VALUES (?, ?, ?, ?, ?, ?)',
    )
    const place = database().prepare('INSERT INTO repo_block_place (repo, digest, block) VALUES (?, ?, ?)')
    for (const [repo, digest, refs, rev, bytes] of rows as [
      number,
      Uint8Array,
      number,
      string,
      Uint8Array,
    ][]) {
      if (repo > MAX_REPO) throw new RangeError(`SQLite has no ids for so many repositories; repo=${repo}`)
      const id = nextIds.get(repo) ?? idAfterLast(database(), repo)
      // They come one repository after the other.
      if (!nextIds.has(repo)) nextIds.clear()
      nextIds.set(repo, id + 1)
      insert.run(id, repo, digest, refs, rev, bytes)
      place.run(repo, digest, id)
    }
  }

  return {
    name: join(folder, DATABASE_FILE),
    schema: JSON.stringify(SCHEMA),
    count: (table) => Promise.resolve(countRows(database(), table)),
    bytes: () => Promise.resolve(statSync(path).size),
    pages: (table, after) => readPages(database(), table, after),
    counters: () => Promise.resolve(readCounters(database())),
    foreignTables: () => Promise.resolve(foreignTables(database())),
    mark: () => Promise.resolve(readMark()),
    // What is not the work of a move was refused at the start.
    occupied: () => Promise.resolve(null),
    free: () => {
      if (!existsSync(folder)) return Promise.resolve(null)
      const { bavail, bsize } = statfsSync(folder)
      return Promise.resolve(bavail * bsize)
    },
    begin: (mark) => {
      const made = database()
      made.raw.exec(
        `CREATE TABLE IF NOT EXISTS ${MARK_TABLE} (id INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT`,
      )
      putMark(mark)
      // The same as a server's first start: only there does every package make its tables.
      openRepoServerStore(made)
      migrateSchema(made)
      return Promise.resolve()
    },
    write: (table, rows, mark) => {
      database().transaction(() => {
        if (table.name === 'repo_block') insertBlocks(rows)
        else insertRows(database(), table, rows)
        putMark(mark)
      })
      return Promise.resolve()
    },
    settle: (counters, mark) => {
      database().transaction(() => {
        settleRows(database(), counters)
        putMark(mark)
      })
      return Promise.resolve()
    },
    faults: () => Promise.resolve(faultsOf(database())),
    finish: async () => {
      // Copies the log into the file.
      database().close()
      {
        await using file = await open(path, 'r')
        await file.sync()
      }
      const place = join(folder, DATABASE_FILE)
      await rename(path, place)
      {
        await using directory = await open(folder, 'r')
        await directory.sync()
      }
      // From here on it is a server's. Cut off before this, it has a table more, which nobody reads.
      using made = openDatabase({ path: place })
      made.transaction(() => made.raw.exec(`DROP TABLE ${MARK_TABLE}`))
    },
    clear: () => {
      db?.close()
      db = null
      for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
      return Promise.resolve()
    },
    [Symbol.asyncDispose]: () => Promise.resolve(kept.dispose()),
  }
}

/** @throws DataDirectoryError unless the folder may become the data directory of a server on SQLite */
function refuseOthers(config: PdsConfig): void {
  const { dataDirectory } = config
  const names = readdirSync(dataDirectory)
  if (names.includes(DATABASE_FILE)) {
    throw new DataDirectoryError(
      `there is a database already where it is to be moved to; path=${join(dataDirectory, DATABASE_FILE)}\n` +
        'Give another folder, or put what is there aside first: it is not overwritten',
    )
  }
  refuseForeignData(config, { ownBlobs: false, beforeMove: true })
}

/** The first id that is free for a block of a repository. */
function idAfterLast(db: Database, repo: number): number {
  const first = repo * IDS_PER_REPO
  const row = db
    .prepare('SELECT max(id) AS last FROM repo_block WHERE id >= ? AND id < ?')
    .get(first, first + IDS_PER_REPO)
  return row!['last'] === null ? first : (row!['last'] as number) + 1
}

function settleRows(db: Database, { newest, oldest, audit }: MovedCounters): void {
  db.raw.exec(
    `UPDATE repo SET placed = coalesce((SELECT max(id) + 1 FROM repo_block
       WHERE id >= repo.id * ${IDS_PER_REPO} AND id < (repo.id + 1) * ${IDS_PER_REPO}), 0)`,
  )
  db.prepare(
    'UPDATE event_log SET newest = ?, oldest = ?, bytes = (SELECT coalesce(sum(size), 0) FROM event) WHERE id = 1',
  ).run(newest, oldest)
  db.prepare("DELETE FROM sqlite_sequence WHERE name = 'audit'").run()
  db.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('audit', ?)").run(audit)
}

function faultsOf(db: Database): string[] {
  const pages = db
    .prepare('PRAGMA quick_check(5)')
    .all()
    .map((row) => String(row['quick_check']))
    .filter((found) => found !== 'ok')
  const references = db
    .prepare('PRAGMA foreign_key_check')
    .all()
    .map((row) => `a row of ${String(row['table'])} refers to one that is not there`)
  const lost = db
    .prepare(
      `SELECT count(*) AS n FROM repo_block AS b WHERE NOT EXISTS (
         SELECT 1 FROM repo_block_place AS p WHERE p.repo = b.repo AND p.digest = b.digest AND p.block = b.id)`,
    )
    .get()!['n'] as number
  return [...pages, ...references.slice(0, 5), ...(lost > 0 ? [`${lost} blocks are not in their index`] : [])]
}

function walSize(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
}
