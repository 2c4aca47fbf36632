// The tables with events put in as the verifier would, without streams and keys.

import { encode } from '@avocet/cbor'
import { type CID, cidForCbor, type DataObject } from '@avocet/data'
import type { AccountEvent, CommitEvent, FailureReason, ResyncEvent, VerifiedOp } from '@avocet/firehose'
import { openState } from '@avocet/firehose/sqlite'
import type { LexiconDocument } from '@avocet/lexicon'
import type { Database } from '@avocet/sqlite'
import type { Did, Handle } from '@avocet/syntax'
import { createNames } from '../../src/database/names.ts'
import { openIndexDatabase } from '../../src/database/open.ts'
import { createEventApplier, type EventApplier, type IndexNotice } from '../../src/index/apply.ts'
import { catalogWith, createExamine } from '../../src/index/examine.ts'
import { createJudge } from '../../src/index/validity.ts'
import { createProjections, type Projections } from '../../src/projections/store.ts'

export const REV = '3kxyzabcdef22'

/** An operation on a record, given as itself or as bytes that are none (null: a delete). */
export function opOf(
  action: VerifiedOp['action'],
  path: string,
  record: DataObject | Uint8Array | null,
  prev: CID | null = null,
): VerifiedOp {
  const slash = path.indexOf('/')
  const isBytes = record instanceof Uint8Array
  const recordBytes = record === null ? null : isBytes ? record : encode(record).slice()
  return {
    action,
    path,
    collection: path.slice(0, slash),
    rkey: path.slice(slash + 1),
    cid: recordBytes === null ? null : cidForCbor(recordBytes),
    record: isBytes ? null : record,
    recordBytes,
    prev,
    ...(isBytes ? { unread: 'malformed' as const } : {}),
  }
}

export type Tables = Disposable & {
  readonly db: Database
  readonly projections: Projections
  readonly applier: EventApplier
  readonly notices: IndexNotice[]
  /** ms since the epoch, for all that is applied. */
  now: number
  commit(did: Did, ops: readonly VerifiedOp[], fields?: Partial<CommitEvent>): void
  resync(did: Did, ops: readonly VerifiedOp[], fields?: Partial<ResyncEvent>): void
  account(did: Did, status: string | null, fields?: Partial<AccountEvent>): void
  identity(did: Did, handle: string | null): void
  sync(did: Did): void
  failure(reason: FailureReason, message?: string, did?: Did | null): void
  one(sql: string, ...params: (string | number)[]): unknown
}

export function openTables(
  isWanted: (collection: string) => boolean = () => true,
  documents: readonly LexiconDocument[] = [],
  folder: string | null = null,
): Tables {
  const db = openIndexDatabase(folder)
  const projections = createProjections(db, createNames(db))
  openState(db)
  const notices: IndexNotice[] = []
  const applier = createEventApplier({
    db,
    examine: createExamine(createJudge(catalogWith(documents))),
    isWanted,
    projections,
    now: () => tables.now,
    onNotice: (notice) => notices.push(notice),
  })
  const apply: EventApplier['apply'] = (event) => db.transaction(() => applier.apply(event))
  const origin = { source: 's', seq: 1 }
  const head = { rev: REV, commit: cidForCbor(encode({})), data: cidForCbor(encode({})) }
  const time = '2026-01-02T03:04:05.678Z'
  const tables: Tables = {
    db,
    projections,
    applier,
    notices,
    now: Date.parse(time),
    commit: (did, ops, fields) =>
      apply({
        kind: 'commit',
        did,
        ...origin,
        ...head,
        since: null,
        prevData: null,
        time,
        ops,
        flags: [],
        ...fields,
      }),
    resync: (did, ops, fields) =>
      apply({ kind: 'resync', did, source: 's', seq: null, ...head, ops, last: true, ...fields }),
    account: (did, status, fields) =>
      apply({ kind: 'account', did, ...origin, active: status === null, status, time, ...fields }),
    identity: (did, handle) =>
      apply({ kind: 'identity', did, ...origin, handle: handle as Handle | null, time }),
    sync: (did) => apply({ kind: 'sync', did, ...origin, ...head, time, unchanged: true }),
    failure: (reason, message = 'wrong', did = null) =>
      apply({ kind: 'failure', ...origin, did, reason, message }),
    one: (sql, ...params) => db.prepare(sql).get(...params),
    [Symbol.dispose]: () => db.close(),
  }
  return tables
}
