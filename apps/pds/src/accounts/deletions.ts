import type { AccountStore, PlannedDeletion } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { EmailTokens } from './email-tokens.ts'
import type { Letters } from './letters.ts'
import { applyChanges } from './changes.ts'
import type { Lifecycle } from './lifecycle.ts'

/**
 * Deletions that an owner plans by deactivating an account. An access token is enough for that, and a token may be stolen: so
 * nothing is removed before a hold during which the owner is told twice by mail and may come back.
 */
export interface Deletions {
  /** Turns an account off. @param deleteAfter when to remove it, moved on to the end of the hold; null for never */
  deactivate(did: Did, deleteAfter: string | null): Promise<void>
  /**
   * Plans the removal of an account for the end of the hold, and turns it off until then.
   * @param code the mailed code that allows it; an account without an address needs none
   * @returns when it is removed
   * @throws PdsError `token-required`, `token-invalid`, `token-expired`
   */
  plan(did: Did, code: string): Promise<string>
  /** Warns the owners whose time is near, and removes the accounts whose time has come. Returns how many were removed. */
  run(): Promise<number>
}

const DAY_MS = 24 * 60 * 60 * 1000
/** Least time from the plan to the removal. */
const HOLD_MS = 30 * DAY_MS
/** How long before the removal the owner is warned. */
const WARN_MS = 7 * DAY_MS
/** Least time from the warning to the removal, also where the server stood still in between. */
const NOTICE_MS = 3 * DAY_MS

/** Deletions of the accounts in `store`. */
export function createDeletions(
  store: AccountStore,
  lifecycle: Lifecycle,
  letters: Letters,
  emailTokens: Pick<EmailTokens, 'spending'>,
  log: Logger,
  now: () => number = Date.now,
): Deletions {
  const iso = (ms: number): string => new Date(ms).toISOString()

  const warn = async ({ did, deleteAfter }: PlannedDeletion): Promise<void> => {
    const date = iso(Math.max(Date.parse(deleteAfter), now() + NOTICE_MS))
    const account = await store.accounts.get(did)
    if (account === null) return
    await letters.tellOfDeletion(account, date)
    const set = { deleteWarnedAt: iso(now()) }
    await applyChanges(store, [{ type: 'updateAccount', did, set }], ['account-not-found'])
  }

  /** Whether the account was removed. */
  const advance = async (plan: PlannedDeletion): Promise<boolean> => {
    const hasMail = (await store.accounts.get(plan.did))?.email !== null
    if (hasMail && plan.warnedAt === null) {
      await warn(plan)
      return false
    }
    if (Date.parse(plan.deleteAfter) > now()) return false
    if (hasMail && Date.parse(plan.warnedAt!) + NOTICE_MS > now()) return false
    await lifecycle.remove(plan.did)
    log.info({ did: plan.did, deleteAfter: plan.deleteAfter }, 'an account was removed as its owner planned')
    return true
  }

  return {
    plan: async (did, code) => {
      const account = await store.accounts.get(did)
      if (account === null) throw new PdsError('account-not-found', 'Account not found')
      const hasMail = account.email !== null
      if (hasMail && code === '') throw new PdsError('token-required', 'confirmation token required')
      const deleteAfter = iso(now() + HOLD_MS)
      const allowing = hasMail ? [emailTokens.spending('delete-account', code, did)] : []
      await lifecycle.deactivate(did, deleteAfter, allowing)
      letters.tellOfDeletionLater(account, deleteAfter)
      return deleteAfter
    },
    deactivate: async (did, wanted) => {
      const deleteAfter = wanted === null ? null : iso(Math.max(new Date(wanted).getTime(), now() + HOLD_MS))
      await lifecycle.deactivate(did, deleteAfter)
      const account = deleteAfter === null ? null : await store.accounts.get(did)
      if (account !== null) letters.tellOfDeletionLater(account, deleteAfter!)
    },
    run: async () => {
      let removed = 0
      for (const plan of await store.accounts.plannedDeletions(iso(now() + WARN_MS))) {
        try {
          // One at a time: nobody waits for these.
          if (await advance(plan)) removed += 1
        } catch (error) {
          log.error({ err: error, did: plan.did }, 'a planned deletion could not go on')
        }
      }
      return removed
    },
  }
}
