import type { Did, Handle } from '@avocet/syntax'

import type {
  Account,
  AppPassword,
  Challenge,
  Factor,
  FactorKind,
  HandleChange,
  InviteCode,
  MailedCode,
  PlannedDeletion,
  ReservedKey,
  Session,
} from '../rows.ts'
import type { SqlRow } from './statement.ts'

// SQLite has 0 and 1 where Postgres has booleans; Postgres gives big numbers as texts, and bytes as Buffers.

type Text = string | null

export const toAccount = (row: SqlRow): Account => ({
  did: row['did'] as Did,
  handle: row['handle'] as Handle | null,
  email: row['email'] as Text,
  emailConfirmedAt: row['email_confirmed_at'] as Text,
  emailAuthFactor: Boolean(row['email_auth_factor']),
  createdAt: row['created_at'] as string,
  deactivatedAt: row['deactivated_at'] as Text,
  deleteAfter: row['delete_after'] as Text,
  takedownRef: row['takedown_ref'] as Text,
  invitesDisabled: Boolean(row['invites_disabled']),
  inviteNote: row['invite_note'] as Text,
})

export const toPlannedDeletion = (row: SqlRow): PlannedDeletion => ({
  did: row['did'] as Did,
  deleteAfter: row['delete_after'] as string,
  warnedAt: row['delete_warned_at'] as Text,
})

export const toSession = (row: SqlRow): Session => ({
  id: row['id'] as string,
  did: row['did'] as Did,
  expiresAt: Number(row['expires_at']),
  nextId: row['next_id'] as Text,
  appPassword: row['app_password'] as Text,
})

export const toAppPassword = (row: SqlRow): AppPassword => ({
  name: row['name'] as string,
  privileged: Boolean(row['privileged']),
  createdAt: row['created_at'] as string,
})

/** Rows of codes with one use each (or none), those of one code side by side. */
export function toInvites(rows: readonly SqlRow[]): InviteCode[] {
  const invites: InviteCode[] = []
  let uses: { usedBy: string; usedAt: string }[] = []
  for (const row of rows) {
    if (invites.at(-1)?.code !== row['code']) {
      uses = []
      invites.push({
        code: row['code'] as string,
        available: Number(row['available_uses']),
        disabled: Boolean(row['disabled']),
        forAccount: row['for_account'] as string,
        createdBy: row['created_by'] as string,
        createdAt: row['created_at'] as string,
        uses,
      })
    }
    const usedBy = row['used_by'] as Text
    if (usedBy !== null) uses.push({ usedBy, usedAt: row['used_at'] as string })
  }
  return invites
}

export const toCode = (row: SqlRow): MailedCode => ({
  did: row['did'] as Did,
  purpose: row['purpose'] as string,
  token: row['token'] as string,
  address: row['address'] as string,
  madeAt: Number(row['made_at']),
  requestedAt: Number(row['requested_at']),
})

export const toFactor = (row: SqlRow): Factor => ({
  id: row['id'] as string,
  did: row['did'] as Did,
  kind: row['kind'] as FactorKind,
  name: row['name'] as string,
  secret: new Uint8Array(row['secret'] as Uint8Array),
  counter: Number(row['counter']),
  transports: (row['transports'] as string).split(',').filter((name) => name !== ''),
  createdAt: row['created_at'] as string,
  lastUsedAt: row['last_used_at'] as Text,
})

export const toChallenge = (row: SqlRow): Challenge => ({
  id: row['id'] as string,
  did: row['did'] as Did | null,
  purpose: row['purpose'] as string,
  binding: row['binding'] as string,
  secret: new Uint8Array(row['secret'] as Uint8Array),
  tries: Number(row['tries']),
  expiresAt: Number(row['expires_at']),
})

export const toReservedKey = (row: SqlRow): ReservedKey => ({
  didKey: row['did_key'] as string,
  did: row['did'] as Did | null,
  privateKey: new Uint8Array(row['private_key'] as Uint8Array),
  createdAt: row['created_at'] as string,
})

export const toHandleChange = (row: SqlRow): HandleChange => ({
  did: row['did'] as Did,
  handle: row['handle'] as Handle,
})
