/**
 * The schema, one script a version; the same as on SQLite. All blocks of a repository are dag-cbor, so a digest names
 * one; `refs` counts the places that point at it (a record may be at several paths). A repository whose `did` is null is
 * on its way in or out: its blocks are staged by an import or wait to be swept; `touched` tells whether anybody still
 * works on it.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE repo (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    did text COLLATE "C" UNIQUE,
    rev text COLLATE "C" NOT NULL,
    data bytea NOT NULL,
    head bytea NOT NULL,
    status text NOT NULL,
    touched timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE repo_block (
    repo bigint NOT NULL,
    digest bytea NOT NULL,
    refs integer NOT NULL,
    rev text COLLATE "C" NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (repo, digest)
  );
  ALTER TABLE repo_block ALTER COLUMN bytes SET STORAGE MAIN;
  `,
]
