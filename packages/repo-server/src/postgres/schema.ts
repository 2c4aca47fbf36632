import { COMMIT_1, COMMIT_2, GROUND_1, TURNS_1 } from './commit-function.ts'

/** Versions of the tables of records, their links to other records, and blobs, as on SQLite (see `migrate` of `@avocet/postgres`). */
export const RECORD_MIGRATIONS: readonly string[] = [
  `
  -- All rows that come from the records of one repository belong to a set: live is served, staged is being filled, dropped
  -- waits to be removed. touched: when somebody last filled it.
  CREATE TABLE record_set (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    did text COLLATE "C" NOT NULL,
    state text NOT NULL CHECK (state IN ('live', 'staged', 'dropped')),
    touched timestamptz NOT NULL DEFAULT now()
  );
  CREATE UNIQUE INDEX record_set_live ON record_set (did) WHERE state = 'live';
  CREATE INDEX record_set_did ON record_set (did);
  CREATE INDEX record_set_dead ON record_set (state) WHERE state <> 'live';

  CREATE TABLE record (
    owner bigint NOT NULL,
    collection text COLLATE "C" NOT NULL,
    rkey text COLLATE "C" NOT NULL,
    cid text NOT NULL,
    rev text COLLATE "C" NOT NULL,
    indexed_at timestamptz NOT NULL DEFAULT now(),
    takedown_ref text,
    PRIMARY KEY (owner, collection, rkey)
  );
  CREATE TABLE backlink (
    owner bigint NOT NULL,
    target text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    rkey text COLLATE "C" NOT NULL,
    PRIMARY KEY (owner, target, collection, rkey)
  );
  CREATE INDEX backlink_record ON backlink (owner, collection, rkey);

  -- permanent: 0 an upload, 1 records refer to it, 2 they do and it was uploaded again since. created_at: ms since 1970.
  CREATE TABLE blob (
    did text COLLATE "C" NOT NULL,
    cid text COLLATE "C" NOT NULL,
    mime_type text NOT NULL,
    size bigint NOT NULL,
    created_at bigint NOT NULL,
    permanent smallint NOT NULL DEFAULT 0,
    takedown_ref text,
    PRIMARY KEY (did, cid)
  );
  CREATE INDEX blob_temporary ON blob (created_at) WHERE permanent = 0;
  CREATE TABLE record_blob (
    owner bigint NOT NULL,
    cid text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    rkey text COLLATE "C" NOT NULL,
    rev text COLLATE "C" NOT NULL,
    PRIMARY KEY (owner, cid, collection, rkey)
  );
  CREATE INDEX record_blob_record ON record_blob (owner, collection, rkey);

  -- Repositories that are gone, with blobs, and events below a number, still to be removed.
  CREATE TABLE departure (
    did text COLLATE "C" PRIMARY KEY,
    before_seq bigint NOT NULL,
    blobs_gone boolean NOT NULL DEFAULT false
  );
  `,
  TURNS_1 + COMMIT_1 + GROUND_1,
  `
  -- Uploads whose bytes are being stored. Not worth a log: one that a crash takes is refused.
  CREATE UNLOGGED TABLE blob_upload (
    ticket bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    did text COLLATE "C" NOT NULL,
    until timestamptz NOT NULL
  );
  CREATE INDEX blob_upload_did ON blob_upload (did);
  `,
  COMMIT_2,
]

/** SQL for the set that is served of the DID that is the first parameter. */
export const LIVE_SET = "(SELECT id FROM record_set WHERE did = $1 AND state = 'live')"
