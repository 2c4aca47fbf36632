import { openAccountStore, type PostgresAccountStore } from '@avocet/accounts/postgres'
import type { BlobStore, BlobUpkeep } from '@avocet/blobs'
import { holdOffice, migrate, type PostgresDatabase, type Transaction } from '@avocet/postgres'
import { openRepoServerStore, type PostgresRepoServerStore } from '@avocet/repo-server/postgres'

import { openBlobs } from '../../blobs/blob-place.ts'
import type { PdsConfig, PostgresPlace } from '../../config/config.ts'
import { SILENT, type Logger } from '../../logger.ts'
import { NotApplied, type AppChange, type AppOutcome } from '../app-change.ts'
import { lostRace } from '../lost-race.ts'
import type { Stores } from '../stores.ts'
import { openAudit } from './audit.ts'
import { connect } from './connect.ts'
import { openDevices } from './devices.ts'
import { explained } from './failures.ts'
import { endingApps, openOAuth } from './oauth.ts'
import { openOperatorRows } from './operator.ts'
import { applyRow, openClock, openNotes, openQuotas, openRecent, openRotations, openVitals } from './rows.ts'
import { TABLES } from './schema.ts'
import { openTotals } from './totals.ts'
import { refuseUnfinished, shareUse } from './use.ts'

/** Everything on one Postgres database, for any number of processes. */
export interface PostgresStores extends Stores {
  readonly db: PostgresDatabase
  readonly accountStore: PostgresAccountStore
  readonly server: PostgresRepoServerStore
}

/** Opens, and on first use makes, the tables, and the place of blobs. @throws StoreError, DataDirectoryError */
export async function openPostgresStores(
  config: PdsConfig,
  place: PostgresPlace,
  log: Logger = SILENT,
  given?: BlobStore & BlobUpkeep,
): Promise<PostgresStores> {
  await using opened = new AsyncDisposableStack()
  const db = opened.use(await connect(place, { log, onConnect: (connection) => shareUse(connection, place) }))
  let accountStore: PostgresAccountStore
  let server: PostgresRepoServerStore
  try {
    await refuseUnfinished(db, place)
    accountStore = endingApps(await openAccountStore(db), db)
    server = opened.use(
      await openRepoServerStore(db, {
        onError: (error) => log.warn({ err: error }, 'the event log of Postgres could not be watched'),
      }),
    )
    for (const [name, migrations] of TABLES) {
      await migrate(db, name, migrations)
    }
  } catch (error) {
    throw explained(error, place.url)
  }
  const files =
    given ??
    (await openBlobs(config, (error) => log.warn({ err: error }, 'the blobs cannot be reached for now')))
  const quotas = openQuotas(db)

  /** @throws NotApplied to undo the transaction */
  const applyAll = async (tx: Transaction, change: AppChange): Promise<AppOutcome> => {
    const { accounts = [], rows = [], repos = [] } = change
    if (accounts.length > 0) {
      const outcome = await accountStore.applyIn(tx, accounts)
      if (outcome.status === 'stale') throw new NotApplied(outcome)
      if (outcome.status === 'refused') throw new NotApplied({ ...outcome, by: 'accounts' })
    }
    for (const row of rows) {
      await applyRow(tx, row)
      tx.afterCommit(() => quotas.drop(row.did))
    }
    const seqs: number[] = []
    // Last: an event is numbered as late as can be.
    for (const item of repos) {
      const outcome = await server.applyTo(tx, item)
      if (outcome.status === 'stale') throw new NotApplied(outcome)
      if (outcome.status === 'refused') throw new NotApplied({ ...outcome, by: 'repositories' })
      seqs.push(...outcome.seqs)
    }
    return { status: 'applied', seqs }
  }

  const kept = opened.move()
  return {
    isShared: true,
    elect: (work) =>
      holdOffice(db, 'chores', work, {
        onError: (error) => log.warn({ err: error }, 'chores were interrupted'),
      }),
    db,
    server,
    accountStore,
    accounts: accountStore.accounts,
    files,
    quotas,
    rotations: openRotations(db),
    audit: openAudit(db),
    operator: openOperatorRows(db),
    clock: openClock(db),
    devices: openDevices(db),
    oauth: openOAuth(db),
    recent: openRecent(db),
    vitals: openVitals(db),
    totals: openTotals(db),
    notes: openNotes(db),
    apply: async (change) => {
      try {
        return await db.transaction((tx) => applyAll(tx, change))
      } catch (error) {
        if (error instanceof NotApplied) return error.outcome
        if (lostRace(error)) return { status: 'stale' }
        throw error
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
