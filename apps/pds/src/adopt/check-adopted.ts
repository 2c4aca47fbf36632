/** Compares an account that was taken over with where it came from, record for record and blob for blob. */
import { createHash } from 'node:crypto'

import { importNativeKeypair, nativeVerifier } from '@avocet/crypto-native'
import { cidFromDigest, formatCid } from '@avocet/data'
import { exportRepo, readRepo } from '@avocet/repo'
import type { Did } from '@avocet/syntax'
import { readImported } from '@avocet/repo-server'

import type { SqliteStores as Stores } from '../stores/sqlite/stores.ts'
import type { ReferenceActor } from './reference-actor.ts'

/** What was looked at, and what differs. */
export interface Comparison {
  readonly records: number
  readonly blobs: number
  readonly problems: readonly string[]
}

/** Reads the account's repository here as a client would, with its signature, and every blob, and holds them against the source. */
export async function compareAccount(stores: Stores, did: Did, actor: ReferenceActor): Promise<Comparison> {
  const problems: string[] = []
  const records = actor.head === null ? 0 : await compareRecords(stores, did, actor, problems)
  let blobs = 0
  for (const { cid, path } of actor.blobs()) {
    if (stores.blobs.get(did, cid) === null) continue
    const found = await hashBlob(stores, did, cid)
    blobs++
    if (found !== cid) problems.push(`blob ${cid} is not as it was; from=${path}`)
  }
  return { records, blobs, problems }
}

async function compareRecords(
  stores: Stores,
  did: Did,
  actor: ReferenceActor,
  problems: string[],
): Promise<number> {
  const key = importNativeKeypair('k256', actor.signingKey).publicKey
  await using reader = await readRepo(exportRepo(stores.repos, did), { did, key, verify: nativeVerifier() })
  if (formatCid(reader.commit) !== formatCid(actor.head!.commit)) {
    problems.push(`the newest commit is ${formatCid(reader.commit)}, it was ${formatCid(actor.head!.commit)}`)
  }
  let records = 0
  for await (const entry of reader.entries) {
    records++
    const read = readImported(entry)
    if ('reason' in read) continue
    const row = stores.records.get(did, read.collection, read.rkey)
    const source = actor.record(entry.path)
    if (row?.cid !== read.cid) problems.push(`record ${entry.path} is not served as the repository has it`)
    if ((row?.takedownRef ?? null) !== (source?.takedownRef ?? null)) {
      problems.push(`record ${entry.path} is taken down on one side only`)
    }
  }
  const before = actor.countRecords()
  if (before !== records)
    problems.push(`the repository has ${records} records, the index of the source ${before}`)
  return records
}

async function hashBlob({ files }: Stores, did: Did, cid: string): Promise<string | null> {
  const bytes = await files.open(did, cid)
  if (bytes === null) return null
  const hash = createHash('sha256')
  for await (const chunk of bytes) hash.update(chunk)
  return formatCid(cidFromDigest('raw', new Uint8Array(hash.digest())))
}
