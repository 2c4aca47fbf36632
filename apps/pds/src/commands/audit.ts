import { join } from 'node:path'

import { readAccounts } from '@avocet/accounts/sqlite'
import { openDatabase } from '@avocet/sqlite'

import { readAuditQuery } from '../audit/audit-query.ts'
import { resolveConfig, type PdsOptions } from '../config/config.ts'
import { readAudit } from '../stores/sqlite/audit.ts'
import { CommandError, type Print } from '../terminal.ts'

/** What of the audit log to print. */
export interface AuditFlags {
  readonly account?: string
  readonly since?: string
  readonly limit?: string
  readonly json?: boolean
}

/**
 * Prints the audit log, the newest entry first, from the data directory: also beside the running server, and without one.
 * @throws CommandError
 */
export async function printAudit(options: PdsOptions, flags: AuditFlags, print: Print): Promise<void> {
  const { dataDirectory } = resolveConfig(options)
  const path = join(dataDirectory, 'pds.sqlite')
  let db: ReturnType<typeof openDatabase>
  try {
    db = openDatabase({ path, readOnly: true })
  } catch (cause) {
    throw new CommandError(`no server's data here; path=${dataDirectory}`, { cause })
  }
  try {
    const values = new Map(Object.entries(flags))
    const query = await readAuditQuery(
      (name) => values.get(name) as string | undefined,
      readAccounts(db).accounts,
    )
    if (query === null) {
      throw new CommandError('no such account, or no such time: --since takes 30m, 12h, 7d or 2026-01-31')
    }
    for (const row of await readAudit(db).list(query)) {
      const { at, action, actor, error, did, address, detail } = row
      if (flags.json === true) print(JSON.stringify(row))
      else {
        const fields = [at, action, actor, error ?? 'done', did ?? '-', address ?? '-']
        print([...fields, ...(Object.keys(detail).length === 0 ? [] : [JSON.stringify(detail)])].join('\t'))
      }
    }
  } finally {
    db.close()
  }
}
