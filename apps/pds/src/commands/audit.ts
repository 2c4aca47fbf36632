import { readAuditQuery } from '../audit/audit-query.ts'
import { resolveConfig, type PdsOptions } from '../config/config.ts'
import { openStoresView } from '../stores/open-view.ts'
import { CommandError, type Print } from '../terminal.ts'

/** What of the audit log to print. */
export interface AuditFlags {
  readonly account?: string
  readonly since?: string
  readonly limit?: string
  readonly json?: boolean
}

/**
 * Prints the audit log, the newest entry first, from where the data is: also beside the running server, and without one.
 * @throws CommandError
 */
export async function printAudit(options: PdsOptions, flags: AuditFlags, print: Print): Promise<void> {
  const config = resolveConfig(options)
  const opened = await openStoresView(config)
  if (opened === null) throw new CommandError(`no server's data here; path=${config.dataDirectory}`)
  await using view = opened
  const values = new Map(Object.entries(flags))
  const query = await readAuditQuery((name) => values.get(name) as string | undefined, view.accounts)
  if (query === null) {
    throw new CommandError('no such account, or no such time: --since takes 30m, 12h, 7d or 2026-01-31')
  }
  for (const row of await view.audit.list(query)) {
    const { at, action, actor, error, did, address, detail } = row
    if (flags.json === true) print(JSON.stringify(row))
    else {
      const fields = [at, action, actor, error ?? 'done', did ?? '-', address ?? '-']
      print([...fields, ...(Object.keys(detail).length === 0 ? [] : [JSON.stringify(detail)])].join('\t'))
    }
  }
}
