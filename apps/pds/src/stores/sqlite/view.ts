import { readAccounts } from '@avocet/accounts/sqlite'
import { writeCarStream } from '@avocet/car'
import { cidFromBytes, cidFromDigest, type CID } from '@avocet/data'
import { LIVE_SET } from '@avocet/repo-server/sqlite'
import { openDatabase, type Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { some } from '../../terminal.ts'
import type { RepoView, StoresView } from '../view.ts'
import { readAudit } from './audit.ts'

/** The stores in a file, which may be damaged. @throws what SQLite throws */
export function openSqliteView(path: string): StoresView {
  return viewOf(openDatabase({ path, readOnly: true }))
}

/** The stores on a handle, which is closed with the view. */
export function viewOf(db: Database): StoresView {
  const { accounts, secrets } = readAccounts(db)
  return {
    accounts,
    secrets,
    audit: readAudit(db),
    pages: (deep) => {
      const problems = db
        .prepare(deep ? 'PRAGMA integrity_check(20)' : 'PRAGMA quick_check(20)')
        .all()
        .map((row) => String(Object.values(row)[0]))
      if (problems.length !== 1 || problems[0] !== 'ok') throw new Error(some(problems))
      return deep ? 'pages and indexes are sound' : 'pages are sound'
    },
    references: () => {
      const rows = db.prepare('PRAGMA foreign_key_check').all()
      const tables = [...new Set(rows.map((row) => String(row['table'])))]
      if (rows.length > 0) {
        throw new Error(`${rows.length} rows refer to what is not there; in ${some(tables)}`)
      }
      return 'every row that is referred to is there'
    },
    eventLog: () => eventLog(db),
    sample: (count) =>
      db
        .prepare('SELECT did FROM account ORDER BY random() LIMIT ?')
        .all(count)
        .map((row) => row['did'] as Did),
    blobs: (did) =>
      db
        .prepare('SELECT cid, size FROM blob WHERE did = ?')
        .all(did)
        .map((row) => ({ cid: row['cid'] as string, size: row['size'] as number })),
    repository: async (did, look) => {
      // A snapshot: the running server goes on.
      db.raw.exec('BEGIN')
      try {
        return await look(repository(db, did))
      } finally {
        db.raw.exec('ROLLBACK')
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(db.close()),
  }
}

/** Numbers rise, the counter is not below them, and what the window should hold weighs what the counter says. */
function eventLog(db: Database): string {
  const counter = db.prepare('SELECT newest, oldest, bytes FROM event_log WHERE id = 1').get()
  if (counter === undefined) throw new Error('it has no counter')
  const { newest, oldest, bytes } = counter as { newest: number; oldest: number; bytes: number }
  const rows = db.prepare('SELECT min(seq) AS low, max(seq) AS high, sum(size) AS bytes FROM event').get()!
  const low = (rows['low'] as number | null) ?? oldest
  const high = (rows['high'] as number | null) ?? newest
  if (high > newest) throw new Error(`event ${high} is above the counter, ${newest}`)
  if (low < oldest) throw new Error(`event ${low} is below the window, which begins at ${oldest}`)
  const stored = (rows['bytes'] as number | null) ?? 0
  if (stored !== bytes) throw new Error(`its events take ${stored} bytes, the counter says ${bytes}`)
  return `events ${low} to ${newest}`
}

function repository(db: Database, did: Did): RepoView | null {
  const row = db.prepare('SELECT id, rev, head FROM repo WHERE did = ?').get(did)
  if (row === undefined) return null
  const head = cidFromBytes(row['head'] as Uint8Array)
  return {
    rev: row['rev'] as string,
    head,
    car: () => writeCarStream([head], blocksOf(db, row['id'] as number, head)),
    rows: () => {
      const rows = db.prepare(`SELECT collection, rkey, cid FROM record WHERE owner = ${LIVE_SET}`).all(did)
      return new Map(
        rows.map((item) => [`${String(item['collection'])}/${String(item['rkey'])}`, item['cid'] as string]),
      )
    },
    frames: () => frames(db, did),
  }
}

function* frames(db: Database, did: Did): Generator<Uint8Array> {
  for (const row of db.prepare('SELECT frame FROM event WHERE did = ? ORDER BY seq DESC').iterate(did)) {
    yield row['frame'] as Uint8Array
  }
}

/** The blocks of a repository: the commit first, the others as they come. */
function* blocksOf(db: Database, repo: number, head: CID): Generator<{ cid: CID; bytes: Uint8Array }> {
  const digest = head.bytes.subarray(4)
  // As the store finds them, so that one that cannot be found is noticed.
  const places = `(SELECT digest, id AS block FROM repo_block
      WHERE id >= max(?1 * 2147483648, (SELECT placed FROM repo WHERE id = ?1)) AND id < (?1 + 1) * 2147483648
    UNION ALL SELECT digest, block FROM repo_block_place WHERE repo = ?1)`
  const first = db
    .prepare(`SELECT bytes FROM repo_block WHERE id = (SELECT block FROM ${places} WHERE digest = ?2)`)
    .get(repo, digest)
  if (first !== undefined) yield { cid: head, bytes: first['bytes'] as Uint8Array }
  const rows = db
    .prepare(
      `SELECT places.digest, bytes FROM ${places} AS places JOIN repo_block ON id = block
       WHERE refs > 0 AND places.digest <> ?2`,
    )
    .iterate(repo, digest)
  for (const row of rows) {
    yield { cid: cidFromDigest('dag-cbor', row['digest'] as Uint8Array), bytes: row['bytes'] as Uint8Array }
  }
}
