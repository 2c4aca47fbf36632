import type { AccountChange, AccountStore } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import { randomText } from '../auth/random-text.ts'
import { PdsError } from '../errors.ts'
import { buildChanges } from './changes.ts'

/** What a mailed code proves the right to do. */
export type TokenPurpose =
  | 'confirm-email'
  | 'update-email'
  | 'reset-password'
  | 'delete-account'
  | 'plc-operation'
  | 'sign-in'

/**
 * Codes sent by mail: used once, short-lived, for the address they were mailed to. Anybody may ask for one to reset a
 * password, so asking never ends a code that the owner was mailed before: the first one used ends the others.
 */
export interface EmailTokens {
  /**
   * A code for the account's present address. It is a new one, or where an account has `MAX_CODES` of a purpose already the
   * newest of them, which lives for its whole time again.
   */
  create(did: Did, purpose: TokenPurpose, address: string): Promise<string>
  /** Whose code it is; the code stays usable. @throws PdsError `token-invalid`, `token-expired` */
  check(purpose: TokenPurpose, token: string, did?: Did): Promise<Did>
  /** What uses a code up, for the changes that it allows: if those fail, the code is still good. */
  spending(purpose: TokenPurpose, token: string, did: Did): AccountChange
}

const LIFETIME_MS = 15 * 60 * 1000
/** Codes of one purpose that are good at a time. */
const MAX_CODES = 5
// Letters and digits that are not mistaken for each other, typed by hand from a mail.
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'

const newCode = (): string => randomText(2, 5, ALPHABET)

/** Codes in `store`. */
export function createEmailTokens(store: AccountStore, now: () => number = Date.now): EmailTokens {
  const written = (token: string): string => token.trim().toUpperCase()
  return {
    create: (did, purpose, address) =>
      buildChanges(store, async () => {
        const at = now()
        const expiredBefore = at - LIFETIME_MS
        // Codes for a former address prove nothing any more, and take no room.
        const to = address.toLowerCase()
        const good = (await store.codes.list(did, purpose)).filter(
          (code) => code.address === to && code.requestedAt >= expiredBefore,
        )
        if (good.length >= MAX_CODES) {
          // The others are not renewed: once they have ended there is room again, so no code lives for long.
          const { token } = good[0]!
          return { changes: [{ type: 'renewCode', did, purpose, token, at }], value: token }
        }
        const token = newCode()
        const code = { did, purpose, token, address: to, madeAt: at, requestedAt: at }
        return { changes: [{ type: 'keepCode', code, expiredBefore, max: MAX_CODES }], value: token }
      }, ['too-many-codes', 'code-invalid', 'id-taken']),
    check: async (purpose, token, did) => {
      // Found only for the account's address of this moment: a code proves nothing about another one.
      const code = await store.codes.find(purpose, written(token))
      if (code === null || (did !== undefined && code.did !== did)) {
        throw new PdsError('token-invalid', 'Token is invalid')
      }
      if (code.requestedAt + LIFETIME_MS < now()) throw new PdsError('token-expired', 'Token is expired')
      return code.did
    },
    spending: (purpose, token, did) => ({
      type: 'spendCode',
      did,
      purpose,
      token: written(token),
      expiredBefore: now() - LIFETIME_MS,
    }),
  }
}
