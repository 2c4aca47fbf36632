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
  // Several commits in one call: what a call costs beside its rows is paid once. Values are few and long, since each costs something
  // by itself. Rows are found by nested loops over whole keys, whatever was thought of the sizes of tables when the plan was made.
  `
  -- Applies commits, each of another repository, on p_prevs (see repo_apply_1); where the DID is null, none. p_statuses: of repositories
  -- that this makes; p_only_whiles: in which those that exist take a commit, divided by commas; null is active for all of them.
  -- p_digests: of all blocks, one after the other; p_of tells to which commit one belongs, p_refs by how much the number of its
  -- references changes. New ones are in p_blocks, from p_starts on. p_locked: the caller has the locks of the repositories.
  -- outcomes: as that of repo_apply_1; of a commit that was not applied nothing is written, and its repo_ids is null.
  CREATE FUNCTION repo_apply_2(
    p_locked boolean,
    p_dids text[], p_prevs bytea[], p_revs text[], p_datas bytea[], p_heads bytea[], p_statuses text[], p_only_whiles text[],
    p_of integer[], p_digests bytea, p_refs integer[], p_starts integer[], p_sizes integer[], p_blocks bytea,
    OUT outcomes text[], OUT repo_ids bigint[]
  ) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_mergejoin = off AS $$
  DECLARE
    found_id bigint;
    found_status text;
    inserted bigint;
    deleted bigint;
  BEGIN
    FOR i IN 1 .. cardinality(p_dids) LOOP
      outcomes[i] := NULL;
      repo_ids[i] := NULL;
      CONTINUE WHEN p_dids[i] IS NULL;
      -- Writers of one repository take turns, in whichever process they are; those of others do not wait.
      IF NOT p_locked THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(p_dids[i], 7));
      END IF;
      UPDATE repo SET rev = p_revs[i], data = p_datas[i], head = p_heads[i] WHERE did = p_dids[i] AND head = p_prevs[i]
        AND status = ANY (string_to_array(coalesce(p_only_whiles[i], 'active'), ',')) RETURNING id INTO found_id;
      IF FOUND THEN
        outcomes[i] := 'applied';
        repo_ids[i] := found_id;
        CONTINUE;
      END IF;
      SELECT status INTO found_status FROM repo WHERE did = p_dids[i];
      IF FOUND AND found_status <> ALL (string_to_array(coalesce(p_only_whiles[i], 'active'), ',')) THEN
        outcomes[i] := found_status;
      ELSIF FOUND OR p_prevs[i] IS NOT NULL THEN
        outcomes[i] := 'stale';
      ELSE
        INSERT INTO repo (did, rev, data, head, status)
          VALUES (p_dids[i], p_revs[i], p_datas[i], p_heads[i], coalesce(p_statuses[i], 'active')) RETURNING id INTO found_id;
        outcomes[i] := 'applied';
        repo_ids[i] := found_id;
      END IF;
    END LOOP;
    INSERT INTO repo_block AS b (repo, digest, refs, rev, bytes)
      SELECT repo_ids[c.i], substr(p_digests, 32 * c.n::integer - 31, 32), c.refs, p_revs[c.i], substr(p_blocks, c.start, c.size)
        FROM unnest(p_of, p_refs, p_starts, p_sizes) WITH ORDINALITY AS c (i, refs, start, size, n)
        WHERE c.refs > 0 AND repo_ids[c.i] IS NOT NULL
      ON CONFLICT (repo, digest) DO UPDATE SET refs = b.refs + excluded.refs;
    GET DIAGNOSTICS inserted = ROW_COUNT;
    DELETE FROM repo_block AS b USING unnest(p_of, p_refs) WITH ORDINALITY AS c (i, refs, n)
      WHERE c.refs < 0 AND b.repo = repo_ids[c.i] AND b.digest = substr(p_digests, 32 * c.n::integer - 31, 32) AND b.refs <= -c.refs;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    IF inserted + deleted < cardinality(p_refs) THEN
      UPDATE repo_block AS b SET refs = b.refs + c.refs FROM unnest(p_of, p_refs) WITH ORDINALITY AS c (i, refs, n)
        WHERE c.refs < 0 AND b.repo = repo_ids[c.i] AND b.digest = substr(p_digests, 32 * c.n::integer - 31, 32);
    END IF;
  END $$;
  `,
]
