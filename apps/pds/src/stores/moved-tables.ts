// What a move takes from SQLite to Postgres, or back: every table of both. `test/moved-tables.test.ts` compares the list with the
// tables as they are, so that none is forgotten.

/**
 * How a value is stored. On both sides it is read as the same value: a text, a number, bytes, or null.
 * - `boolean`: 0 or 1, as SQLite has it.
 * - `time`: an ISO 8601 text with milliseconds, as SQLite has it.
 */
export type ColumnType = 'text' | 'integer' | 'boolean' | 'bytes' | 'time'

/** A table that is moved. */
export interface MovedTable {
  readonly name: string
  /** Its name on SQLite, if it is another one. */
  readonly sqlite?: string
  /** Types by column, those of the key first. */
  readonly columns: Readonly<Record<string, ColumnType>>
  /** The columns that name a row. Rows are read in the order of these. */
  readonly key: readonly string[]
  /** The column in whose order SQLite keeps the rows, where the key has no index there. */
  readonly sqliteOrder?: string
}

/** Those that others refer to come first. */
export const MOVED_TABLES: readonly MovedTable[] = [
  {
    name: 'account',
    key: ['did'],
    columns: {
      did: 'text',
      handle: 'text',
      email: 'text',
      email_confirmed_at: 'text',
      email_auth_factor: 'boolean',
      password_hash: 'text',
      signing_key: 'bytes',
      created_at: 'text',
      deactivated_at: 'text',
      delete_after: 'text',
      delete_warned_at: 'text',
      takedown_ref: 'text',
      invites_disabled: 'boolean',
      invite_note: 'text',
      preferences: 'text',
    },
  },
  {
    name: 'refresh_token',
    key: ['id'],
    columns: { id: 'text', did: 'text', expires_at: 'integer', next_id: 'text', app_password: 'text' },
  },
  {
    name: 'app_password',
    key: ['did', 'name'],
    columns: {
      did: 'text',
      name: 'text',
      password_hash: 'text',
      privileged: 'boolean',
      created_at: 'text',
    },
  },
  {
    name: 'invite_code',
    key: ['code'],
    columns: {
      code: 'text',
      available_uses: 'integer',
      disabled: 'boolean',
      for_account: 'text',
      created_by: 'text',
      created_at: 'text',
    },
  },
  {
    name: 'invite_use',
    key: ['code', 'used_by'],
    columns: { code: 'text', used_by: 'text', used_at: 'text' },
  },
  {
    name: 'email_token',
    key: ['did', 'purpose', 'token'],
    columns: {
      did: 'text',
      purpose: 'text',
      token: 'text',
      address: 'text',
      made_at: 'integer',
      requested_at: 'integer',
    },
  },
  {
    name: 'factor',
    key: ['id'],
    columns: {
      id: 'text',
      did: 'text',
      kind: 'text',
      name: 'text',
      secret: 'bytes',
      counter: 'integer',
      transports: 'text',
      created_at: 'text',
      last_used_at: 'text',
    },
  },
  { name: 'recovery_code', key: ['did', 'hash'], columns: { did: 'text', hash: 'text' } },
  {
    name: 'reserved_key',
    key: ['did_key'],
    columns: { did_key: 'text', did: 'text', private_key: 'bytes', created_at: 'text' },
  },
  { name: 'handle_change', key: ['did'], columns: { did: 'text', handle: 'text' } },
  {
    name: 'account_quota',
    key: ['did'],
    columns: { did: 'text', blob_bytes: 'integer', records: 'integer' },
  },
  {
    name: 'key_rotation',
    key: ['did'],
    columns: { did: 'text', pending: 'bytes', rotated_at: 'integer' },
  },
  {
    name: 'device',
    key: ['id'],
    columns: {
      id: 'text',
      secret_hash: 'text',
      user_agent: 'text',
      address: 'text',
      created_at: 'integer',
      seen_at: 'integer',
    },
  },
  {
    name: 'device_sign_in',
    key: ['device', 'did'],
    columns: {
      device: 'text',
      did: 'text',
      signed_in_at: 'integer',
      expires_at: 'integer',
      mark: 'text',
      request: 'text',
      remembered: 'boolean',
    },
  },
  {
    name: 'oauth_request',
    key: ['id'],
    columns: {
      id: 'text',
      client_id: 'text',
      client_key: 'text',
      dpop_thumbprint: 'text',
      parameters: 'text',
      counted_for: 'text',
      created_at: 'integer',
      expires_at: 'integer',
      device: 'text',
      code_hash: 'text',
      granted_did: 'text',
      granted: 'text',
    },
  },
  {
    name: 'oauth_session',
    key: ['id'],
    columns: {
      id: 'text',
      did: 'text',
      client_id: 'text',
      client_key: 'text',
      dpop_thumbprint: 'text',
      scope: 'text',
      permissions: 'text',
      code_hash: 'text',
      device: 'text',
      created_at: 'integer',
      generation: 'integer',
      refresh_hash: 'text',
      refreshed_at: 'integer',
      expires_at: 'integer',
    },
  },
  {
    name: 'oauth_consent',
    key: ['did', 'client_id'],
    columns: {
      did: 'text',
      client_id: 'text',
      scope: 'text',
      declined: 'text',
      updated_at: 'integer',
    },
  },
  {
    name: 'operator_session',
    key: ['id'],
    columns: {
      id: 'text',
      mark: 'text',
      address: 'text',
      user_agent: 'text',
      created_at: 'integer',
      seen_at: 'integer',
      expires_at: 'integer',
    },
  },
  {
    name: 'operator_factor',
    key: ['state'],
    columns: {
      state: 'text',
      id: 'text',
      secret: 'bytes',
      counter: 'integer',
      created_at: 'integer',
      last_used_at: 'integer',
    },
  },
  { name: 'operator_recovery_code', key: ['hash'], columns: { hash: 'text' } },
  { name: 'believed_clock', key: ['id'], columns: { id: 'integer', at: 'integer' } },
  {
    name: 'audit',
    key: ['id'],
    columns: {
      id: 'integer',
      at: 'integer',
      action: 'text',
      actor: 'text',
      did: 'text',
      address: 'text',
      error: 'text',
      attempt: 'boolean',
      detail: 'text',
    },
  },
  {
    name: 'repo',
    key: ['id'],
    columns: { id: 'integer', did: 'text', rev: 'text', data: 'bytes', head: 'bytes', status: 'text' },
  },
  {
    name: 'repo_block',
    key: ['repo', 'digest'],
    sqliteOrder: 'id',
    columns: { repo: 'integer', digest: 'bytes', refs: 'integer', rev: 'text', bytes: 'bytes' },
  },
  {
    name: 'record_set',
    key: ['id'],
    columns: { id: 'integer', did: 'text', state: 'text' },
  },
  {
    name: 'record',
    key: ['owner', 'collection', 'rkey'],
    columns: {
      owner: 'integer',
      collection: 'text',
      rkey: 'text',
      cid: 'text',
      rev: 'text',
      indexed_at: 'time',
      takedown_ref: 'text',
    },
  },
  {
    name: 'backlink',
    key: ['owner', 'target', 'collection', 'rkey'],
    columns: { owner: 'integer', target: 'text', collection: 'text', rkey: 'text' },
  },
  {
    name: 'blob',
    key: ['did', 'cid'],
    columns: {
      did: 'text',
      cid: 'text',
      mime_type: 'text',
      size: 'integer',
      created_at: 'integer',
      permanent: 'integer',
      takedown_ref: 'text',
    },
  },
  {
    name: 'record_blob',
    key: ['owner', 'cid', 'collection', 'rkey'],
    columns: { owner: 'integer', cid: 'text', collection: 'text', rkey: 'text', rev: 'text' },
  },
  {
    name: 'departure',
    sqlite: 'account_removal',
    key: ['did'],
    columns: { did: 'text', before_seq: 'integer', blobs_gone: 'boolean' },
  },
  {
    name: 'event',
    key: ['seq'],
    columns: { seq: 'integer', time: 'integer', did: 'text', size: 'integer', frame: 'bytes' },
  },
]

/** What a target of a move that is not finished remembers, on SQLite. It lies beside the rows, so that it changes with them. */
export const MARK_TABLE = 'move_mark'

/** Tables that are made anew on each side, and what becomes of what they say. */
export const REMADE_TABLES: Readonly<Record<string, string>> = {
  schema_versions: 'each side has its own; a move asks for those of this program',
  event_log: 'the counters of the log, which are moved by their meaning',
  probe: 'the time of the last look at the health of the server',
  repo_block_place: 'where SQLite finds blocks, made of the blocks',
  challenge: 'sign-ins, and factors being set up, that are not finished: they begin again',
  server_note: 'fingerprints of secrets, made of the secrets',
  write_turn: 'who writes to a repository next on Postgres: nobody, while no server runs',
  blob_upload: 'uploads under way on Postgres: none, while no server runs',
  [MARK_TABLE]: 'the mark of a move',
  sqlite_sequence: 'the last number of the audit log, which is moved by its meaning',
}

/** Columns that are made anew: where SQLite finds blocks, and when on Postgres somebody last worked on what is unfinished. */
export const REMADE_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  repo: ['placed', 'touched'],
  repo_block: ['id'],
  record_set: ['touched'],
}
