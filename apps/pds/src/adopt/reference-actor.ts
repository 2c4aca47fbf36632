/** What a reference PDS keeps for one account: its key, repository, blobs and preferences. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { CidMap, formatCid, parseCid, type CID } from '@avocet/data'
import { readCommit, type RepoHead, type RepoSnapshot } from '@avocet/repo'
import type { Did } from '@avocet/syntax'

import {
  actorFolder,
  openReference,
  type ReferenceDatabase,
  type ReferencePlaces,
} from './reference-files.ts'

/** A blob and where its bytes are. */
export interface ReferenceBlob {
  readonly cid: string
  readonly mimeType: string
  readonly size: number
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly takedownRef: string | null
  /** Where its file should be. */
  readonly path: string
}

/** A row of the reference's index of records: what it serves where. */
export interface ReferenceRecord {
  readonly cid: string
  readonly rev: string
  readonly takedownRef: string | null
}

/** One account's store, opened for reading. */
export interface ReferenceActor extends AsyncDisposable {
  readonly did: Did
  /** The 32-byte K-256 private key that signs its commits. */
  readonly signingKey: Uint8Array
  /** Null for an account without a repository. */
  readonly head: RepoHead | null
  readonly commitBytes: Uint8Array | null
  /** The repository, for `exportRepo`. */
  snapshot(did: Did): Promise<RepoSnapshot | null>
  record(path: string): ReferenceRecord | null
  countRecords(): number
  takendownRecords(): { collection: string; rkey: string; ref: string }[]
  blobs(): ReferenceBlob[]
  preferences(): Record<string, unknown>[]
}

/** Opens the store of an account. @throws Error that says what is missing or damaged */
export async function openActor(places: ReferencePlaces, did: Did): Promise<ReferenceActor> {
  const folder = actorFolder(places, did)
  for (const name of ['key', 'store.sqlite']) {
    if (!existsSync(join(folder, name))) throw new Error(`${join(folder, name)} is missing`)
  }
  const signingKey = new Uint8Array(await readFile(join(folder, 'key')))
  if (signingKey.length !== 32) throw new Error(`${join(folder, 'key')} does not hold a key of 32 bytes`)
  const db = await openReference(join(folder, 'store.sqlite'))
  try {
    const root = readRoot(db, did)
    return {
      did,
      signingKey,
      head: root?.head ?? null,
      commitBytes: root?.bytes ?? null,
      snapshot: () => Promise.resolve(root === null ? null : createSnapshot(db, root.head)),
      record: (path) => {
        const [row] = db.all(
          'SELECT cid, repoRev, takedownRef FROM record WHERE uri = ?',
          `at://${did}/${path}`,
        )
        if (row === undefined) return null
        const { cid, repoRev, takedownRef } = row as {
          cid: string
          repoRev: string
          takedownRef: string | null
        }
        return { cid, rev: repoRev, takedownRef }
      },
      countRecords: () => Number(db.all('SELECT count(*) AS n FROM record')[0]!['n']),
      takendownRecords: () =>
        db
          .all('SELECT collection, rkey, takedownRef FROM record WHERE takedownRef IS NOT NULL')
          .map((row) => ({
            collection: row['collection'] as string,
            rkey: row['rkey'] as string,
            ref: row['takedownRef'] as string,
          })),
      blobs: () => db.all('SELECT * FROM blob ORDER BY cid').map((row) => toBlob(places, did, row)),
      preferences: () =>
        db
          .all('SELECT valueJson FROM account_pref ORDER BY id')
          .map((row) => JSON.parse(row['valueJson'] as string) as Record<string, unknown>),
      [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
    }
  } catch (error) {
    await db[Symbol.asyncDispose]()
    throw error
  }
}

function readRoot(db: ReferenceDatabase, did: Did): { head: RepoHead; bytes: Uint8Array } | null {
  const [row] = db.all('SELECT cid FROM repo_root LIMIT 1')
  if (row === undefined) return null
  const commit = parseCid(row['cid'] as string)
  const bytes = readBlocks(db, [commit]).get(commit)
  if (bytes === undefined) throw new Error(`the commit is missing; cid=${formatCid(commit)}`)
  const { rev, data } = readCommit(bytes)
  return { head: { did, rev, data, commit }, bytes }
}

function createSnapshot(db: ReferenceDatabase, head: RepoHead): RepoSnapshot {
  return {
    head: { ...head, status: 'active' },
    getBlocks: (_did, cids) => Promise.resolve(readBlocks(db, cids)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function readBlocks(db: ReferenceDatabase, cids: readonly CID[]): CidMap<Uint8Array> {
  const found = new CidMap<Uint8Array>()
  const names = JSON.stringify(cids.map(formatCid))
  const rows = db.iterate(
    'SELECT cid, content FROM repo_block WHERE cid IN (SELECT value FROM json_each(?))',
    names,
  )
  for (const row of rows) found.set(parseCid(row['cid'] as string), row['content'] as Uint8Array)
  return found
}

function toBlob(places: ReferencePlaces, did: Did, row: Record<string, unknown>): ReferenceBlob {
  const cid = row['cid'] as string
  const temporary = row['tempKey'] as string | null
  const takedownRef = row['takedownRef'] as string | null
  const path =
    temporary !== null
      ? join(places.temporaryBlobs, did, temporary)
      : join(takedownRef === null ? places.blobs : places.quarantinedBlobs, did, cid)
  return {
    cid,
    mimeType: row['mimeType'] as string,
    size: Number(row['size']),
    createdAt: Date.parse(row['createdAt'] as string),
    takedownRef,
    path,
  }
}
