// Labels in SQLite: on the app's own handle, in tables of their own.
import type { DidKey } from '@avocet/crypto'
import { migrate, type Database } from '@avocet/sqlite'
import { LabelsError } from '../error.ts'
import type { SignedLabel } from '../label.ts'
import {
  versionOf,
  type LabelPage,
  type LabelStore,
  type Statement,
  type StoredLabel,
} from '../server/store.ts'

/** Options of {@link openLabelStore}. */
export interface SqliteLabelStoreOptions {
  /** Clock, milliseconds since the epoch. */
  readonly now?: () => number
  /**
   * Rows that one query looks at. Subjects with fewer are found by the index; broader patterns go through the labels in their order,
   * so many at a time. Default 2000.
   */
  readonly scanRows?: number
}

const MIGRATIONS = [
  `CREATE TABLE label_key (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT;
   CREATE TABLE label (
     seq INTEGER PRIMARY KEY,
     time INTEGER NOT NULL,
     src TEXT NOT NULL,
     uri TEXT NOT NULL,
     cid TEXT NOT NULL,
     val TEXT NOT NULL,
     neg INTEGER NOT NULL,
     cts TEXT NOT NULL,
     exp TEXT,
     expires INTEGER,
     sig BLOB NOT NULL,
     key INTEGER NOT NULL REFERENCES label_key (id)
   ) STRICT;
   CREATE UNIQUE INDEX label_slot ON label (uri, val, src, cid);
   CREATE INDEX label_subject ON label (uri, seq);
   CREATE INDEX label_time ON label (time, seq);
   CREATE INDEX label_ending ON label (seq) WHERE neg = 1 OR expires IS NOT NULL;
   CREATE TABLE label_log (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     newest INTEGER NOT NULL,
     oldest INTEGER NOT NULL
   ) STRICT;
   INSERT INTO label_log (id, newest, oldest) VALUES (1, 0, 1);`,
]

const COLUMNS =
  'l.seq, l.src, l.uri, l.cid, l.val, l.neg, l.cts, l.exp, l.sig, k.key FROM label l JOIN label_key k ON k.id = l.key'

const DELETE_SLOT = 'DELETE FROM label WHERE uri = ? AND val = ? AND src = ? AND cid = ?'

/**
 * Opens (and makes, at first) the labels on this handle: tables `label`, `label_key` and `label_log`.
 *
 * @throws LabelsError `store-corrupt` when the labels and their counter disagree
 */
export function openLabelStore(db: Database, options: SqliteLabelStoreOptions = {}): LabelStore {
  const now = options.now ?? Date.now
  const scanRows = options.scanRows ?? 2000
  const listeners = new Set<() => void>()
  migrate(db, 'labels', MIGRATIONS)
  const last = db.prepare('SELECT max(seq) AS seq FROM label').get()!['seq'] as number | null
  if (last !== null && last > readLog(db).newest) {
    throw new LabelsError(
      'store-corrupt',
      `label above the counter; seq=${last} newest=${readLog(db).newest}`,
    )
  }
  // What an earlier process committed may not have reached the disk yet; a commit of our own makes it do so.
  db.transaction(() => db.prepare('UPDATE label_log SET newest = newest').run())
  // A commit can be read on this handle before it is durable. The stream shows nothing that could still be lost with the machine, and
  // its number given out again.
  let durable = readLog(db).newest

  const keyId = (key: DidKey): number => {
    db.prepare('INSERT INTO label_key (key) VALUES (?) ON CONFLICT DO NOTHING').run(key)
    return db.prepare('SELECT id FROM label_key WHERE key = ?').get(key)!['id'] as number
  }

  const append = (statements: readonly Statement[]): number[] => {
    let { newest } = readLog(db)
    const given = statements.map(({ label, key }) => {
      const { src, uri, val, neg, cts, exp, sig } = label
      const cid = versionOf(label)
      db.prepare(DELETE_SLOT).run(uri, val, src, cid)
      newest++
      db.prepare(
        `INSERT INTO label (seq, time, src, uri, cid, val, neg, cts, exp, expires, sig, key)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ).run(
        newest,
        now(),
        src,
        uri,
        cid,
        val,
        neg === true ? 1 : 0,
        cts,
        exp ?? null,
        exp === undefined ? null : Date.parse(exp),
        sig,
        keyId(key),
      )
      return newest
    })
    db.prepare('UPDATE label_log SET newest = ? WHERE id = 1').run(newest)
    db.afterCommit(() => {
      durable = Math.max(durable, newest)
      for (const listener of listeners) listener()
    })
    return given
  }

  const trim = (olderThan: number, at: number, limit: number): number[] => {
    const before = db
      .prepare('SELECT seq FROM label WHERE time < ? ORDER BY time DESC, seq DESC LIMIT 1')
      .get(olderThan)
    if (before === undefined) return []
    const bound = before['seq'] as number
    db.prepare('UPDATE label_log SET oldest = max(oldest, ?) WHERE id = 1').run(bound + 1)
    const rows = db
      .prepare(
        `DELETE FROM label WHERE seq IN (
           SELECT seq FROM label WHERE (neg = 1 OR expires IS NOT NULL) AND seq <= ? AND (neg = 1 OR expires <= ?)
           ORDER BY seq LIMIT ?
         ) RETURNING seq`,
      )
      .all(bound, at, limit)
    return rows.map((row) => row['seq'] as number).toSorted((a, b) => a - b)
  }

  const sign = ({ seq, sig, key }: { seq: number; sig: Uint8Array; key: DidKey }): number[] => {
    const { changes } = db
      .prepare('UPDATE label SET sig = ?, key = ? WHERE seq = ?')
      .run(sig, keyId(key), seq)
    return changes === 0 ? [] : [seq]
  }

  /** The numbers of what a query matches, by the index; null when there are more than are looked at. */
  const matches = (uris: readonly string[], prefixes: readonly string[], after: number): number[] | null => {
    const found = new Set<number>()
    const take = (rows: readonly Record<string, unknown>[]): boolean => {
      for (const row of rows) found.add(row['seq'] as number)
      return rows.length <= scanRows && found.size <= scanRows
    }
    const exact = db.prepare('SELECT seq FROM label WHERE uri = ? AND seq > ? LIMIT ?')
    const range = db.prepare('SELECT seq FROM label WHERE uri >= ? AND uri < ? AND seq > ? LIMIT ?')
    const isFew =
      uris.every((uri) => take(exact.all(uri, after, scanRows + 1))) &&
      // No text that begins so comes after it with the last character of Unicode.
      prefixes.every((prefix) => take(range.all(prefix, `${prefix}\u{10ffff}`, after, scanRows + 1)))
    return isFew ? [...found].toSorted((a, b) => a - b) : null
  }

  const byNumber = (numbers: readonly number[], limit: number): LabelPage => {
    const statement = db.prepare(`SELECT ${COLUMNS} WHERE l.seq = ?`)
    const labels = numbers.slice(0, limit).map((seq) => toStored(statement.get(seq)!))
    return { labels, next: numbers.length > limit ? labels.at(-1)!.seq : null }
  }

  const scan = (
    uris: readonly string[],
    prefixes: readonly string[],
    after: number,
    limit: number,
  ): LabelPage => {
    const exact = new Set(uris)
    const labels: StoredLabel[] = []
    let at = after
    let seen = 0
    for (const row of db
      .prepare(`SELECT ${COLUMNS} WHERE l.seq > ? ORDER BY l.seq LIMIT ?`)
      .iterate(after, scanRows)) {
      if (labels.length === limit) return { labels, next: at }
      const uri = row['uri'] as string
      seen++
      at = row['seq'] as number
      if (exact.has(uri) || prefixes.some((prefix) => uri.startsWith(prefix))) labels.push(toStored(row))
    }
    return { labels, next: seen < scanRows ? null : at }
  }

  return {
    write: (change) =>
      db.write(() => {
        if ('append' in change) return change.append.length === 0 ? [] : append(change.append)
        if ('sign' in change) return change.sign.flatMap(sign)
        return trim(change.trim.olderThan, change.trim.at, change.trim.limit)
      }),

    read(after, count) {
      const from = Math.max(after, readLog(db).oldest - 1)
      return db
        .prepare(`SELECT ${COLUMNS} WHERE l.seq > ? AND l.seq <= ? ORDER BY l.seq LIMIT ?`)
        .all(from, durable, count)
        .map(toStored)
    },

    find: ({ uris, prefixes, after, limit }) =>
      db.read(() => {
        const found = prefixes.includes('') ? null : matches(uris, prefixes, after)
        return found === null ? scan(uris, prefixes, after, limit) : byNumber(found, limit)
      }),

    bounds: () => ({ oldest: readLog(db).oldest, newest: durable }),

    watch(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}

function readLog(db: Database): { readonly oldest: number; readonly newest: number } {
  const row = db.prepare('SELECT oldest, newest FROM label_log WHERE id = 1').get()
  if (row === undefined) throw new LabelsError('store-corrupt', 'labels without a counter')
  return row as { oldest: number; newest: number }
}

function toStored(row: Record<string, unknown>): StoredLabel {
  const { cid, neg, exp } = row
  return {
    seq: row['seq'] as number,
    key: row['key'] as DidKey,
    label: {
      ver: 1,
      src: row['src'] as SignedLabel['src'],
      uri: row['uri'] as SignedLabel['uri'],
      ...(cid === '' ? {} : { cid: cid as string }),
      val: row['val'] as string,
      ...(neg === 1 ? { neg: true } : {}),
      cts: row['cts'] as SignedLabel['cts'],
      ...(exp === null ? {} : { exp: exp as NonNullable<SignedLabel['exp']> }),
      sig: row['sig'] as Uint8Array,
    },
  }
}
