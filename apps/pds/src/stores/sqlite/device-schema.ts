/** Versions of the tables of browsers in which owners signed in (see `migrate` of `@avocet/sqlite`). */
export const DEVICE_MIGRATIONS: readonly string[] = [
  `
  -- Secrets are kept by their SHA-256. Times are ms since 1970.
  CREATE TABLE device (
    id TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    user_agent TEXT,
    address TEXT,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE device_sign_in (
    device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
    signed_in_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    mark TEXT NOT NULL,
    request TEXT,
    remembered INTEGER NOT NULL,
    PRIMARY KEY (device, did)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX device_sign_in_did ON device_sign_in (did, signed_in_at);
  CREATE INDEX device_sign_in_end ON device_sign_in (expires_at);
  `,
]
