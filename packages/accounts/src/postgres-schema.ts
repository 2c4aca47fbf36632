/**
 * Versions of the tables (see `migrate` of `@avocet/postgres`): those of SQLite. Texts compare by bytes, as there. Times are the
 * texts and numbers that were given, so that a row read here is the row read there.
 */
export const ACCOUNT_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE account (
    did text COLLATE "C" PRIMARY KEY,
    handle text COLLATE "C" UNIQUE,
    email text COLLATE "C" UNIQUE,
    email_confirmed_at text,
    password_hash text NOT NULL,
    signing_key bytea NOT NULL,
    created_at text COLLATE "C" NOT NULL,
    deactivated_at text,
    delete_after text COLLATE "C",
    delete_warned_at text,
    takedown_ref text,
    invites_disabled boolean NOT NULL DEFAULT false,
    invite_note text,
    preferences text NOT NULL DEFAULT '[]'
  );
  CREATE INDEX account_delete_after ON account (delete_after) WHERE delete_after IS NOT NULL;

  CREATE TABLE refresh_token (
    id text COLLATE "C" PRIMARY KEY,
    did text COLLATE "C" NOT NULL REFERENCES account (did) ON DELETE CASCADE,
    expires_at bigint NOT NULL,
    next_id text COLLATE "C",
    app_password text COLLATE "C"
  );
  CREATE INDEX refresh_token_did ON refresh_token (did);

  CREATE TABLE app_password (
    did text COLLATE "C" NOT NULL REFERENCES account (did) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    password_hash text COLLATE "C" NOT NULL,
    privileged boolean NOT NULL,
    created_at text COLLATE "C" NOT NULL,
    PRIMARY KEY (did, name)
  );

  CREATE TABLE invite_code (
    code text COLLATE "C" PRIMARY KEY,
    available_uses integer NOT NULL,
    disabled boolean NOT NULL DEFAULT false,
    for_account text COLLATE "C" NOT NULL,
    created_by text NOT NULL,
    created_at text COLLATE "C" NOT NULL
  );
  CREATE INDEX invite_code_for_account ON invite_code (for_account);

  CREATE TABLE invite_use (
    code text COLLATE "C" NOT NULL REFERENCES invite_code (code),
    used_by text COLLATE "C" NOT NULL,
    used_at text COLLATE "C" NOT NULL,
    PRIMARY KEY (code, used_by)
  );
  CREATE INDEX invite_use_used_by ON invite_use (used_by);

  CREATE TABLE email_token (
    did text COLLATE "C" NOT NULL REFERENCES account (did) ON DELETE CASCADE,
    purpose text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL UNIQUE,
    address text COLLATE "C" NOT NULL,
    made_at bigint NOT NULL,
    requested_at bigint NOT NULL,
    PRIMARY KEY (did, purpose, token)
  );

  CREATE TABLE reserved_key (
    did_key text COLLATE "C" PRIMARY KEY,
    did text COLLATE "C" UNIQUE,
    private_key bytea NOT NULL,
    created_at text COLLATE "C" NOT NULL
  );

  CREATE TABLE handle_change (
    did text COLLATE "C" PRIMARY KEY REFERENCES account (did) ON DELETE CASCADE,
    handle text COLLATE "C" NOT NULL
  );
  `,
  // Factors beside the password, and what waits for their answers.
  `
  ALTER TABLE account ADD COLUMN email_auth_factor boolean NOT NULL DEFAULT false;

  CREATE TABLE factor (
    id text COLLATE "C" PRIMARY KEY,
    did text COLLATE "C" NOT NULL REFERENCES account (did) ON DELETE CASCADE,
    kind text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    secret bytea NOT NULL,
    counter bigint NOT NULL,
    transports text COLLATE "C" NOT NULL,
    created_at text COLLATE "C" NOT NULL,
    last_used_at text COLLATE "C"
  );
  CREATE INDEX factor_did ON factor (did);

  CREATE TABLE recovery_code (
    did text COLLATE "C" NOT NULL REFERENCES account (did) ON DELETE CASCADE,
    hash text COLLATE "C" NOT NULL,
    PRIMARY KEY (did, hash)
  );

  CREATE TABLE challenge (
    id text COLLATE "C" PRIMARY KEY,
    did text COLLATE "C" REFERENCES account (did) ON DELETE CASCADE,
    purpose text COLLATE "C" NOT NULL,
    binding text COLLATE "C" NOT NULL,
    secret bytea NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    expires_at bigint NOT NULL
  );
  CREATE INDEX challenge_did ON challenge (did, purpose, expires_at);
  CREATE INDEX challenge_expires_at ON challenge (expires_at);
  `,
]
