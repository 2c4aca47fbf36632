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

/** Codes sent by mail: one per account and purpose, used once, short-lived. */
export interface EmailTokens {
  /** A new code, which replaces the one before. */
  create(did: Did, purpose: TokenPurpose): Promise<string>
  /** Uses up a code of this account. @throws PdsError `token-invalid`, `token-expired` */
  use(did: Did, purpose: TokenPurpose, token: string): Promise<void>
  /** Uses up a code and tells whose it was. @throws PdsError `token-invalid`, `token-expired` */
  useAny(purpose: TokenPurpose, token: string): Promise<Did>
}

const LIFETIME_MS = 15 * 60 * 1000
// Letters and digits that are not mistaken for each other, typed by hand from a mail.
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'

/** Codes over the rows in `db`. */
export function createEmailTokens(db: Database, now: () => number = Date.now): EmailTokens {
  const take = (purpose: TokenPurpose, token: string, did: Did | null): Promise<Did> =>
    db
      .write((): { did: Did } | PdsError => {
        const row = db
          .prepare('SELECT did, requested_at FROM email_token WHERE purpose = ? AND token = ?')
          .get(purpose, token.trim().toUpperCase())
        if (row === undefined || (did !== null && row['did'] !== did)) {
          return new PdsError('token-invalid', 'Token is invalid')
        }
        const owner = row['did'] as Did
        db.prepare('DELETE FROM email_token WHERE did = ? AND purpose = ?').run(owner, purpose)
        const expired = Number(row['requested_at']) + LIFETIME_MS < now()
        return expired ? new PdsError('token-expired', 'Token is expired') : { did: owner }
      })
      .then((result) => {
        // Thrown outside the transaction: an expired code stays used up.
        if (result instanceof PdsError) throw result
        return result.did
      })

  return {
    create: async (did, purpose) => {
      const group = (): string =>
        Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]!).join('')
      const token = `${group()}-${group()}`
      await db.write(() => {
        db.prepare(
          `INSERT INTO email_token (did, purpose, token, requested_at) VALUES (?, ?, ?, ?)
           ON CONFLICT (did, purpose) DO UPDATE SET token = excluded.token, requested_at = excluded.requested_at`,
        ).run(did, purpose, token, now())
      })
      return token
    },
    use: async (did, purpose, token) => {
      await take(purpose, token, did)
    },
    useAny: (purpose, token) => take(purpose, token, null),
  }
}
