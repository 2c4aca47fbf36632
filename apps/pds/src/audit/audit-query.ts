import type { AccountRows } from '@avocet/accounts'
import { findAccount } from '../auth/lookup.ts'
import type { AuditQuery } from '../stores/audit-rows.ts'

/** Entries in one answer, at most. */
const MAX_LIMIT = 1000

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A moment in ms since the epoch: a date (ISO 8601), or so long ago (`30m`, `12h`, `7d`); null when it is neither. */
function parseSince(text: string, now: number = Date.now()): number | null {
  const ago = /^(\d{1,6})([mhd])$/.exec(text)
  if (ago !== null) return now - Number(ago[1]) * UNITS[ago[2]!]!
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || text.length > 40) return null
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : at
}

/** The query of a page or a command: `account` (DID or handle), `since`, `before`, `limit`; null when one is no good. */
export async function readAuditQuery(
  value: (name: string) => string | undefined,
  accounts: Pick<AccountRows, 'get' | 'byHandle'>,
): Promise<AuditQuery | null> {
  const [account, since, before, limit = '100'] = ['account', 'since', 'before', 'limit'].map(value)
  const from = since === undefined ? undefined : parseSince(since)
  // An account that is gone still has its entries.
  const did =
    account === undefined || account.startsWith('did:')
      ? account
      : (await findAccount(accounts, account))?.did
  const bounds = [before, limit].every((text) => text === undefined || /^\d{1,15}$/.test(text))
  if (from === null || !bounds || (account !== undefined && did === undefined)) return null
  return {
    did,
    since: from,
    before: before === undefined ? undefined : Number(before),
    limit: Math.min(Number(limit), MAX_LIMIT),
  }
}
