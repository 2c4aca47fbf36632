/**
 * The schema, one script a version; the tables are the same as on SQLite. All blocks of a repository are dag-cbor, so a digest
 * names one; `refs` counts the places that point at it (a record may be at several paths). A repository whose `did` is null is
 * on its way in or out: its blocks are staged by an import or wait to be swept; `touched` tells whether anybody still
 * works on it.
 *
 * Functions are named by their version: processes of two versions may work on one database.
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
  // A connection keeps its plans, also those of a time when the tables were small. So rows go one by one, by their whole key: a
  // join or a list of digests could be planned to read all blocks of the repository. Planning anew would cost more than all the rest.
  `
  -- Applies a commit on p_prev (null: the first of a repository, whose status is p_status from then on). Digests and blocks come
  -- one after the other. outcome: applied, stale, or the status of a repository that takes none.
  CREATE FUNCTION repo_apply_1(
    p_did text, p_prev bytea, p_rev text, p_data bytea, p_head bytea, p_status text, p_only_while text[],
    p_digests bytea, p_refs integer[], p_sizes integer[], p_blocks bytea, p_dropped bytea, p_counts integer[],
    OUT outcome text, OUT repo_id bigint
  ) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
  DECLARE
    r record;
    gone bytea;
    start integer := 1;
  BEGIN
    -- Writers of one repository take turns, in whichever process they are; those of others do not wait.
    PERFORM pg_advisory_xact_lock(hashtextextended(p_did, 7));
    SELECT id, head, status INTO r FROM repo WHERE did = p_did;
    IF FOUND AND r.status <> ALL (p_only_while) THEN
      outcome := r.status;
      RETURN;
    END IF;
    IF r.head IS DISTINCT FROM p_prev THEN
      outcome := 'stale';
      RETURN;
    END IF;
    outcome := 'applied';
    repo_id := r.id;
    IF repo_id IS NULL THEN
      INSERT INTO repo (did, rev, data, head, status) VALUES (p_did, p_rev, p_data, p_head, p_status) RETURNING id INTO repo_id;
    ELSE
      UPDATE repo SET rev = p_rev, data = p_data, head = p_head WHERE id = repo_id;
    END IF;
    FOR i IN 1 .. cardinality(p_refs) LOOP
      INSERT INTO repo_block AS b (repo, digest, refs, rev, bytes)
        VALUES (repo_id, substr(p_digests, 32 * i - 31, 32), p_refs[i], p_rev, substr(p_blocks, start, p_sizes[i]))
        ON CONFLICT (repo, digest) DO UPDATE SET refs = b.refs + excluded.refs;
      start := start + p_sizes[i];
    END LOOP;
    FOR i IN 1 .. cardinality(p_counts) LOOP
      gone := substr(p_dropped, 32 * i - 31, 32);
      DELETE FROM repo_block WHERE repo = repo_id AND digest = gone AND refs <= p_counts[i];
      IF NOT FOUND THEN
        UPDATE repo_block SET refs = refs - p_counts[i] WHERE repo = repo_id AND digest = gone;
      END IF;
    END LOOP;
  END $$;
  `,
]
