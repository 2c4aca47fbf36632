import { ACCOUNT_SCHEMA } from '@avocet/accounts/postgres'
import type { SchemaPart } from '@avocet/postgres'
import { STORE_SCHEMA } from '@avocet/repo-server/postgres'

/** Versions of the tables of this app on Postgres (see `migrate` of `@avocet/postgres`); they refer to those of accounts and records. */
export const OPERATION_MIGRATIONS: readonly string[] = [
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

/** Every part of the database, at the version this program knows. */
export const SCHEMA: readonly SchemaPart[] = [
  ACCOUNT_SCHEMA,
  ...STORE_SCHEMA,
  { name: 'operations', version: OPERATION_MIGRATIONS.length },
]
