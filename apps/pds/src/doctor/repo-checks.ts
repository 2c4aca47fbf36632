import { writeCarStream } from '@avocet/car'
import { importKeypair, parseDidKey } from '@avocet/crypto'
import { cidFromBytes, cidFromDigest, formatCid, type CID } from '@avocet/data'
import { readRepo } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'
import { tidToMicros, type Did } from '@avocet/syntax'
import { decodeFrame } from '@avocet/xrpc'

import type { Finding } from './finding.ts'

/** A revision may be ahead of the clock by so much; relays refuse what is more. https://atproto.com/specs/sync */
const MAX_AHEAD_MS = 5 * 60 * 1000

/** A repository that is not what it should be. */
interface Fault {
  readonly did: Did
  readonly detail: string
  readonly next: string
}

/**
 * Reads whole repositories, as those do who mirror them: every block by its hash, the tree, the signature by the key of the
 * account, the rows against the records, the newest event against the head. One after another, in a snapshot each.
 */
export async function repoChecks(db: Database, dids: readonly Did[], of: number): Promise<Finding[]> {
  const faults: Fault[] = []
  for (const did of dids) {
    const ahead = revAhead(db, did)
    if (ahead !== null) faults.push(ahead)
    // A snapshot: the running server goes on.
    db.raw.exec('BEGIN')
    try {
      const detail = await repoFault(db, did)
      if (detail !== null) faults.push({ did, detail, next: `avocet-pds rebuild-repo ${did}` })
    } finally {
      db.raw.exec('ROLLBACK')
    }
  }
  if (faults.length > 0) {
    return faults.map(({ did, detail, next }) => ({ level: 'bad', what: `repository ${did}`, detail, next }))
  }
  const detail = `${dids.length} of ${of} read, each whole, signed and indexed`
  return [{ level: 'ok', what: 'repositories', detail }]
}

function revAhead(db: Database, did: Did): Fault | null {
  const rev = db.prepare('SELECT rev FROM repo WHERE did = ?').get(did)?.['rev'] as string | undefined
  if (rev === undefined) return null
  const ahead = tidToMicros(rev) / 1000 - Date.now()
  if (ahead <= MAX_AHEAD_MS) return null
  const detail = `its revision is ${Math.round(ahead / 60_000)} minutes ahead of the clock; rev=${rev}`
  return { did, detail, next: `avocet-pds repair-rev ${did}` }
}

/** What is wrong with a repository, or null. */
async function repoFault(db: Database, did: Did): Promise<string | null> {
  const row = db.prepare('SELECT id, rev, data, head FROM repo WHERE did = ?').get(did)
  const account = db
    .prepare('SELECT signing_key, coalesce(deactivated_at, takedown_ref) AS off FROM account WHERE did = ?')
    .get(did)
  if (row === undefined || account === undefined) return 'the account has no repository'
  const key = parseDidKey(importKeypair('k256', account['signing_key'] as Uint8Array).didKey)
  if (!key.ok) return 'the signing key cannot be used'
  const head = cidFromBytes(row['head'] as Uint8Array)
  try {
    const car = writeCarStream([head], blocksOf(db, row['id'] as number, head))
    await using reader = await readRepo(car, { did, key: key.value })
    if (reader.rev !== row['rev']) return `its head says ${String(row['rev'])}, its commit ${reader.rev}`
    const indexed = rowsOf(db, did)
    for await (const { path, cid } of reader.entries) {
      const known = indexed.get(path)
      if (known !== formatCid(cid)) {
        return known === undefined
          ? `a record has no row; path=${path}`
          : `a row is another record's; path=${path}`
      }
      indexed.delete(path)
    }
    if (indexed.size > 0) return `a row has no record; path=${indexed.keys().next().value!}`
  } catch (error) {
    return `it cannot be read: ${(error as Error).message}`
  }
  // What changes while an account is not active is announced when it is.
  return account['off'] === null ? eventFault(db, did, row['rev']) : null
}

/** The newest event of a repository, if it is still in the log, tells its head. */
function eventFault(db: Database, did: Did, rev: string): string | null {
  for (const row of db.prepare('SELECT frame FROM event WHERE did = ? ORDER BY seq DESC').iterate(did)) {
    const frame = decodeFrame(row['frame'] as Uint8Array)
    if (!frame.ok || frame.value.kind !== 'message') return 'an event of its cannot be read'
    const { type, body } = frame.value
    if (type !== '#commit' && type !== '#sync') continue
    const told = (body as { rev?: unknown }).rev
    return told === rev ? null : `its newest event tells ${String(told)}, its head is ${rev}`
  }
  return null
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

function rowsOf(db: Database, did: Did): Map<string, string> {
  const rows = db
    .prepare(
      `SELECT collection, rkey, cid FROM record
       WHERE owner = (SELECT id FROM record_set WHERE did = ? AND state = 'live')`,
    )
    .all(did)
  return new Map(
    rows.map((row) => [`${String(row['collection'])}/${String(row['rkey'])}`, row['cid'] as string]),
  )
}
