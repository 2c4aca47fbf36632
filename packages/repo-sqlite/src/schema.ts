/**
 * The schema, one script a version. All blocks of a repository are dag-cbor, so a digest names one; `refs` counts the
 * places that point at it (a record may be at several paths). A repository whose `did` is null is on its way in or out:
 * its blocks are staged by an import or wait to be swept. A block without references waits for a snapshot to be closed.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE repo (
    id INTEGER PRIMARY KEY,
    did TEXT UNIQUE,
    rev TEXT NOT NULL,
    data BLOB NOT NULL,
    head BLOB NOT NULL,
    status TEXT NOT NULL
  ) STRICT;
  CREATE TABLE repo_block (
    id INTEGER PRIMARY KEY,
    repo INTEGER NOT NULL,
    digest BLOB NOT NULL,
    refs INTEGER NOT NULL,
    rev TEXT NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (repo, digest)
  ) STRICT;
  CREATE INDEX repo_block_dead ON repo_block (repo) WHERE refs <= 0;
  `,
]
