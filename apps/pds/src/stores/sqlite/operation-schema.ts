/** Versions of the tables an operator reads: the probe of `_health`, the audit log, quotas (see `migrate` of `@avocet/sqlite`). */
export const OPERATION_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE probe (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
  ) STRICT;
  INSERT INTO probe (id, at) VALUES (1, 0);

  -- Who did what. at: ms since the epoch. attempt: 1 for what strangers can cause without end, which is kept shorter.
  CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    did TEXT,
    address TEXT,
    error TEXT,
    attempt INTEGER NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;
  CREATE INDEX audit_did ON audit (did, id);
  CREATE INDEX audit_attempt ON audit (id) WHERE attempt = 1;

  -- Bounds of single accounts; null stands for the setting of the server, 0 for no bound.
  CREATE TABLE account_quota (
    did TEXT PRIMARY KEY REFERENCES account (did) ON DELETE CASCADE,
    blob_bytes INTEGER,
    records INTEGER
  ) WITHOUT ROWID, STRICT;
  `,
  `
  -- pending: a signing key that the directory may know already and the account does not use yet.
  CREATE TABLE key_rotation (
    did TEXT PRIMARY KEY REFERENCES account (did) ON DELETE CASCADE,
    pending BLOB,
    rotated_at INTEGER
  ) WITHOUT ROWID, STRICT;
  `,
  `
  -- The time by the clock of this machine when it was believed last, ms since 1970.
  CREATE TABLE believed_clock (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
  ) STRICT;
  `,
]
