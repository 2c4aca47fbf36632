import type { InviteCode } from '@avocet/accounts'
import type { Did, Handle } from '@avocet/syntax'

import { hostingStatus, type Account } from '../account.ts'
import type { FactorList, Factors } from '../factors/factors.ts'
import type { Holdings, Quotas } from '../repos/quotas.ts'
import type { Stores } from '../stores/stores.ts'

/** An account as lists of the operator show it. */
export interface AccountLine {
  readonly did: Did
  readonly handle: Handle | null
  readonly email: string | null
  readonly status: 'active' | 'deactivated' | 'takendown'
  readonly createdAt: string
}

/** What to look for among accounts. */
export interface AccountSearch {
  /** The beginning of a DID, a handle or an address; empty for all. */
  readonly text: string
  /** `next` of the page before; empty for the first one. */
  readonly after: string
  readonly limit: number
}

/** A page of accounts. */
export interface AccountPage {
  readonly accounts: readonly AccountLine[]
  /** For the page that follows; null on the last. */
  readonly next: string | null
}

/** All that the operator may know of an account. */
export interface AccountDetails extends AccountLine {
  readonly emailConfirmedAt: string | null
  readonly deactivatedAt: string | null
  /** When it is to be removed. */
  readonly deleteAfter: string | null
  readonly takedownRef: string | null
  readonly invitesDisabled: boolean
  readonly inviteNote: string | null
  readonly invitedBy: string | null
  readonly invites: readonly InviteCode[]
  readonly quota: Holdings
  readonly used: Holdings
  readonly factors: FactorList
  /** Those of clients with a password, that are not over. */
  readonly sessions: number
  readonly appPasswords: number
  readonly apps: readonly { readonly clientId: string; readonly since: string; readonly lastUsed: string }[]
  /** Where its owner is signed in at pages. */
  readonly browsers: readonly {
    readonly userAgent: string | null
    readonly address: string | null
    readonly seen: string
  }[]
}

/** Reads of accounts for the operator. Each looks at a bounded number of rows, found by an index. */
export interface AccountReads {
  search(search: AccountSearch): Promise<AccountPage>
  details(account: Account): Promise<AccountDetails>
}

/** What the reads compose. */
export interface AccountReadsParts {
  readonly stores: Pick<Stores, 'accountStore' | 'devices' | 'oauth'>
  readonly quotas: Pick<Quotas, 'of' | 'used'>
  readonly factors: Pick<Factors, 'list'>
  readonly now?: () => number
}

/** Accounts in one page, at most. */
const MAX_LIMIT = 100
/** Apps and browsers of an account that are shown. */
const MAX_SHOWN = 50
const MAX_TEXT = 256

/** Reads over the stores of this server. */
export function createAccountReads(parts: AccountReadsParts): AccountReads {
  const { stores, quotas, factors, now = Date.now } = parts
  const { accountStore, devices, oauth } = stores
  const { accounts } = accountStore
  const iso = (ms: number): string => new Date(ms).toISOString()

  return {
    search: async ({ text, after, limit }) => {
      const typed = text.trim().slice(0, MAX_TEXT).replace(/^@/, '')
      const by = columnOf(typed)
      // A DID is one thing in each case of letters; handles and addresses are kept in lower case.
      const prefix = by === 'did' ? typed : typed.toLowerCase()
      const size = Math.min(limit, MAX_LIMIT)
      const found = await accounts.search({ by, prefix, after, limit: size + 1 })
      const page = found.slice(0, size)
      return { accounts: page.map(toLine), next: found.length > size ? page.at(-1)![by] : null }
    },
    details: async (account) => {
      const { did } = account
      const at = now()
      const sessions = await accountStore.sessions.list(did)
      const apps = await oauth.sessions.list(did)
      const browsers = await devices.list(did)
      return {
        ...toLine(account),
        emailConfirmedAt: account.emailConfirmedAt,
        deactivatedAt: account.deactivatedAt,
        deleteAfter: account.deleteAfter,
        takedownRef: account.takedownRef,
        invitesDisabled: account.invitesDisabled,
        inviteNote: account.inviteNote,
        invitedBy: (await accountStore.invites.usedBy(did))?.forAccount ?? null,
        invites: (await accountStore.invites.madeFor(did)).slice(0, MAX_SHOWN),
        quota: await quotas.of(did),
        used: await quotas.used(did),
        factors: await factors.list(did),
        sessions: sessions.filter(({ expiresAt, nextId }) => nextId === null && expiresAt * 1000 > at).length,
        appPasswords: (await accountStore.appPasswords.list(did)).length,
        apps: apps
          .filter(({ expiresAt }) => expiresAt * 1000 > at)
          .slice(0, MAX_SHOWN)
          .map(({ clientId, createdAt, refreshedAt }) => ({
            clientId,
            since: iso(createdAt * 1000),
            lastUsed: iso(refreshedAt * 1000),
          })),
        browsers: browsers
          .filter(({ signIn }) => signIn.expiresAt > at)
          .slice(0, MAX_SHOWN)
          .map(({ device }) => ({
            userAgent: device.userAgent,
            address: device.address,
            seen: iso(device.seenAt),
          })),
      }
    },
  }
}

/** Where to look for a text. */
function columnOf(text: string): 'did' | 'handle' | 'email' {
  if (text === '' || text.startsWith('did:')) return 'did'
  return text.includes('@') ? 'email' : 'handle'
}

const toLine = (account: Account): AccountLine => ({
  did: account.did,
  handle: account.handle,
  email: account.email,
  status: hostingStatus(account),
  createdAt: account.createdAt,
})
