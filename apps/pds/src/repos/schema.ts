/** Versions of the tables of records, their links to other records, and blobs (see `migrate` of `@avocet/sqlite`). */
export const RECORD_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE record (
    did TEXT NOT NULL,
    collection TEXT NOT NULL,
    rkey TEXT NOT NULL,
    cid TEXT NOT NULL,
    rev TEXT NOT NULL,
    indexed_at TEXT NOT NULL,
    takedown_ref TEXT,
    PRIMARY KEY (did, collection, rkey)
  ) WITHOUT ROWID, STRICT;

  -- What a like, repost, follow or block points at, so that doing it twice leaves one.
  CREATE TABLE backlink (
    did TEXT NOT NULL,
    target TEXT NOT NULL,
    collection TEXT NOT NULL,
    rkey TEXT NOT NULL,
    PRIMARY KEY (did, target, collection, rkey)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX backlink_record ON backlink (did, collection, rkey);

  -- A blob is temporary until a record refers to it.
  CREATE TABLE blob (
    did TEXT NOT NULL,
    cid TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    permanent INTEGER NOT NULL DEFAULT 0,
    takedown_ref TEXT,
    PRIMARY KEY (did, cid)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX blob_temporary ON blob (created_at) WHERE permanent = 0;

  CREATE TABLE record_blob (
    did TEXT NOT NULL,
    cid TEXT NOT NULL,
    collection TEXT NOT NULL,
    rkey TEXT NOT NULL,
    rev TEXT NOT NULL,
    PRIMARY KEY (did, cid, collection, rkey)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX record_blob_record ON record_blob (did, collection, rkey);
  `,
]
