import { createHash, randomInt } from 'node:crypto'

import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import type { SQLOutputValue } from 'node:sqlite'

import { PdsError } from '../errors.ts'

/** A password for one client, which cannot manage the account. */
export interface AppPassword {
  readonly name: string
  readonly privileged: boolean
  readonly createdAt: string
}

/** App passwords of accounts. */
export interface AppPasswords {
  /** Makes one and tells its text, which is not stored. @throws PdsError `invalid-request` if the name is in use */
  create(did: Did, name: string, privileged: boolean): Promise<AppPassword & { password: string }>
  get(did: Did, name: string): AppPassword | null
  list(did: Did): AppPassword[]
  /** The app password that `password` is, or null. */
  verify(did: Did, password: string): AppPassword | null
  /** Removes one, in the transaction of the caller. */
  remove(did: Did, name: string): void
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const FORM = /^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/
const LIMIT = 50

/** App passwords over the rows in `db`. */
export function createAppPasswords(db: Database): AppPasswords {
  const rows = (did: Did): AppPassword[] =>
    db
      .prepare(
        'SELECT name, privileged, created_at FROM app_password WHERE did = ? ORDER BY created_at, name',
      )
      .all(did)
      .map(toAppPassword)

  return {
    create: async (did, name, privileged) => {
      const existing = rows(did)
      if (existing.some((row) => row.name === name)) {
        throw new PdsError('invalid-request', `App password already exists; name=${name}`)
      }
      if (existing.length >= LIMIT)
        throw new PdsError('invalid-request', `Too many app passwords; max=${LIMIT}`)
      const password = generate()
      const createdAt = new Date().toISOString()
      await db.write(() => {
        const { changes } = db
          .prepare(
            `INSERT INTO app_password (did, name, password_hash, privileged, created_at) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT DO NOTHING`,
          )
          .run(did, name, digest(password), privileged ? 1 : 0, createdAt)
        if (changes === 0) throw new PdsError('invalid-request', `App password already exists; name=${name}`)
      })
      return { name, privileged, createdAt, password }
    },
    get: (did, name) => rows(did).find((candidate) => candidate.name === name) ?? null,
    list: rows,
    verify: (did, password) => {
      if (!FORM.test(password)) return null
      const row = db
        .prepare('SELECT name, privileged, created_at FROM app_password WHERE did = ? AND password_hash = ?')
        .get(did, digest(password))
      return row === undefined ? null : toAppPassword(row)
    },
    remove: (did, name) => {
      db.prepare('DELETE FROM app_password WHERE did = ? AND name = ?').run(did, name)
    },
  }
}

function toAppPassword(row: Record<string, SQLOutputValue>): AppPassword {
  return {
    name: row['name'] as string,
    privileged: row['privileged'] !== 0,
    createdAt: row['created_at'] as string,
  }
}

/** An app password is 80 random bits, which nobody can search: a plain hash keeps the check to one indexed read. */
const digest = (password: string): string => createHash('sha256').update(password).digest('hex')

function generate(): string {
  const group = (): string => Array.from({ length: 4 }, () => ALPHABET[randomInt(ALPHABET.length)]!).join('')
  return `${group()}-${group()}-${group()}-${group()}`
}
