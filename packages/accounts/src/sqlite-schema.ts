/** Versions of the tables of accounts, sessions, invites and mail codes (see `migrate` of `@avocet/sqlite`). */
export const ACCOUNT_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE account (
    did TEXT PRIMARY KEY,
    handle TEXT UNIQUE,
    email TEXT UNIQUE,
    email_confirmed_at TEXT,
    password_hash TEXT NOT NULL,
    signing_key BLOB NOT NULL,
    created_at TEXT NOT NULL,
    deactivated_at TEXT,
    delete_after TEXT,
    takedown_ref TEXT,
    invites_disabled INTEGER NOT NULL DEFAULT 0,
    invite_note TEXT,
    preferences TEXT NOT NULL DEFAULT '[]'
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE refresh_token (
    id TEXT PRIMARY KEY,
    did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    next_id TEXT,
    app_password TEXT
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX refresh_token_did ON refresh_token (did);

  CREATE TABLE app_password (
    did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    privileged INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (did, name)
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE invite_code (
    code TEXT PRIMARY KEY,
    available_uses INTEGER NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    for_account TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX invite_code_for_account ON invite_code (for_account);

  CREATE TABLE invite_use (
    code TEXT NOT NULL REFERENCES invite_code (code),
    used_by TEXT NOT NULL,
    used_at TEXT NOT NULL,
    PRIMARY KEY (code, used_by)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX invite_use_used_by ON invite_use (used_by);

  CREATE TABLE email_token (
    did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE,
    requested_at INTEGER NOT NULL,
    PRIMARY KEY (did, purpose)
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE reserved_key (
    did_key TEXT PRIMARY KEY,
    did TEXT UNIQUE,
    private_key BLOB NOT NULL,
    created_at TEXT NOT NULL
  ) WITHOUT ROWID, STRICT;
  `,
  // A code belongs to the address it was mailed to. Codes live for minutes: those under way are asked for again.
  `
  DELETE FROM email_token;
  ALTER TABLE email_token ADD COLUMN address TEXT NOT NULL DEFAULT '';
  `,
  // Deletions are planned with a hold and a warning. Those planned before there was one get the whole hold.
  `
  ALTER TABLE account ADD COLUMN delete_warned_at TEXT;
  UPDATE account SET delete_after = max(delete_after, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+30 days'))
    WHERE delete_after IS NOT NULL;
  `,
  // A handle that the directory may name for an account already, while its row has another one.
  `
  CREATE TABLE handle_change (
    did TEXT PRIMARY KEY REFERENCES account (did) ON DELETE CASCADE,
    handle TEXT NOT NULL
  ) WITHOUT ROWID, STRICT;
  `,
  // Several codes of one purpose, so that asking again takes no code away that is on its way.
  `
  CREATE TABLE mailed_code (
    did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    requested_at INTEGER NOT NULL,
    PRIMARY KEY (did, purpose, token)
  ) WITHOUT ROWID, STRICT;
  INSERT INTO mailed_code SELECT did, purpose, token, address, requested_at, requested_at FROM email_token;
  DROP TABLE email_token;
  ALTER TABLE mailed_code RENAME TO email_token;
  `,
  // Factors beside the password, and what waits for their answers.
  `
  ALTER TABLE account ADD COLUMN email_auth_factor INTEGER NOT NULL DEFAULT 0;

  CREATE TABLE factor (
    id TEXT PRIMARY KEY,
    did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    secret BLOB NOT NULL,
    counter INTEGER NOT NULL,
    transports TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX factor_did ON factor (did);

  CREATE TABLE recovery_code (
    did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    PRIMARY KEY (did, hash)
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE challenge (
    id TEXT PRIMARY KEY,
    did TEXT REFERENCES account (did) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    binding TEXT NOT NULL,
    secret BLOB NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX challenge_did ON challenge (did, purpose, expires_at);
  CREATE INDEX challenge_expires_at ON challenge (expires_at);
  `,
]
