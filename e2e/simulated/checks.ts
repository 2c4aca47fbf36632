// What has to hold of an index, whatever happened to the process that made it.

import { DatabaseSync } from 'node:sqlite'
import { readCar } from '@avocet/car'
import { decode } from '@avocet/cbor'
import type { CID, DataObject } from '@avocet/data'
import { loadTree } from '@avocet/mst'

/** A repo as its PDS exports it: bytes in hex by CID, and CIDs by path. */
export type Truth = ReadonlyMap<string, string>

/** Path → CID and bytes of every record of a repo. @throws Error when the PDS does not give it */
export async function readTruth(pds: string, did: string): Promise<Truth> {
  const response = await fetch(`${pds}/xrpc/com.atproto.sync.getRepo?did=${did}`)
  if (!response.ok) throw new Error(`no export of ${did}: ${response.status}`)
  const { roots, blocks } = readCar(new Uint8Array(await response.arrayBuffer()))
  const bytes = new Map(blocks.map((block) => [block.cid.toString(), block.bytes]))
  const { data } = decode(bytes.get(roots[0]!.toString())!) as DataObject
  const tree = loadTree(data as CID, { get: (cid) => bytes.get(cid.toString()) })
  const found = new Map<string, string>()
  for (const [path, cid] of tree.entries()) {
    found.set(path, `${cid.toString()} ${Buffer.from(bytes.get(cid.toString())!).toString('hex')}`)
  }
  return found
}

/** An index's database, read while it is used or not. */
export function openIndex(file: string): DatabaseSync {
  return new DatabaseSync(file, { readOnly: true })
}

/** Where the index and the repo differ, a few of it; none: equal record for record. @param isWanted which paths are indexed */
export function differences(
  db: DatabaseSync,
  did: string,
  truth: Truth,
  cidOf: (bytes: Uint8Array) => string,
  isWanted: (path: string) => boolean = () => true,
): string[] {
  const rows = db.prepare('SELECT collection, rkey, cid, bytes FROM record_list WHERE did = ?').all(did)
  const found = new Map(
    rows.map(({ collection, rkey, cid, bytes }) => [
      `${String(collection)}/${String(rkey)}`,
      `${cidOf(cid as Uint8Array)} ${Buffer.from(bytes as Uint8Array).toString('hex')}`,
    ]),
  )
  const wrong = [...truth]
    .filter(([path, record]) => isWanted(path) && found.get(path) !== record)
    .map(([path]) => `lacks ${path}`)
  const undead = [...found.keys()]
    .filter((path) => !truth.has(path) || !isWanted(path))
    .map((path) => `still has ${path}`)
  return [...wrong, ...undead].slice(0, 5)
}

const NONE: readonly (readonly [string, string])[] = [
  [
    'operations that the log has twice',
    `SELECT repo, rev, action, collection, rkey, count(*) AS n FROM log_rows WHERE action IS NOT NULL
     GROUP BY repo, rev, action, collection, rkey HAVING n > 1`,
  ],
  [
    'operations of events that the log has twice',
    `SELECT source, source_seq, repo, action, collection, rkey, count(*) AS n FROM log_rows
     WHERE kind = 'record' AND source_seq IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6 HAVING n > 1`,
  ],
  [
    'contents that are not used as often as they say',
    `SELECT id FROM contents WHERE uses <> (SELECT count(*) FROM records WHERE content = contents.id)`,
  ],
  ['contents of nothing', 'SELECT id FROM contents WHERE uses < 1'],
  [
    'records without their content',
    `SELECT id FROM records WHERE content IS NOT NULL AND NOT EXISTS
     (SELECT 1 FROM contents WHERE contents.id = records.content AND contents.repo = records.repo AND contents.cid = records.cid)`,
  ],
  [
    'links of no record, or of another',
    `SELECT record FROM links WHERE NOT EXISTS (SELECT 1 FROM records
     WHERE records.id = links.record AND records.repo = links.repo AND records.collection = links.collection)`,
  ],
  [
    'records with other links than their own',
    `SELECT r.id FROM records r LEFT JOIN contents c ON c.id = r.content
     WHERE (SELECT count(*) FROM links l WHERE l.record = r.id AND l.repo = r.repo) <>
       iif(r.content IS NULL, coalesce(length(r.pointers), 0), min(24, coalesce(length(c.pointers), 0))) / 12`,
  ],
  ['frames that still wait', 'SELECT id FROM queued_frames'],
]

/** Sums of the tables against the tables themselves. */
const EQUAL: readonly (readonly [string, string, string])[] = [
  ['records', 'SELECT records AS n FROM totals', 'SELECT count(*) AS n FROM records'],
  [
    // The first of an account has none, and is in no row.
    'commits with operations, those without aside',
    `SELECT iif(commits BETWEEN shown AND shown + (SELECT count(*) FROM accounts), 0, commits - shown) AS n FROM totals,
     (SELECT count(*) AS shown FROM (SELECT DISTINCT repo, rev FROM log_rows WHERE kind = 'record' AND provenance = 'live'))`,
    'SELECT 0 AS n',
  ],
  [
    'updates',
    'SELECT updates AS n FROM totals',
    "SELECT count(*) AS n FROM log_rows WHERE action = 'update'",
  ],
  [
    'deletes',
    'SELECT deletes AS n FROM totals',
    "SELECT count(*) AS n FROM log_rows WHERE action = 'delete'",
  ],
  [
    'identities, accounts and syncs',
    'SELECT identities + accounts + syncs AS n FROM totals',
    "SELECT count(*) AS n FROM log_rows WHERE kind IN ('identity', 'account', 'sync')",
  ],
  [
    // A row costs 120 bytes and its key twice; what it or its content holds; its links five times their pointers.
    'bytes of accounts, names aside',
    `SELECT total(stored > 0 AND stored < (
       SELECT coalesce(sum(120 + 2 * length(rkey) + coalesce(length(bytes), 0) + 5 * coalesce(length(pointers), 0)), 0)
       FROM records WHERE repo = (SELECT id FROM names WHERE name = accounts.did))) AS n FROM accounts`,
    'SELECT 0 AS n',
  ],
]

/** All that is wrong with an index by itself. */
export function faultsOf(db: DatabaseSync): string[] {
  const faults = NONE.flatMap(([what, sql]) => {
    const rows = db.prepare(sql).all()
    return rows.length === 0 ? [] : [`${what}: ${rows.length}, such as ${JSON.stringify(rows[0])}`]
  })
  const sums = EQUAL.flatMap(([what, left, right]) => {
    const [a, b] = [db.prepare(left).get()!['n'], db.prepare(right).get()!['n']]
    return Number(a) === Number(b) ? [] : [`${what}: ${String(a)} is not ${String(b)}`]
  })
  const [check] = db.prepare('PRAGMA integrity_check').all()
  return [...faults, ...sums, ...(check?.['integrity_check'] === 'ok' ? [] : [JSON.stringify(check)])]
}
