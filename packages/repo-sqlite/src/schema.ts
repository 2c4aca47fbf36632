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
  `
  -- Blocks of a repository lie side by side: their ids begin at 2^31 times the repository's (\`block-ids.ts\`). Digests are
  -- random, so an index of them costs a page a block wherever it is large. It is kept by hand: an import adds to
  -- repo_block_place in sorted runs, commits add to repo_block_young, from where what lasts is moved in sorted runs too.
  DROP INDEX repo_block_dead;
  ALTER TABLE repo_block RENAME TO former_repo_block;
  CREATE TABLE repo_block (
    id INTEGER PRIMARY KEY,
    repo INTEGER NOT NULL,
    digest BLOB NOT NULL,
    refs INTEGER NOT NULL,
    rev TEXT NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  INSERT INTO repo_block (id, repo, digest, refs, rev, bytes)
    SELECT repo * 2147483648 + row_number() OVER (PARTITION BY repo ORDER BY id) - 1, repo, digest, refs, rev, bytes
    FROM former_repo_block;
  CREATE TABLE repo_block_place (
    repo INTEGER NOT NULL,
    digest BLOB NOT NULL,
    block INTEGER NOT NULL,
    PRIMARY KEY (repo, digest)
  ) WITHOUT ROWID, STRICT;
  INSERT INTO repo_block_place (repo, digest, block) SELECT repo, digest, id FROM repo_block ORDER BY repo, digest;
  CREATE TABLE repo_block_young (
    repo INTEGER NOT NULL,
    digest BLOB NOT NULL,
    block INTEGER NOT NULL,
    PRIMARY KEY (repo, digest)
  ) WITHOUT ROWID, STRICT;
  DROP TABLE former_repo_block;
  CREATE INDEX repo_block_dead ON repo_block (repo) WHERE refs <= 0;
  `,
  `
  -- Commits write no index any more: the blocks from id \`placed\` on are the newest of their repository, so few that they are
  -- read when it is first written to, and known in memory from then on (\`young-blocks.ts\`).
  ALTER TABLE repo ADD COLUMN placed INTEGER NOT NULL DEFAULT 0;
  INSERT OR REPLACE INTO repo_block_place (repo, digest, block)
    SELECT repo, digest, block FROM repo_block_young ORDER BY repo, digest;
  UPDATE repo SET placed = coalesce(
    (SELECT max(id) + 1 FROM repo_block WHERE id >= repo.id * 2147483648 AND id < (repo.id + 1) * 2147483648), 0);
  DROP TABLE repo_block_young;
  `,
]
