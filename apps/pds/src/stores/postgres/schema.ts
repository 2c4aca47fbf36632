import { ACCOUNT_SCHEMA } from '@avocet/accounts/postgres'
import type { SchemaPart } from '@avocet/postgres'
import { STORE_SCHEMA } from '@avocet/repo-server/postgres'

import { OAUTH_MIGRATIONS } from './oauth.ts'
import { OPERATOR_MIGRATIONS } from './operator.ts'

/** Versions of tables (see `migrate` of `@avocet/postgres`); they refer to those of accounts and records. */
const OPERATION_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE probe (
    id smallint PRIMARY KEY CHECK (id = 1),
    at bigint NOT NULL
  );
  INSERT INTO probe (id, at) VALUES (1, 0);

  -- What the processes of one server have to agree on: fingerprints, never secrets.
  CREATE TABLE server_note (
    name text PRIMARY KEY,
    value text NOT NULL
  );

  -- Who did what. at: ms since the epoch. attempt: for what strangers can cause without end, which is kept shorter.
  CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at bigint NOT NULL,
    action text NOT NULL,
    actor text NOT NULL,
    did text COLLATE "C",
    address text,
    error text,
    attempt boolean NOT NULL,
    detail text NOT NULL
  );
  CREATE INDEX audit_did ON audit (did, id);
  CREATE INDEX audit_attempt ON audit (id) WHERE attempt;

  -- Bounds of single accounts; null stands for the setting of the server, 0 for no bound.
  CREATE TABLE account_quota (
    did text COLLATE "C" PRIMARY KEY REFERENCES account (did) ON DELETE CASCADE,
    blob_bytes bigint,
    records bigint
  );

  -- pending: a signing key that the directory may know already and the account does not use yet. rotated_at: ms since 1970.
  CREATE TABLE key_rotation (
    did text COLLATE "C" PRIMARY KEY REFERENCES account (did) ON DELETE CASCADE,
    pending bytea,
    rotated_at bigint
  );

  -- The time by the clock of a machine when it was believed last, ms since 1970.
  CREATE TABLE believed_clock (
    id smallint PRIMARY KEY CHECK (id = 1),
    at bigint NOT NULL
  );

  -- Profiles and posts that an AppView may not have seen.
  CREATE INDEX record_recent ON record (owner, rev)
    WHERE collection IN ('app.bsky.actor.profile', 'app.bsky.feed.post');
  `,
]

/** The browsers in which owners signed in. */
const DEVICE_MIGRATIONS: readonly string[] = [
  `
  -- Secrets are kept by their SHA-256. Times are ms since 1970.
  CREATE TABLE device (
    id text COLLATE "C" PRIMARY KEY,
    secret_hash text NOT NULL,
    user_agent text,
    address text,
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL
  );

  CREATE TABLE device_sign_in (
    device text COLLATE "C" NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    did text COLLATE "C" NOT NULL REFERENCES account (did) ON DELETE CASCADE,
    signed_in_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    mark text NOT NULL,
    request text,
    remembered boolean NOT NULL,
    PRIMARY KEY (device, did)
  );
  CREATE INDEX device_sign_in_did ON device_sign_in (did, signed_in_at);
  CREATE INDEX device_sign_in_end ON device_sign_in (expires_at);
  `,
]

/** The tables of this app by part, in the order in which they are made; stores of packages bring their own. */
export const TABLES: ReadonlyMap<string, readonly string[]> = new Map([
  ['operations', OPERATION_MIGRATIONS],
  ['devices', DEVICE_MIGRATIONS],
  ['oauth', OAUTH_MIGRATIONS],
  ['operator', OPERATOR_MIGRATIONS],
])

/** Every part of the database, at the version this program knows. */
export const SCHEMA: readonly SchemaPart[] = [
  ACCOUNT_SCHEMA,
  ...STORE_SCHEMA,
  ...Array.from(TABLES, ([name, migrations]) => ({ name, version: migrations.length })),
]
