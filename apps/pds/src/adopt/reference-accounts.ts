/** What a reference PDS knows of its accounts, as plain values. */
import type { Did, Handle } from '@avocet/syntax'

import type { ReferenceDatabase } from './reference-files.ts'

/** An account, with all that lets its owner in. */
export interface ReferenceAccount {
  readonly did: Did
  readonly handle: Handle | null
  readonly createdAt: string
  readonly takedownRef: string | null
  readonly deactivatedAt: string | null
  readonly deleteAfter: string | null
  readonly email: string | null
  readonly emailConfirmedAt: string | null
  /** `<hex salt>:<hex key>` of scrypt; null where another server keeps the password. */
  readonly passwordHash: string | null
  readonly invitesDisabled: boolean
}

/** A session's refresh token. `expiresAt` in seconds since 1970. */
export interface ReferenceToken {
  readonly id: string
  readonly expiresAt: number
  readonly nextId: string | null
  readonly appPassword: string | null
}

/** An app password, hashed with a salt that is made of the DID. */
export interface ReferenceAppPassword {
  readonly name: string
  readonly passwordHash: string
  readonly createdAt: string
  readonly privileged: boolean
}

/** An invite code and who used it. */
export interface ReferenceInvite {
  readonly code: string
  readonly availableUses: number
  readonly disabled: boolean
  readonly forAccount: string
  readonly createdBy: string
  readonly createdAt: string
  readonly uses: readonly { readonly usedBy: string; readonly usedAt: string }[]
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

/** The accounts, in order of DID. */
export function readAccounts(db: ReferenceDatabase): ReferenceAccount[] {
  return db
    .all(
      `SELECT actor.*, email, emailConfirmedAt, passwordScrypt, invitesDisabled
       FROM actor LEFT JOIN account USING (did) ORDER BY did`,
    )
    .map((row) => ({
      did: row['did'] as Did,
      handle: text(row['handle'])?.toLowerCase() as Handle | null,
      createdAt: row['createdAt'] as string,
      takedownRef: text(row['takedownRef']),
      deactivatedAt: text(row['deactivatedAt']),
      deleteAfter: text(row['deleteAfter']),
      email: text(row['email']),
      emailConfirmedAt: text(row['emailConfirmedAt']),
      passwordHash: text(row['passwordScrypt']),
      invitesDisabled: row['invitesDisabled'] === 1,
    }))
}

/** The refresh tokens of an account that have not expired at `now` (ms). */
export function readTokens(db: ReferenceDatabase, did: Did, now: number): ReferenceToken[] {
  return db
    .all('SELECT * FROM refresh_token WHERE did = ?', did)
    .map((row) => ({
      id: row['id'] as string,
      expiresAt: Math.floor(Date.parse(row['expiresAt'] as string) / 1000),
      nextId: text(row['nextId']),
      appPassword: text(row['appPasswordName']),
    }))
    .filter(({ expiresAt }) => expiresAt * 1000 > now)
}

/** The app passwords of an account. */
export function readAppPasswords(db: ReferenceDatabase, did: Did): ReferenceAppPassword[] {
  return db.all('SELECT * FROM app_password WHERE did = ? ORDER BY name', did).map((row) => ({
    name: row['name'] as string,
    passwordHash: row['passwordScrypt'] as string,
    createdAt: row['createdAt'] as string,
    privileged: row['privileged'] === 1,
  }))
}

/** All invite codes. */
export function readInvites(db: ReferenceDatabase): ReferenceInvite[] {
  const uses = Map.groupBy(
    db.all('SELECT * FROM invite_code_use ORDER BY usedAt'),
    (row) => row['code'] as string,
  )
  return db.all('SELECT * FROM invite_code ORDER BY code').map((row) => ({
    code: row['code'] as string,
    availableUses: Number(row['availableUses']),
    disabled: row['disabled'] === 1,
    forAccount: row['forAccount'] as string,
    createdBy: row['createdBy'] as string,
    createdAt: row['createdAt'] as string,
    uses: (uses.get(row['code'] as string) ?? []).map((use) => ({
      usedBy: use['usedBy'] as string,
      usedAt: use['usedAt'] as string,
    })),
  }))
}

/** How many grants of OAuth clients there are: those are not taken over. */
export function countGrants(db: ReferenceDatabase): number {
  const known = db.all("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'token'").length > 0
  return known ? Number(db.all('SELECT count(*) AS n FROM token')[0]!['n']) : 0
}

/** The number of the newest event, given out or used up. */
export function newestEvent(sequencer: ReferenceDatabase): number {
  const [row] = sequencer.all(
    `SELECT max(coalesce((SELECT max(seq) FROM repo_seq), 0),
       coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'repo_seq'), 0)) AS newest`,
  )
  return Number(row!['newest'])
}
