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
/** Codes of one purpose that are good at a time. */
const MAX_CODES = 5
// Letters and digits that are not mistaken for each other, typed by hand from a mail.
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'

const newGroup = (): string => Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]!).join('')
const newCode = (): string => `${newGroup()}-${newGroup()}`

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
    create: (did, purpose, address) =>
      db.write(() => {
        const at = now()
        // Codes for a former address prove nothing any more, and take no room.
        db.prepare(
          'DELETE FROM email_token WHERE did = ? AND purpose = ? AND (requested_at < ? OR address <> ?)',
        ).run(did, purpose, at - LIFETIME_MS, address.toLowerCase())
        const good = db
          .prepare('SELECT token FROM email_token WHERE did = ? AND purpose = ? ORDER BY made_at DESC, token')
          .all(did, purpose)
        if (good.length >= MAX_CODES) {
          // The others are not renewed: once they have ended there is room again, so no code lives for long.
          const newest = good[0]!['token'] as string
          db.prepare('UPDATE email_token SET requested_at = ? WHERE token = ?').run(at, newest)
          return newest
        }
        const token = newCode()
        db.prepare(
          'INSERT INTO email_token (did, purpose, token, address, made_at, requested_at) VALUES (?, ?, ?, ?, ?, ?)',
        ).run(did, purpose, token, address.toLowerCase(), at, at)
        return token
      }),
    check,
    spend: (purpose, token, did) => {
      check(purpose, token, did)
      drop(did, purpose)
    },
    drop,
  }
}
