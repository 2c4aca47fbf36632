import type { InviteChange } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import { applyChanges, requireDone, type AccountWriter } from '../accounts/changes.ts'
import type { Deletions } from '../accounts/deletions.ts'
import type { Invites } from '../accounts/invites.ts'
import type { Letters } from '../accounts/letters.ts'
import type { Lifecycle } from '../accounts/lifecycle.ts'
import type { Account } from '../account.ts'
import { PdsError } from '../errors.ts'
import type { Factors } from '../factors/factors.ts'
import type { Holdings, Quotas } from '../repos/quotas.ts'
import type { QuotaChange } from '../stores/rows.ts'
import type { Stores } from '../stores/stores.ts'
import { setAccountInvites } from './account-invites.ts'
import type { Act } from './acts.ts'

/** Acts of the operator, for page and commands alike: by the functions that the methods of the protocol use. */
export interface AccountActs {
  /** @param ref the reference of the decision; null takes it back */
  takedown(account: Account, ref: string | null): Act
  /** Mails its owner a code to choose a new password with. */
  resetByMail(account: Account): Act
  /** As `removeFor` of factors. */
  removeFactors(account: Account, which: string): Act<{ removed: string[] }>
  /** Deactivates it, and removes it after the hold; its owner is told, and may come back until then. */
  planDeletion(account: Account): Act<{ deleteAfter: string | null }>
  /** Takes such a plan back, and activates it. */
  keep(account: Account): Act
  setQuota(did: Did, change: QuotaChange): Act<{ quota: Holdings; used: Holdings }>
  setInvites(account: Account, disabled: boolean): Act
  makeInvites(codes: number, uses: number): Act<{ codes: string[] }>
  disableInvite(code: string): Act
}

/** What acts compose. */
export interface AccountActsParts {
  readonly stores: Pick<Stores, 'apply' | 'accounts'> & { readonly accountStore: AccountWriter }
  readonly lifecycle: Lifecycle
  readonly deletions: Deletions
  readonly letters: Letters
  readonly factors: Pick<Factors, 'removeFor'>
  readonly quotas: Pick<Quotas, 'of' | 'used'>
  readonly invites: Invites
  readonly now?: () => number
}

const MAX_CODES = 100
const MAX_USES = 1_000_000

/** Acts over the stores of this server. */
export function createAccountActs(parts: AccountActsParts): AccountActs {
  const { stores, lifecycle, deletions, letters, factors, quotas, invites, now = Date.now } = parts
  const { accountStore } = stores

  return {
    takedown: ({ did }, ref) => ({
      action: 'status changed',
      did,
      detail: { takedown: ref !== null, ...(ref === null ? {} : { ref }) },
      run: async () => {
        await lifecycle.takedown(did, ref)
        return {}
      },
    }),
    resetByMail: (account) => ({
      action: 'password reset mailed',
      did: account.did,
      detail: {},
      run: async () => {
        await letters.sendCode(account, 'reset-password')
        return {}
      },
    }),
    removeFactors: (account, which) => ({
      action: 'factor removed',
      did: account.did,
      detail: { which },
      run: async () => ({ removed: await factors.removeFor(account, which) }),
    }),
    planDeletion: ({ did }) => ({
      action: 'deletion planned',
      did,
      detail: {},
      run: async () => {
        // Moved on to the end of the hold.
        await deletions.deactivate(did, new Date(now()).toISOString())
        return { deleteAfter: (await stores.accounts.get(did))?.deleteAfter ?? null }
      },
    }),
    keep: ({ did }) => ({
      action: 'deletion taken back',
      did,
      detail: {},
      run: async () => {
        await lifecycle.activate(did)
        return {}
      },
    }),
    setQuota: (did, change) => ({
      action: 'quota set',
      did,
      detail: { ...change },
      run: async () => {
        requireDone(await stores.apply({ rows: [{ type: 'setQuota', did, quota: change }] }))
        return { quota: await quotas.of(did), used: await quotas.used(did) }
      },
    }),
    setInvites: ({ did }, disabled) => ({
      action: disabled ? 'invites disabled' : 'invites enabled',
      did,
      detail: {},
      run: async () => {
        await setAccountInvites(accountStore, { account: did }, disabled)
        return {}
      },
    }),
    makeInvites: (codes, uses) => ({
      action: 'invite codes created',
      did: null,
      detail: { codes, uses },
      run: async () => {
        requireCount('codes', codes, MAX_CODES)
        requireCount('uses', uses, MAX_USES)
        const made: (InviteChange & { type: 'createInvite' })[] = Array.from({ length: codes }, () =>
          invites.making({ useCount: uses, forAccount: 'admin', createdBy: 'admin' }),
        )
        await applyChanges(accountStore, made)
        return { codes: made.map(({ code }) => code) }
      },
    }),
    disableInvite: (code) => ({
      action: 'invite codes disabled',
      did: null,
      detail: { codes: 1 },
      run: async () => {
        await applyChanges(accountStore, [{ type: 'disableInvites', codes: [code], accounts: [] }])
        return {}
      },
    }),
  }
}

/** @throws PdsError `invalid-request` */
function requireCount(name: string, count: number, max: number): void {
  if (Number.isSafeInteger(count) && count >= 1 && count <= max) return
  throw new PdsError('invalid-request', `Expected a number from 1 to ${max}; ${name}`)
}
