import { randomInt } from 'node:crypto'

import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import type { SQLOutputValue } from 'node:sqlite'

import { PdsError } from '../errors.ts'

/** An invite code and who used it. */
export interface InviteCode {
  readonly code: string
  /** Uses it was made with. */
  readonly available: number
  readonly disabled: boolean
  readonly forAccount: string
  readonly createdBy: string
  readonly createdAt: string
  readonly uses: readonly { readonly usedBy: string; readonly usedAt: string }[]
}

/** Invite codes. Methods that write run in the caller's transaction. */
export interface Invites {
  /** @throws PdsError `invalid-invite-code` if the code cannot be used */
  check(code: string | undefined): void
  /** Notes that `did` used the code. @throws PdsError `invalid-invite-code` */
  use(code: string, did: Did): void
  create(options: { useCount: number; forAccount: string; createdBy: string }): string
  forAccount(did: string): InviteCode[]
  /** Who invited an account. */
  usedBy(did: Did): InviteCode | null
  list(options: { sort: 'recent' | 'usage'; limit: number; after: string | null }): InviteCode[]
  disable(codes: readonly string[], accounts: readonly string[]): void
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** Invite codes over the rows in `db`; a code starts with the server's name. */
export function createInvites(db: Database, hostname: string): Invites {
  const usesOf = (code: string): InviteCode['uses'] =>
    db
      .prepare('SELECT used_by, used_at FROM invite_use WHERE code = ? ORDER BY used_at, used_by')
      .all(code)
      .map((row) => ({ usedBy: row['used_by'] as string, usedAt: row['used_at'] as string }))

  const toInvite = (row: Record<string, SQLOutputValue>): InviteCode => ({
    code: row['code'] as string,
    available: Number(row['available_uses']),
    disabled: row['disabled'] !== 0,
    forAccount: row['for_account'] as string,
    createdBy: row['created_by'] as string,
    createdAt: row['created_at'] as string,
    uses: usesOf(row['code'] as string),
  })

  const check: Invites['check'] = (code) => {
    if (code === undefined || code === '')
      throw new PdsError('invalid-invite-code', 'No invite code provided')
    const row = db.prepare('SELECT * FROM invite_code WHERE code = ?').get(code)
    const invite = row === undefined ? null : toInvite(row)
    if (invite === null || invite.disabled || invite.uses.length >= invite.available) {
      throw new PdsError('invalid-invite-code', 'Provided invite code not available')
    }
  }

  return {
    check,
    use: (code, did) => {
      check(code)
      db.prepare('INSERT INTO invite_use (code, used_by, used_at) VALUES (?, ?, ?)').run(
        code,
        did,
        new Date().toISOString(),
      )
    },
    create: ({ useCount, forAccount, createdBy }) => {
      const group = (): string =>
        Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]!).join('')
      const code = `${hostname.replaceAll('.', '-')}-${group()}-${group()}`
      db.prepare(
        `INSERT INTO invite_code (code, available_uses, for_account, created_by, created_at) VALUES (?, ?, ?, ?, ?)`,
      ).run(code, useCount, forAccount, createdBy, new Date().toISOString())
      return code
    },
    forAccount: (did) =>
      db
        .prepare('SELECT * FROM invite_code WHERE for_account = ? ORDER BY created_at, code')
        .all(did)
        .map(toInvite),
    usedBy: (did) => {
      const row = db
        .prepare('SELECT c.* FROM invite_code c JOIN invite_use u ON u.code = c.code WHERE u.used_by = ?')
        .get(did)
      return row === undefined ? null : toInvite(row)
    },
    list: ({ sort, limit, after }) => {
      const key =
        sort === 'recent'
          ? 'created_at'
          : '(SELECT count(*) FROM invite_use u WHERE u.code = invite_code.code)'
      const order = `ORDER BY ${key} DESC, code DESC LIMIT ?`
      if (after === null) return db.prepare(`SELECT * FROM invite_code ${order}`).all(limit).map(toInvite)
      // The cursor is the code of the page's last entry, which is looked up again for its place in the order.
      const from = `WHERE (${key}, code) < ((SELECT ${key} FROM invite_code WHERE code = ?), ?)`
      return db.prepare(`SELECT * FROM invite_code ${from} ${order}`).all(after, after, limit).map(toInvite)
    },
    disable: (codes, accounts) => {
      for (const code of codes) db.prepare('UPDATE invite_code SET disabled = 1 WHERE code = ?').run(code)
      for (const did of accounts)
        db.prepare('UPDATE invite_code SET disabled = 1 WHERE for_account = ?').run(did)
    },
  }
}
