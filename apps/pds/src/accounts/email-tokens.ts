import { randomInt } from 'node:crypto'

import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'

/** What a mailed code proves the right to do. */
export type TokenPurpose =
  | 'confirm-email'
  | 'update-email'
  | 'reset-password'
  | 'delete-account'
  | 'plc-operation'

/** Codes sent by mail: one per account and purpose, used once, short-lived, for the address they were mailed to. */
export interface EmailTokens {
  /** A new code for the account's present address, which replaces the one before. */
  create(did: Did, purpose: TokenPurpose, address: string): Promise<string>
  /** Whose code it is; the code stays usable. @throws PdsError `token-invalid`, `token-expired` */
  check(purpose: TokenPurpose, token: string, did?: Did): Did
  /**
   * Uses a code up, in the transaction of what it allows: if that fails, the code is still good.
   * @throws PdsError `token-invalid`, `token-expired`
   */
  spend(purpose: TokenPurpose, token: string, did: Did): void
  /** Ends codes of an account (all, or those of one purpose), in the transaction of the caller. */
  drop(did: Did, purpose?: TokenPurpose): void
}

const LIFETIME_MS = 15 * 60 * 1000
// Letters and digits that are not mistaken for each other, typed by hand from a mail.
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'

/** Codes over the rows in `db`. */
export function createEmailTokens(db: Database, now: () => number = Date.now): EmailTokens {
  const check: EmailTokens['check'] = (purpose, token, did) => {
    // The address is compared with the account's of this moment: a code proves nothing about another one.
    const row = db
      .prepare(
        `SELECT t.did, t.requested_at FROM email_token t JOIN account a ON a.did = t.did AND a.email = t.address
         WHERE t.purpose = ? AND t.token = ?`,
      )
      .get(purpose, token.trim().toUpperCase())
    if (row === undefined || (did !== undefined && row['did'] !== did)) {
      throw new PdsError('token-invalid', 'Token is invalid')
    }
    if (Number(row['requested_at']) + LIFETIME_MS < now()) {
      throw new PdsError('token-expired', 'Token is expired')
    }
    return row['did'] as Did
  }

  const drop: EmailTokens['drop'] = (did, purpose) => {
    db.prepare('DELETE FROM email_token WHERE did = ?1 AND (?2 IS NULL OR purpose = ?2)').run(
      did,
      purpose ?? null,
    )
  }

  return {
    create: async (did, purpose, address) => {
      const group = (): string =>
        Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]!).join('')
      const token = `${group()}-${group()}`
      await db.write(() => {
        db.prepare(
          `INSERT INTO email_token (did, purpose, token, address, requested_at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (did, purpose) DO UPDATE SET token = excluded.token, address = excluded.address,
             requested_at = excluded.requested_at`,
        ).run(did, purpose, token, address.toLowerCase(), now())
      })
      return token
    },
    check,
    spend: (purpose, token, did) => {
      check(purpose, token, did)
      drop(did, purpose)
    },
    drop,
  }
}
