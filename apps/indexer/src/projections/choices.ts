// Indexes that are added and removed while it runs: what the flags declare, and on top of that what was chosen since. Each change is
// durable before it is answered; rows are written and taken out in slices after it. Other lexicons have their indexes declared anew.

import type { Catalog } from '@avocet/lexicon'
import type { Database } from '@avocet/sqlite'
import { IndexerError } from '../errors.ts'
import type { Lexicons } from '../lexicons/load.ts'
import { type DeclaredSearch, declareSearches, parseSearch, type SearchSpec } from '../search/declare.ts'
import {
  declarationOf,
  type DeclaredIndexes,
  declareIndexes,
  type IndexSpec,
  parseIndexes,
} from './declare.ts'
import type { IndexState, Projections } from './store.ts'

/** What an index is for: filters and orders, or words. */
export type IndexKind = 'fields' | 'search'

/** An index, and how far it is. */
export type IndexStatus = {
  /** As `--index` or `--search` has it: `com.example.note:topic+createdAt`. */
  readonly index: string
  readonly kind: IndexKind
  readonly state: IndexState
  /** Share of the records that it is to be built from, 0 to 1; null while it is dropped. */
  readonly progress: number | null
}

/** What came of a change: how many indexes it was about, or why nothing was changed, in words for who asked. */
export type IndexChange =
  | { readonly ok: true; readonly value: { readonly count: number } }
  | { readonly ok: false; readonly error: { readonly code: 'invalid'; readonly message: string } }

/** The indexes of a running indexer. */
export type IndexChoices = {
  list(): IndexStatus[]
  /** Builds these as well. Durable when it resolves; queries that need one say how far it is until it is whole. */
  add(kind: IndexKind, texts: readonly string[]): Promise<IndexChange>
  /** Drops these. */
  remove(kind: IndexKind, texts: readonly string[]): Promise<IndexChange>
}

/** Indexes, and what other lexicons do to them. */
export type OpenedIndexes = {
  readonly choices: IndexChoices
  /**
   * Declares what the flags and the choices say of other lexicons, after the changes that are under way.
   * @param also runs in the same transaction, after it; what it throws undoes all of it
   * @param then runs as soon as that is committed, before anything else does
   * @returns lines about choices that do not fit these lexicons, and are left out
   * @throws IndexerError `bad-config` for flags that do not fit them; nothing is changed
   */
  enter(lexicons: Lexicons, also: () => void, then: () => void): Promise<readonly string[]>
}

type Flags = {
  readonly declared: readonly DeclaredIndexes[]
  readonly searched: readonly DeclaredSearch[]
}
type Specs = { readonly indexes: readonly IndexSpec[]; readonly searches: readonly SearchSpec[] }

const MAX_AT_ONCE = 100
const KINDS: readonly IndexKind[] = ['fields', 'search']
/** What they are called among other choices. */
const STORED: Readonly<Record<IndexKind, string>> = { fields: 'index', search: 'search' }

/**
 * Declares what the flags and the choices say.
 * @param now ms since the epoch
 * @throws IndexerError `bad-config` for flags that do not fit the lexicons
 */
export function openIndexChoices(options: {
  readonly db: Database
  readonly lexicons: Lexicons
  readonly projections: Projections
  readonly flags: Flags
  readonly onLog: (line: string) => void
  readonly now: () => number
}): OpenedIndexes {
  const { db, projections, flags, onLog, now } = options
  let { lexicons } = options
  let last: Promise<unknown> = Promise.resolve()
  let chosen = NOTHING

  /** One after the other: each is made of all before it. */
  const inTurn = <T>(work: () => T | Promise<T>): Promise<T> => {
    const result = last.then(work)
    last = result.catch(() => {})
    return result
  }

  const change = (kind: IndexKind, texts: readonly string[], wanted: boolean): Promise<IndexChange> =>
    inTurn(async (): Promise<IndexChange> => {
      let names: string[]
      let next: Chosen
      let specs: Specs
      try {
        names = namesOf(lexicons.catalog, kind, texts)
        const here = new Set(declaredNow(projections, kind))
        const absent = wanted ? undefined : names.find((name) => !here.has(name))
        if (absent !== undefined) return refuse(`there is no index ${absent}`)
        next = {
          ...chosen,
          [kind]: new Map([...chosen[kind], ...names.map((name) => [name, wanted] as const)]),
        }
        specs = combine(lexicons, flags, next)
      } catch (error) {
        if (error instanceof IndexerError) return refuse(error.message)
        throw error
      }
      await db.write(() => {
        const insert = db.prepare(
          'INSERT OR REPLACE INTO choices (kind, name, wanted, at) VALUES (?, ?, ?, ?)',
        )
        for (const name of names) insert.run(STORED[kind], name, wanted ? 1 : 0, now())
        projections.declare(specs.indexes, specs.searches)
      })
      chosen = next
      return { ok: true, value: { count: names.length } }
    })

  const enter = (next: Lexicons, also: () => void, then: () => void): readonly string[] => {
    const { fitting, left } = fittingChoices(readChoices(db), next, flags)
    const { indexes, searches } = combine(next, flags, fitting)
    db.transaction(() => {
      projections.declare(indexes, searches)
      also()
    })
    lexicons = next
    chosen = fitting
    then()
    return left
  }

  const nothing = (): void => {}
  for (const line of enter(lexicons, nothing, nothing)) onLog(line)
  return {
    choices: {
      list: () => [
        ...projections.list().map((row) => statusOf(nameOfIndex(row), 'fields', row)),
        ...projections.searches().map((row) => statusOf(nameOfSearch(row), 'search', row)),
      ],
      add: (kind, texts) => change(kind, texts, true),
      remove: (kind, texts) => change(kind, texts, false),
    },
    enter: (next, also, then) => inTurn(() => enter(next, also, then)),
  }
}

/** What was chosen for lexicons of before may not fit these. */
function fittingChoices(
  chosen: Chosen,
  lexicons: Lexicons,
  flags: Flags,
): { readonly fitting: Chosen; readonly left: readonly string[] } {
  const left: string[] = []
  let fitting = chosen
  for (const kind of KINDS) {
    for (const [name, wanted] of chosen[kind]) {
      if (!wanted) continue
      try {
        combine(lexicons, flags, { ...NOTHING, [kind]: new Map([[name, true]]) })
      } catch (error) {
        if (!(error instanceof IndexerError)) throw error
        left.push(`${error.message}; it was added while an indexer ran, and is left out`)
        fitting = { ...fitting, [kind]: new Map([...fitting[kind]].filter(([other]) => other !== name)) }
      }
    }
  }
  return { fitting, left }
}

/** By their names, whether they are wanted. */
type Chosen = Readonly<Record<IndexKind, ReadonlyMap<string, boolean>>>
const NOTHING: Chosen = { fields: new Map(), search: new Map() }

function readChoices(db: Database): Chosen {
  const read = (kind: IndexKind): ReadonlyMap<string, boolean> => {
    const rows = db
      .prepare('SELECT name, wanted FROM choices WHERE kind = ? ORDER BY at, name')
      .all(STORED[kind])
    return new Map(rows.map(({ name, wanted }) => [name as string, wanted === 1]))
  }
  return { fields: read('fields'), search: read('search') }
}

/** @throws IndexerError `bad-config` */
function combine(
  { catalog, collections: own }: Pick<Lexicons, 'catalog' | 'collections'>,
  { declared, searched }: Flags,
  chosen: Chosen,
): Specs {
  const wanted = (kind: IndexKind): string[] => [...chosen[kind]].filter(([, is]) => is).map(([name]) => name)
  const kept = declareIndexes(catalog, declared, own).filter(
    (spec) => chosen.fields.get(nameOfIndex(spec)) !== false,
  )
  const again = kept.map((spec) => ({ collection: spec.collection, indexes: [declarationOf(spec)] }))
  const flagged = declareSearches(catalog, searched).filter(
    (spec) => chosen.search.get(nameOfSearch(spec)) !== false,
  )
  const names = new Set([...flagged.map(nameOfSearch), ...wanted('search')])
  return {
    indexes: declareIndexes(catalog, [...again, ...wanted('fields').map(parseIndexes)], []),
    searches: declareSearches(catalog, [...names].map(parseSearch)),
  }
}

/** Names as they are kept, from what a person writes. @throws IndexerError `bad-config` */
function namesOf(catalog: Catalog, kind: IndexKind, texts: readonly string[]): string[] {
  if (texts.length === 0 || texts.length > MAX_AT_ONCE) throw wrong(`one to ${MAX_AT_ONCE} indexes at once`)
  if (kind === 'search') return declareSearches(catalog, texts.map(parseSearch)).map(nameOfSearch)
  return declareIndexes(catalog, texts.map(parseIndexes), []).map(nameOfIndex)
}

function declaredNow(projections: Projections, kind: IndexKind): string[] {
  const { indexes, searches } = projections.active()
  return kind === 'fields' ? indexes.map(nameOfIndex) : searches.map(nameOfSearch)
}

function nameOfIndex(spec: IndexSpec): string {
  return `${spec.collection}:${declarationOf(spec)}`
}

function nameOfSearch({ collection, fields, kind }: SearchSpec): string {
  return `${collection}:${fields.map(({ path }) => path).join()}:${kind}`
}

function statusOf(
  index: string,
  kind: IndexKind,
  { state, done, until }: { readonly state: IndexState; readonly done: number; readonly until: number },
): IndexStatus {
  const progress = state === 'dropping' ? null : state === 'ready' || until === 0 ? 1 : done / until
  return { index, kind, state, progress }
}

function wrong(message: string): IndexerError {
  return new IndexerError('bad-config', message)
}

function refuse(message: string): IndexChange {
  return { ok: false, error: { code: 'invalid', message } }
}
