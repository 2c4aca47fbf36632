import { html, type Fragment, type Html } from '../../pages/html.ts'
import type { AuditRow } from '../../stores/audit-rows.ts'
import { accountLink, field, link, table, time } from './parts.ts'

/** What of the audit log is shown. */
export interface AuditFilter {
  readonly account: string
  readonly since: string
}

const detailOf = (detail: AuditRow['detail']): string =>
  Object.entries(detail)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ')

/** Entries of the audit log. */
export function auditTable(caption: string, rows: readonly AuditRow[]): Html {
  return table(
    caption,
    ['What', 'When', 'Who', 'Account', 'From', 'More'],
    rows.map(({ at, action, actor, did, address, error, detail }): Fragment[] => [
      error === null ? action : `${action}: ${error}`,
      time(at),
      actor,
      did === null ? '–' : accountLink(did),
      address ?? '–',
      detailOf(detail) || '–',
    ]),
    'Nothing is noted.',
  )
}

/** A page of the audit log. */
export function auditView(filter: AuditFilter, rows: readonly AuditRow[], hasMore: boolean): Html {
  const { account, since } = filter
  const more = { account, since, before: String(rows.at(-1)?.id ?? 0) }
  return html`<form class="filter" method="get" action="/admin/audit">
      ${field('account', 'Handle or DID', account)}${field('since', 'Since (30m, 12h, 7d, 2026-01-31)', since)}<button>
        Show
      </button>
    </form>
    ${auditTable('Entries', rows)} ${hasMore && html`<p>${link('/admin/audit', more, 'Older entries')}</p>`}`
}
