import type { Did } from '@avocet/syntax'

import type { QuotaRow, QuotaRows } from './rows.ts'

/** How long bounds are remembered, which each write asks for, and of how many accounts. */
const QUOTA_MS = 10_000
const MAX_QUOTAS = 10_000

/** Bounds, and what forgets those that this process changed. */
export interface RememberedQuotas extends QuotaRows {
  drop(did: Did): void
}

/** Bounds that are read once in {@link QUOTA_MS}. @param now milliseconds by a clock that nobody sets */
export function rememberQuotas(
  read: QuotaRows['get'],
  now: () => number = () => performance.now(),
): RememberedQuotas {
  const known = new Map<Did, { readonly row: QuotaRow | null; readonly until: number }>()
  const remember = (did: Did, row: QuotaRow | null): QuotaRow | null => {
    known.delete(did)
    if (known.size >= MAX_QUOTAS) known.delete(known.keys().next().value!)
    known.set(did, { row, until: now() + QUOTA_MS })
    return row
  }
  return {
    get: (did) => {
      const found = known.get(did)
      if (found !== undefined && found.until > now()) return found.row
      const row = read(did)
      // At hand on SQLite: a write does not wait for it.
      return row instanceof Promise ? row.then((loaded) => remember(did, loaded)) : remember(did, row)
    },
    drop: (did) => void known.delete(did),
  }
}
