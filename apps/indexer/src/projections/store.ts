// The tables of projections: which indexes there are, and what stands in them. Everything that writes runs inside a transaction.

import type { Database } from '@avocet/sqlite'
import type { VerifiedOp } from '@avocet/firehose'
import type { Names } from '../database/names.ts'
import { type SearchSpec, searchText } from '../search/declare.ts'
import { authorWord, type SearchedTexts, type StoredSearch } from '../search/texts.ts'
import { AUTHOR, type Column, isLabel, type OwnColumn, type OwnKeys } from './columns.ts'
import { type IndexSpec, specText } from './declare.ts'
import { createProject, type Projected, type Slot, type StoredIndex, versionOf } from './extract.ts'
import { ABSENT, type Key } from './key.ts'

/** `building`: what is written goes in, older records are still to come. `dropping`: it is being taken out, and asked no more. */
export type IndexState = 'building' | 'ready' | 'dropping'

/** How far an index is. `done`, `until`: ids of records, up to which it was built or is to be. */
export type Progress = { readonly state: IndexState; readonly done: number; readonly until: number }

/** An index of fields. */
export type IndexRow = StoredIndex & Progress

/** A full-text index: its rows stand in a table of its own. */
export type SearchRow = StoredSearch & Progress

/** The indexes of an open database, and the rows of records in them. */
export type Projections = {
  /** The indexes of fields that are not dropped whole. */
  list(): readonly IndexRow[]
  /** The full-text indexes that are not dropped whole. */
  searches(): readonly SearchRow[]
  /** For threads that examine records. */
  active(): Active
  /** The same text for the same indexes that are not being dropped. */
  version(): string
  /**
   * Makes the indexes those that are declared: what is new is to be built, what is not declared to be dropped.
   * In a transaction.
   */
  declare(specs: readonly IndexSpec[], searches?: readonly SearchSpec[]): void
  /** Whether anything of a collection stands in an index. */
  has(collection: number): boolean
  /** What of a record, of a collection that {@link has} says to be in one, belongs into the indexes as they are now; null for nothing. */
  project(op: VerifiedOp, known: Projected | null | undefined): Projected | null
  /** Writes a record's rows, beside those it has. @returns bytes on disk that they take, about */
  put(record: number, own: OwnKeys, projected: Projected): number
  /** Moves a record's rows to where its label and its time stand now. */
  move(record: number, own: OwnKeys): void
  /** Takes a record's rows out. @returns bytes on disk that they took, about */
  remove(record: number): number
  /** Takes rows of an index out, up to `limit`. @returns how many */
  clear(index: number, limit: number): number
  /** Sets how far an index is built; `ready` where it is whole. */
  built(index: number, done: number, state: IndexState): void
  /** Forgets an index without rows. */
  forget(index: number): void
}

/** The indexes that records are put into. */
export type Active = { readonly indexes: readonly StoredIndex[]; readonly searches: readonly StoredSearch[] }

type StoredRow = Progress & { id: number; collection: string; spec: string }

/** A row of an index as it is kept. */
type StoredEntry = readonly [index: number, a: Key, b: Key, c: Key]

/** Bytes on disk of a row of an index and of what is kept to take it out again, without its texts. */
const ENTRY_ROW = 48

/** The projections of an open database; indexes whose fields no lexicon has any more are dropped. */
export function createProjections(db: Database, names: Names): Projections {
  const selectIndexes = db.raw.prepare(
    'SELECT id, collection, spec, state, done, until FROM projection_indexes ORDER BY id',
  )
  const insert = db.raw.prepare(
    'INSERT OR IGNORE INTO projections (place, a, b, c, record) VALUES (?, ?, ?, ?, ?)',
  )
  const remove = db.raw.prepare(
    'DELETE FROM projections WHERE place = ? AND a = ? AND b = ? AND c = ? AND record = ?',
  )
  const selectKept = db.raw.prepare('SELECT entries FROM projected WHERE record = ?')
  const keep = db.raw.prepare(
    'INSERT INTO projected (record, entries) VALUES (?, ?) ON CONFLICT (record) DO UPDATE SET entries = excluded.entries',
  )
  const forgetKept = db.raw.prepare('DELETE FROM projected WHERE record = ?')
  const selectSome = db.raw.prepare('SELECT DISTINCT record FROM projections WHERE place = ? LIMIT ?')

  /** As they were read last; anew after each change of them, and after a rollback that may have undone one. */
  let read: { readonly rollbacks: number; readonly view: View } | null = null
  const view = (): View => {
    if (read === null || read.rollbacks !== db.rollbacks()) {
      const rows = (selectIndexes.all() as StoredRow[]).map(toIndex)
      read = { rollbacks: db.rollbacks(), view: viewOf(rows, names) }
    }
    return read.view
  }
  const changed = (): void => {
    read = null
  }
  const keptOf = (record: number): StoredEntry[] => {
    const row = selectKept.get(record)
    return row === undefined ? [] : (JSON.parse(row['entries'] as string, revive) as StoredEntry[])
  }
  const write = (record: number, entries: readonly StoredEntry[]): void => {
    if (entries.length === 0) forgetKept.run(record)
    else keep.run(record, JSON.stringify(entries, replace))
  }
  const takeOut = (record: number, [place, a, b, c]: StoredEntry): void => {
    if (isSearch(place)) db.prepare(`DELETE FROM ${searchTable(place)} WHERE rowid = ?`).run(record)
    else remove.run(place, toSql(a), toSql(b), toSql(c), record)
  }
  const isSearch = (place: number): boolean => view().searches.some(({ id }) => id === place)

  /** Bytes on disk, about; an entry of a full-text index says itself how many. */
  const costOf = (entries: readonly StoredEntry[]): number => {
    let sum = 0
    for (const [place, ...keys] of entries) {
      sum += isSearch(place) ? (keys[0] as number) : ENTRY_ROW
      for (const key of keys) if (typeof key === 'string') sum += 2 * Buffer.byteLength(key)
    }
    return sum
  }

  const putText = (record: number, repo: number, { search, fields, languages }: SearchedTexts): void => {
    const columns = [...fields.keys()].map((i) => `f${i}`)
    const sql = `INSERT INTO ${searchTable(search)} (rowid, ${columns.join()}, meta) VALUES (?, ${columns.map(() => '?').join()}, ?)`
    db.prepare(sql).run(record, ...fields, `${authorWord(repo)} ${languages}`)
  }

  return {
    list: () => view().indexes,
    searches: () => view().searches,
    active: () => view().active,
    version: () => view().version,
    declare(specs, searches = []) {
      const wanted = new Map([...specs, ...searches].map((spec) => [nameOf(spec), spec]))
      const until = Number(db.prepare('SELECT max(id) AS id FROM records').get()?.['id'] ?? 0)
      for (const row of [...view().indexes, ...view().searches]) {
        const name = nameOf(row)
        if (!wanted.has(name) || row.state === 'dropping') {
          db.prepare("UPDATE projection_indexes SET state = 'dropping' WHERE id = ?").run(row.id)
        } else wanted.delete(name)
      }
      for (const spec of wanted.values()) {
        names.add(spec.collection)
        const { lastInsertRowid } = db
          .prepare(
            'INSERT INTO projection_indexes (collection, spec, state, done, until) VALUES (?, ?, ?, 0, ?)',
          )
          .run(spec.collection, JSON.stringify(spec), until === 0 ? 'ready' : 'building', until)
        if ('fields' in spec) db.raw.exec(createTable(Number(lastInsertRowid), spec))
      }
      changed()
    },
    has: (collection) => view().collections.has(collection),
    project(op, known) {
      const { version, project } = view()
      if (known?.version === version) return known
      // What a thread made of it is of indexes as they were before, or it was no thread that decoded it.
      return op.record === null ? null : project(op.collection, op.record)
    },
    put(record, own, { entries, texts }) {
      const kept = keptOf(record)
      const known = new Set(kept.map((entry) => JSON.stringify(entry, replace)))
      const added = entries
        .map(([place, a, b, c]): StoredEntry => [place, resolve(a, own), resolve(b, own), resolve(c, own)])
        .filter((entry) => !known.has(JSON.stringify(entry, replace)))
      for (const [place, a, b, c] of added) insert.run(place, toSql(a), toSql(b), toSql(c), record)
      for (const text of texts) {
        if (kept.some(([place]) => place === text.search)) continue
        putText(record, own[AUTHOR], text)
        added.push([text.search, textCost(text), 0, 0])
      }
      if (added.length === 0) return 0
      write(record, [...kept, ...added])
      return costOf(added)
    },
    move(record, own) {
      const { labels } = view()
      const kept = keptOf(record)
      const moved = kept.map((entry): StoredEntry => {
        const columns = labels.get(entry[0])
        if (columns === undefined) return entry
        const [place, a, b, c] = entry
        const key = (i: number, before: Key): Key => {
          const column = columns[i] ?? null
          return column === null ? before : own[column]
        }
        return [place, key(0, a), key(1, b), key(2, c)]
      })
      for (const [i, entry] of moved.entries()) {
        if (entry === kept[i]) continue
        takeOut(record, kept[i]!)
        const [place, a, b, c] = entry
        insert.run(place, toSql(a), toSql(b), toSql(c), record)
      }
      if (moved.length > 0) write(record, moved)
    },
    remove(record) {
      const kept = keptOf(record)
      for (const entry of kept) takeOut(record, entry)
      if (kept.length > 0) forgetKept.run(record)
      return costOf(kept)
    },
    clear(index, limit) {
      const records = (
        isSearch(index)
          ? db.prepare(`SELECT id AS record FROM ${searchTable(index)}_docsize LIMIT ?`).all(limit)
          : selectSome.all(index, limit)
      ) as { record: number }[]
      for (const { record } of records) {
        const kept = keptOf(record)
        for (const entry of kept) if (entry[0] === index) takeOut(record, entry)
        write(
          record,
          kept.filter(([place]) => place !== index),
        )
      }
      return records.length
    },
    built(index, done, state) {
      db.prepare('UPDATE projection_indexes SET done = ?, state = ? WHERE id = ?').run(done, state, index)
      changed()
    },
    forget(index) {
      if (isSearch(index)) db.raw.exec(`DROP TABLE ${searchTable(index)}`)
      db.prepare('DELETE FROM projection_indexes WHERE id = ?').run(index)
      changed()
    },
  }
}

type View = {
  readonly indexes: readonly IndexRow[]
  readonly searches: readonly SearchRow[]
  readonly active: Active
  readonly collections: ReadonlySet<number>
  /** Of indexes with columns that may change while records stay: which of their columns do. */
  readonly labels: ReadonlyMap<number, readonly (OwnColumn | null)[]>
  readonly version: string
  readonly project: ReturnType<typeof createProject>
}

function viewOf(rows: readonly (IndexRow | SearchRow)[], names: Names): View {
  const indexes = rows.filter((row) => 'columns' in row)
  const searches = rows.filter((row) => 'fields' in row)
  const isActive = ({ state }: Progress): boolean => state !== 'dropping'
  const active = { indexes: indexes.filter(isActive), searches: searches.filter(isActive) }
  const collections = new Set<number>()
  for (const { collection } of rows) {
    const id = names.find(collection)
    if (id !== null) collections.add(id)
  }
  return {
    indexes,
    searches,
    active,
    collections,
    labels: new Map(
      indexes
        .filter(({ columns }) => columns.some(isLabel))
        .map(({ id, columns }) => [id, columns.map(labelOf)]),
    ),
    version: versionOf(active.indexes, active.searches),
    project: createProject(active.indexes, active.searches),
  }
}

function labelOf(column: Column): OwnColumn | null {
  return typeof column === 'string' && isLabel(column) ? column : null
}

function toIndex({ spec, ...row }: StoredRow): IndexRow | SearchRow {
  return { ...(JSON.parse(spec) as IndexSpec | SearchSpec), ...row }
}

function nameOf(spec: IndexSpec | SearchSpec): string {
  return `${spec.collection}:${'fields' in spec ? `search:${searchText(spec)}` : specText(spec)}`
}

/** The table of a full-text index. It has no copy of the texts: those are in the records. */
export function searchTable(id: number): string {
  return `search_${id}`
}

function createTable(id: number, { fields, kind }: SearchSpec): string {
  const tokenize = kind === 'trigram' ? 'trigram remove_diacritics 1' : 'unicode61 remove_diacritics 2'
  const columns = fields.map((_, i) => `f${i}`).join()
  return `CREATE VIRTUAL TABLE ${searchTable(id)} USING fts5 (${columns}, meta, content = '', contentless_delete = 1,
    tokenize = '${tokenize}')`
}

function textCost({ fields, languages }: SearchedTexts): number {
  return fields.reduce((sum, text) => sum + Buffer.byteLength(text), ENTRY_ROW + languages.length)
}

function resolve(slot: Slot, own: OwnKeys): Key {
  return typeof slot === 'object' ? own[slot.own] : slot
}

/** Whole numbers as such: they take half of what SQLite's floating ones do. */
function toSql(key: Key): number | string | bigint {
  return typeof key === 'number' && key !== ABSENT ? BigInt(key) : key
}

/** JSON has no number for `ABSENT`. */
function replace(_: string, value: unknown): unknown {
  return value === ABSENT ? null : value
}

function revive(_: string, value: unknown): unknown {
  return value === null ? ABSENT : value
}
