// `verify <did...>`: whether the index has repos as their hosts have them, record for record. Beside a running indexer: nothing is
// written.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { nativeVerifier } from '@avocet/crypto-native'
import { createDidResolver, createGuardedFetch } from '@avocet/did'
import { type Database, openDatabase, schemaVersions } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { type CompareRepo, type Comparison, createCompare } from '../coverage/compare.ts'
import { migrations } from '../database/schema.ts'
import { IndexerError } from '../errors.ts'
import { createIdentities } from '../identity/identities.ts'
import { beyond, createFilter } from '../sync/collections.ts'

/** What to verify. */
export type VerifyOptions = {
  readonly dids: readonly string[]
  readonly dataFolder: string
  readonly plcUrl: string
  /** Only these of what is indexed; null: all of it. */
  readonly collections: readonly string[] | null
  readonly allowLoopback: boolean
  readonly json: boolean
  /** How long what is on its way may take, ms. */
  readonly settleMs?: number
}

const MAX_EXPORT_BYTES = 4 * 1024 ** 3
const EXPORT_MS = 30 * 60_000
/** Differences that are printed for people. */
const MAX_LINES = 100

/** What was said of one repo. */
type Verdict = 'same' | 'different' | 'unknown'

/**
 * Compares one repo after the other, and prints each at once.
 * @returns the exit code: 0 all the same, 1 some differ, 3 of some it cannot be said, and none differs
 */
export async function verify(
  options: VerifyOptions,
  print: (line: string) => void = (line) => console.log(line),
): Promise<number> {
  const { dids, json } = options
  const cannot = (did: string, code: string, message: string): Verdict => {
    print(
      json
        ? JSON.stringify({ did, result: 'unknown', error: code, message })
        : `${did}: cannot be verified: ${message}`,
    )
    return 'unknown'
  }
  let db: Database
  try {
    db = openToRead(options.dataFolder)
  } catch (error) {
    if (!(error instanceof IndexerError)) throw error
    for (const did of dids) cannot(did, error.code, error.message)
    return 3
  }
  using _ = db
  const indexed = indexedCollections(db)
  const only = options.collections ?? indexed
  const absent = beyond(only, indexed)?.[0]
  const compare = openCompare(db, options, only)
  const verifyOne = async (did: string): Promise<Verdict> => {
    const account = db.prepare('SELECT status FROM accounts WHERE did = ?').get(did) as
      | { status: string | null }
      | undefined
    if (account === undefined) return cannot(did, 'not-indexed', 'the index does not know the account')
    if (isRemoved(db, did)) return cannot(did, 'not-indexed', 'the repo was removed from what is indexed')
    if (absent !== undefined) return cannot(did, 'not-indexed', `${absent} is not indexed`)
    const compared = await compare(did as Did, new AbortController().signal)
    if (!compared.ok) {
      const { code, message } = compared.error
      const here = account.status === null ? '' : `; it is ${account.status} here`
      return cannot(did, code, message + here)
    }
    const { value } = compared
    const result = value.different === 0 && value.unsettled === 0 ? 'same' : 'different'
    if (json) print(JSON.stringify({ result, ...value }))
    else for (const line of describe(value)) print(line)
    return result
  }
  const verdicts = new Set<Verdict>()
  for (const did of dids) verdicts.add(await verifyOne(did))
  return verdicts.has('different') ? 1 : verdicts.has('unknown') ? 3 : 0
}

/** What compares records of these collections; null: all. */
function openCompare(db: Database, options: VerifyOptions, only: readonly string[] | null): CompareRepo {
  const guard = { allowLoopback: options.allowLoopback }
  const dids = createDidResolver({ plcUrl: options.plcUrl, ...guard })
  return createCompare({
    db,
    isWanted: createFilter(only),
    resolveKey: createIdentities({ dids, handles: null }).resolveKey,
    fetch: createGuardedFetch({ ...guard, maxBytes: MAX_EXPORT_BYTES, timeoutMs: EXPORT_MS }),
    ask: createGuardedFetch(guard),
    verify: nativeVerifier(),
    maxSize: MAX_EXPORT_BYTES,
    ...(options.settleMs === undefined ? {} : { settleMs: options.settleMs }),
  })
}

/** What rows are made of, as flags and what was added and removed since have it; null: all. */
function indexedCollections(db: Database): readonly string[] | null {
  const row = db.prepare('SELECT collections FROM chosen').get()
  return row === undefined ? null : (JSON.parse(row['collections'] as string) as string[] | null)
}

/** Nobody follows it, and its rows are on their way out. */
function isRemoved(db: Database, did: string): boolean {
  const row = db.prepare("SELECT wanted FROM choices WHERE kind = 'repo' AND name = ?").get(did)
  return row?.['wanted'] === 0
}

/** @throws IndexerError `data-folder` */
function openToRead(folder: string): Database {
  const path = join(folder, 'indexer.sqlite')
  if (!existsSync(path)) throw new IndexerError('data-folder', `There is no index in ${folder}`)
  const db = openDatabase({ path, readOnly: true })
  if (schemaVersions(db).get('indexer') === migrations.length) return db
  db.close()
  throw new IndexerError('data-folder', `The index in ${folder} was written by another version`)
}

function* describe(value: Comparison): Generator<string, void, undefined> {
  const { did, rev, indexRev, records, differences, different, unsettled } = value
  yield `${did}: ${records} records at rev ${rev}; the index is at ${indexRev ?? 'no rev'}`
  for (const { kind, path, expected, found } of differences.slice(0, MAX_LINES)) {
    yield `  ${kind.padEnd(7)}  ${path}  host ${expected ?? '-'}  index ${found ?? '-'}`
  }
  if (different > MAX_LINES) yield `  and ${different - MAX_LINES} more`
  if (unsettled > 0) yield `  ${unsettled} records changed all the time`
  yield different === 0 ? '  no differences' : `  ${different} differences`
}
