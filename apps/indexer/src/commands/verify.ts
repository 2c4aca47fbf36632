// `verify <did>`: whether the index has a repo as its host has it, record for record. Beside a running indexer: nothing is written.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { nativeVerifier } from '@avocet/crypto-native'
import { createDidResolver, createGuardedFetch } from '@avocet/did'
import { type Database, openDatabase, schemaVersions } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { type Comparison, createCompare } from '../coverage/compare.ts'
import { migrations } from '../database/schema.ts'
import { IndexerError } from '../errors.ts'
import { createIdentities } from '../identity/identities.ts'
import { beyond, createFilter } from '../sync/collections.ts'

/** What to verify. */
export type VerifyOptions = {
  readonly did: string
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

/** @returns the exit code: 0 the same, 1 different, 3 it cannot be said */
export async function verify(
  options: VerifyOptions,
  print: (line: string) => void = (line) => console.log(line),
): Promise<number> {
  const { did, json } = options
  const cannot = (code: string, message: string): number => {
    print(
      json
        ? JSON.stringify({ did, result: 'unknown', error: code, message })
        : `${did}: cannot be verified: ${message}`,
    )
    return 3
  }
  let db: Database
  try {
    db = openToRead(options.dataFolder)
  } catch (error) {
    if (!(error instanceof IndexerError)) throw error
    return cannot(error.code, error.message)
  }
  using _ = db
  const account = db.prepare('SELECT status FROM accounts WHERE did = ?').get(did) as
    | { status: string | null }
    | undefined
  if (account === undefined) return cannot('not-indexed', 'the index does not know the account')
  if (isRemoved(db, did)) return cannot('not-indexed', 'the repo was removed from what is indexed')
  const indexed = indexedCollections(db)
  const only = options.collections ?? indexed
  const absent = beyond(only, indexed)?.[0]
  if (absent !== undefined) return cannot('not-indexed', `${absent} is not indexed`)
  const guard = { allowLoopback: options.allowLoopback }
  const dids = createDidResolver({ plcUrl: options.plcUrl, ...guard })
  const compare = createCompare({
    db,
    isWanted: createFilter(only),
    resolveKey: createIdentities({ dids, handles: null }).resolveKey,
    fetch: createGuardedFetch({ ...guard, maxBytes: MAX_EXPORT_BYTES, timeoutMs: EXPORT_MS }),
    ask: createGuardedFetch(guard),
    verify: nativeVerifier(),
    maxSize: MAX_EXPORT_BYTES,
    ...(options.settleMs === undefined ? {} : { settleMs: options.settleMs }),
  })
  const compared = await compare(did as Did, new AbortController().signal)
  if (!compared.ok) {
    const { code, message } = compared.error
    const here = account.status === null ? '' : `; it is ${account.status} here`
    return cannot(code, message + here)
  }
  const { value } = compared
  const isSame = value.different === 0 && value.unsettled === 0
  if (json) print(JSON.stringify({ result: isSame ? 'same' : 'different', ...value }))
  else for (const line of describe(value)) print(line)
  return isSame ? 0 : 1
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
