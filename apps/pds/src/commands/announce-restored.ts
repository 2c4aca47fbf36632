import { createAuditLog } from '../audit/audit-log.ts'
import { resolveConfig, type PdsOptions } from '../config/config.ts'
import { openPostgresStores } from '../stores/postgres/stores.ts'
import { CommandError, counted, type Print } from '../terminal.ts'
import { announceAll } from './announce-all.ts'

/** Numbers left out: those of events sent after the dump was made must never come again for other events. */
const SEQ_MARGIN = 1_000_000

/**
 * After `pg_restore`, before a server starts: event numbers go on above a margin, and every account is announced anew.
 * @throws CommandError, StoreError
 */
export async function announceRestored(options: PdsOptions, print: Print): Promise<void> {
  const config = resolveConfig(options)
  if (config.postgres === null) {
    throw new CommandError(
      'PDS_DB_POSTGRES_URL is not set: on SQLite "avocet-pds restore" announces the accounts',
    )
  }
  await using stores = await openPostgresStores(config, config.postgres)
  const first = await stores.server.log.advanceSeq(SEQ_MARGIN)
  const problems: string[] = []
  const { active, inactive } = await announceAll(stores, (text) => problems.push(text))
  for (const problem of problems) print(`NOT ANNOUNCED ${problem}`)
  await createAuditLog(stores.audit).recordCommand('database restored', { events: first + 1 })
  print(
    `events go on from number ${first + 1}, ${counted(active + inactive, 'account')} announced (${inactive} inactive)`,
  )
}
