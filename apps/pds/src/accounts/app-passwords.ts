import { createHash, randomInt, scrypt } from 'node:crypto'

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
  verify(did: Did, password: string): Promise<AppPassword | null>
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

  const find = (did: Did, hash: string): Record<string, SQLOutputValue> | undefined =>
    db
      .prepare('SELECT name, privileged, created_at FROM app_password WHERE did = ? AND password_hash = ?')
      .get(did, hash)

  /** One that was taken over from a reference PDS; found once, it is kept in the form of ours. */
  const verifyTaken = async (did: Did, password: string): Promise<AppPassword | null> => {
    const hash = await referenceHash(did, password)
    const row = find(did, hash)
    if (row === undefined) return null
    await db.write(() => {
      db.prepare('UPDATE app_password SET password_hash = ? WHERE did = ? AND password_hash = ?').run(
        digest(password),
        did,
        hash,
      )
    })
    return toAppPassword(row)
  }

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
    verify: async (did, password) => {
      if (!FORM.test(password)) return null
      const row = find(did, digest(password))
      if (row !== undefined) return toAppPassword(row)
      const taken = db
        .prepare("SELECT 1 FROM app_password WHERE did = ? AND password_hash LIKE '%:%' LIMIT 1")
        .get(did)
      return taken === undefined ? null : verifyTaken(did, password)
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

/** The form of a reference PDS: scrypt under a salt made of the DID, so that a password is found by its hash there too. */
function referenceHash(did: Did, password: string): Promise<string> {
  const salt = createHash('sha256').update(did).digest('hex').slice(0, 32)
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 64, (error, key) =>
      error === null ? resolve(`${salt}:${key.toString('hex')}`) : reject(error),
    )
  })
}

function generate(): string {
  const group = (): string => Array.from({ length: 4 }, () => ALPHABET[randomInt(ALPHABET.length)]!).join('')
  return `${group()}-${group()}-${group()}-${group()}`
}
