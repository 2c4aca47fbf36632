import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'

import { readCar } from '@avocet/car'
import { encode } from '@avocet/cbor'
import { createKeypair } from '@avocet/crypto'
import { cidFromDigest, formatCid, type DataValue } from '@avocet/data'
import { createMemoryRepoStore, exportRepo, rebuildRepo } from '@avocet/repo'
import { createTidClock, type Did } from '@avocet/syntax'

/** A blob as a reference PDS keeps it; `file` when its file holds other bytes, null when there is none. */
export interface SourceBlob {
  readonly bytes: string
  readonly file?: string | null
  readonly takedownRef?: string
  /** The upload has no record yet. */
  readonly tempKey?: string
}

/** An account as a reference PDS keeps it. */
export interface SourceAccount {
  readonly handle: string | null
  readonly email?: string
  readonly emailConfirmedAt?: string
  readonly deactivatedAt?: string
  readonly deleteAfter?: string
  readonly takedownRef?: string
  /** Absent: it has no repository. */
  readonly records?: Readonly<Record<string, DataValue>>
  /** References of decisions about records, by path. */
  readonly takendown?: Readonly<Record<string, string>>
  readonly blobs?: readonly SourceBlob[]
  readonly preferences?: readonly object[]
}

/** The data directory of a reference PDS (0.5.35), made by its schema. The databases stay open, with a log of their own. */
export interface ReferenceData extends Disposable {
  readonly folder: string
  add(account: SourceAccount): Promise<Did>
  /** Runs a statement on `account`, `sequencer`, or the store of an account. */
  run(where: 'account' | 'sequencer' | Did, sql: string, ...values: SQLInputValue[]): void
  storeFolder(did: string): string
}

const ACCOUNT = `
  CREATE TABLE app_password (did, name, passwordScrypt, createdAt, privileged INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (did, name));
  CREATE TABLE invite_code (code PRIMARY KEY, availableUses INTEGER, disabled INTEGER DEFAULT 0, forAccount, createdBy, createdAt);
  CREATE TABLE invite_code_use (code, usedBy, usedAt, PRIMARY KEY (code, usedBy));
  CREATE TABLE refresh_token (id PRIMARY KEY, did, expiresAt, nextId, appPasswordName);
  CREATE TABLE repo_root (did PRIMARY KEY, cid, rev, indexedAt);
  CREATE TABLE actor (did PRIMARY KEY, handle, createdAt, takedownRef, deactivatedAt, deleteAfter);
  CREATE TABLE account (did PRIMARY KEY, email, passwordScrypt, emailConfirmedAt, invitesDisabled INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE token (id INTEGER PRIMARY KEY AUTOINCREMENT, did, tokenId);
`
const SEQUENCER =
  'CREATE TABLE repo_seq (seq INTEGER PRIMARY KEY AUTOINCREMENT, did, eventType, event, sequencedAt)'
const STORE = `
  CREATE TABLE repo_root (did PRIMARY KEY, cid, rev, indexedAt);
  CREATE TABLE repo_block (cid PRIMARY KEY, repoRev, size INTEGER, content BLOB);
  CREATE TABLE record (uri PRIMARY KEY, cid, collection, rkey, repoRev, indexedAt, takedownRef);
  CREATE TABLE blob (cid PRIMARY KEY, mimeType, size INTEGER, tempKey, width INTEGER, height INTEGER, createdAt, takedownRef);
  CREATE TABLE account_pref (id INTEGER PRIMARY KEY AUTOINCREMENT, name, valueJson TEXT);
`
const NOW = '2026-01-01T00:00:00.000Z'

/** The CID of a blob. */
export const blobCid = (bytes: string): string =>
  formatCid(cidFromDigest('raw', new Uint8Array(createHash('sha256').update(bytes).digest())))

export function createReferenceData(folder: string): ReferenceData {
  const open = (path: string, schema: string): DatabaseSync => {
    const db = new DatabaseSync(path)
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; ${schema}`)
    return db
  }
  mkdirSync(join(folder, 'actors'), { recursive: true })
  const databases = new Map<string, DatabaseSync>([
    ['account', open(join(folder, 'account.sqlite'), ACCOUNT)],
    ['sequencer', open(join(folder, 'sequencer.sqlite'), SEQUENCER)],
  ])
  const run: ReferenceData['run'] = (where, sql, ...values) => {
    databases
      .get(where)!
      .prepare(sql)
      .run(...values)
  }
  const storeFolder = (did: string): string =>
    join(folder, 'actors', createHash('sha256').update(did).digest('hex').slice(0, 2), did)

  const addRepo = async (
    did: Did,
    key: ReturnType<typeof createKeypair>,
    { records = {}, takendown = {} }: SourceAccount,
  ): Promise<void> => {
    const store = createMemoryRepoStore()
    const entries = Object.entries(records)
      .map(([path, value]) => ({ path, bytes: encode(value) }))
      .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    const rev = createTidClock().next()
    await rebuildRepo({ store, did, signer: key, rev, records: () => entries })
    const chunks: Uint8Array[] = []
    for await (const chunk of exportRepo(store, did)) chunks.push(chunk)
    const { roots, blocks } = readCar(new Uint8Array(Buffer.concat(chunks)))
    run(did, 'INSERT INTO repo_root VALUES (?, ?, ?, ?)', did, formatCid(roots[0]!), rev, NOW)
    for (const { cid, bytes } of blocks) {
      run(
        did,
        'INSERT OR IGNORE INTO repo_block VALUES (?, ?, ?, ?)',
        formatCid(cid),
        rev,
        bytes.length,
        bytes,
      )
    }
    for (const { path, bytes } of entries) {
      const [collection, rkey] = path.split('/') as [string, string]
      const digest = new Uint8Array(createHash('sha256').update(bytes).digest())
      const cid = formatCid(cidFromDigest('dag-cbor', digest))
      const uri = `at://${did}/${path}`
      run(
        did,
        'INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)',
        uri,
        cid,
        collection,
        rkey,
        rev,
        NOW,
        takendown[path] ?? null,
      )
    }
  }

  const addBlob = (did: Did, blob: SourceBlob): void => {
    const { bytes, file = bytes } = blob
    const [takedownRef, tempKey] = [blob.takedownRef ?? null, blob.tempKey ?? null]
    const cid = blobCid(bytes)
    run(
      did,
      'INSERT INTO blob VALUES (?, ?, ?, ?, NULL, NULL, ?, ?)',
      cid,
      'image/png',
      bytes.length,
      tempKey,
      NOW,
      takedownRef,
    )
    if (file === null) return
    const blocks = join(folder, 'blocks')
    const place =
      tempKey !== null
        ? join(blocks, 'tempt', did)
        : takedownRef === null
          ? join(blocks, did)
          : join(blocks, 'quarantine', did)
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, tempKey ?? cid), file)
  }

  return {
    folder,
    run,
    storeFolder,
    add: async (account) => {
      const did: Did = `did:plc:${randomBytes(15)
        .toString('hex')
        .replaceAll(/[0189]/g, 'a')
        .slice(0, 24)}`
      const key = createKeypair('k256')
      mkdirSync(storeFolder(did), { recursive: true })
      writeFileSync(join(storeFolder(did), 'key'), key.exportPrivateKey())
      databases.set(did, open(join(storeFolder(did), 'store.sqlite'), STORE))
      const { handle, email, emailConfirmedAt, takedownRef, deactivatedAt, deleteAfter } = account
      run(
        'account',
        'INSERT INTO actor VALUES (?, ?, ?, ?, ?, ?)',
        did,
        handle,
        NOW,
        takedownRef ?? null,
        deactivatedAt ?? null,
        deleteAfter ?? null,
      )
      run(
        'account',
        'INSERT INTO account VALUES (?, ?, ?, ?, 0)',
        did,
        email ?? `${did}@example.com`,
        `${'ab'.repeat(16)}:${'cd'.repeat(64)}`,
        emailConfirmedAt ?? null,
      )
      if (account.records !== undefined) await addRepo(did, key, account)
      for (const blob of account.blobs ?? []) addBlob(did, blob)
      for (const preference of account.preferences ?? []) {
        run(did, 'INSERT INTO account_pref (name, valueJson) VALUES (?, ?)', 'x', JSON.stringify(preference))
      }
      return did
    },
    [Symbol.dispose]: () => {
      for (const db of databases.values()) db.close()
    },
  }
}
