/**
 * What a commit is built on: the head, and the rows at some places, as seen at one moment. A function, since planning such a
 * statement anew costs several times what it does.
 */
export const GROUND_1 = `
  CREATE FUNCTION repo_server_ground_1(p_did text, p_collections text[], p_rkeys text[])
  RETURNS TABLE (id bigint, did text, rev text, data bytea, head bytea, status text,
    collection text, rkey text, cid text, record_rev text, takedown_ref text)
  LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
  DECLARE
    set_id bigint;
  BEGIN
    SELECT r.id, r.did, r.rev, r.data, r.head, r.status INTO id, did, rev, data, head, status FROM repo r WHERE r.did = p_did;
    IF NOT FOUND THEN
      RETURN;
    END IF;
    RETURN NEXT;
    SELECT s.id INTO set_id FROM record_set s WHERE s.did = p_did AND s.state = 'live';
    FOR i IN 1 .. cardinality(p_rkeys) LOOP
      SELECT r.collection, r.rkey, r.cid, r.rev, r.takedown_ref INTO collection, rkey, cid, record_rev, takedown_ref FROM record r
        WHERE r.owner = set_id AND r.collection = p_collections[i] AND r.rkey = p_rkeys[i];
      IF FOUND THEN
        RETURN NEXT;
      END IF;
    END LOOP;
  END $$;
`

/** Who waits to write, in which order. Not worth a log: after a crash nobody waits. */
export const TURNS_1 = `
  CREATE UNLOGGED TABLE write_turn (
    ticket bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    did text COLLATE "C" NOT NULL,
    until timestamptz NOT NULL
  );
  CREATE INDEX write_turn_did ON write_turn (did, ticket);
`

/**
 * A commit with its rows and events as one call: nothing waits for a network while the repository is locked. Named by its version,
 * since processes of two versions may work on one database.
 *
 * Records come as those that are put, and those that were there before (`gone`: they go); links and references to blobs are of the
 * records that are put. Events come one after the other in `p_events`.
 *
 * outcome: as that of `repo_apply_1`; stale also for who has no ticket, or a later one, while others wait for their turn. Unless it is
 * `applied`, nothing was written.
 */
export const COMMIT_1 = `
  CREATE FUNCTION repo_server_commit_1(
    p_did text, p_prev bytea, p_rev text, p_data bytea, p_head bytea, p_status text, p_only_while text[],
    p_digests bytea, p_refs integer[], p_sizes integer[], p_blocks bytea, p_dropped bytea, p_counts integer[],
    p_put_collections text[], p_put_rkeys text[], p_put_cids text[],
    p_old_collections text[], p_old_rkeys text[], p_old_gone boolean[],
    p_link_collections text[], p_link_rkeys text[], p_link_targets text[],
    p_ref_collections text[], p_ref_rkeys text[], p_ref_cids text[],
    p_event_dids text[], p_event_times bigint[], p_event_ats integer[], p_event_sizes integer[], p_events bytea, p_ticket bigint,
    OUT outcome text, OUT repo_id bigint, OUT seqs bigint[], OUT orphans text[]
  ) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
  DECLARE
    set_id bigint;
    released text[] := '{}';
    one text;
    start integer := 1;
  BEGIN
    -- The lock of repo_apply_1, so that of two who have tickets the later sees that of the earlier.
    PERFORM pg_advisory_xact_lock(hashtextextended(p_did, 7));
    IF EXISTS (SELECT 1 FROM write_turn WHERE did = p_did AND (p_ticket IS NULL OR ticket < p_ticket) AND until > clock_timestamp()) THEN
      outcome := 'stale';
      RETURN;
    END IF;
    SELECT a.outcome, a.repo_id INTO outcome, repo_id FROM repo_apply_1(p_did, p_prev, p_rev, p_data, p_head, p_status,
      p_only_while, p_digests, p_refs, p_sizes, p_blocks, p_dropped, p_counts) AS a;
    IF outcome <> 'applied' THEN
      RETURN;
    END IF;
    seqs := '{}';
    orphans := '{}';
    IF p_ticket IS NOT NULL THEN
      DELETE FROM write_turn WHERE ticket = p_ticket;
    END IF;

    IF cardinality(p_put_cids) + cardinality(p_old_rkeys) > 0 THEN
      SELECT id INTO set_id FROM record_set WHERE did = p_did AND state = 'live';
      IF NOT FOUND THEN
        INSERT INTO record_set (did, state) VALUES (p_did, 'live') RETURNING id INTO set_id;
      END IF;
    END IF;
    -- One by one, by the whole key: see repo_apply_1.
    FOR i IN 1 .. cardinality(p_old_rkeys) LOOP
      DELETE FROM backlink WHERE owner = set_id AND collection = p_old_collections[i] AND rkey = p_old_rkeys[i];
      WITH gone AS (
        DELETE FROM record_blob WHERE owner = set_id AND collection = p_old_collections[i] AND rkey = p_old_rkeys[i]
          AND (collection, rkey, cid) NOT IN (SELECT * FROM unnest(p_ref_collections, p_ref_rkeys, p_ref_cids)) RETURNING cid)
      SELECT released || coalesce(array_agg(cid), '{}') INTO released FROM gone;
      IF p_old_gone[i] THEN
        DELETE FROM record WHERE owner = set_id AND collection = p_old_collections[i] AND rkey = p_old_rkeys[i];
      END IF;
    END LOOP;

    INSERT INTO record (owner, collection, rkey, cid, rev)
      SELECT set_id, r.collection, r.rkey, r.cid, p_rev FROM unnest(p_put_collections, p_put_rkeys, p_put_cids) AS r (collection, rkey, cid)
      ON CONFLICT (owner, collection, rkey)
      DO UPDATE SET cid = excluded.cid, rev = excluded.rev, indexed_at = excluded.indexed_at;
    IF cardinality(p_link_targets) > 0 THEN
      INSERT INTO backlink (owner, collection, rkey, target)
        SELECT set_id, l.* FROM unnest(p_link_collections, p_link_rkeys, p_link_targets) AS l ON CONFLICT DO NOTHING;
    END IF;
    IF cardinality(p_ref_cids) > 0 THEN
      INSERT INTO record_blob (owner, collection, rkey, cid, rev)
        SELECT set_id, r.*, p_rev FROM unnest(p_ref_collections, p_ref_rkeys, p_ref_cids) AS r ON CONFLICT DO NOTHING;
      FOR i IN 1 .. cardinality(p_ref_cids) LOOP
        UPDATE blob SET permanent = 1 WHERE did = p_did AND cid = p_ref_cids[i] AND permanent <> 1;
      END LOOP;
    END IF;

    -- What no record refers to is forgotten. A blob that was uploaded again since stays as an upload.
    FOREACH one IN ARRAY released LOOP
      CONTINUE WHEN EXISTS (SELECT 1 FROM record_blob WHERE owner = set_id AND cid = one);
      UPDATE blob SET permanent = 0 WHERE did = p_did AND cid = one AND takedown_ref IS NULL AND permanent = 2;
      CONTINUE WHEN FOUND;
      DELETE FROM blob WHERE did = p_did AND cid = one AND takedown_ref IS NULL;
      IF FOUND THEN
        orphans := orphans || one;
      END IF;
    END LOOP;

    -- Last: from its first number on, readers of the log wait for this transaction.
    FOR i IN 1 .. cardinality(p_event_dids) LOOP
      seqs := seqs || event_append_1(p_event_dids[i], p_event_times[i], substr(p_events, start, p_event_sizes[i]), p_event_ats[i]);
      start := start + p_event_sizes[i];
    END LOOP;
  END $$;
`

/**
 * Commits of several repositories with their rows and events as one call, which is one transaction: what a transaction costs beside its
 * rows (its way to the disk above all) is paid once. Each stands for itself: what came too late, or is refused, writes nothing
 * and leaves the others as they are.
 *
 * The values for blocks are those of `repo_apply_2`. Rows of records come in any order: of which commit (from 1), where, and what:
 * - `put`: the record is the version `p_row_values` from now on
 * - `old`: there was a version before; `gone`: and there is none afterwards
 * - `link`, `blob`: the version that is put points at `p_row_values`
 *
 * Unless `p_waits`, a commit whose repository somebody is at work on has the outcome `busy` and writes nothing: who waits for one would
 * keep the others waiting, and two who wait for each other's would wait for ever. So who waits brings one commit, and has the
 * ticket `p_ticket`, if any.
 *
 * outcomes: see `repo_apply_2`, and stale also for who has no ticket, or a later one, while others wait for their turn. seqs: of the
 * events of what was applied, in their order.
 */
export const COMMIT_2 = `
  CREATE FUNCTION repo_server_commit_2(
    p_waits boolean, p_ticket bigint,
    p_dids text[], p_prevs bytea[], p_revs text[], p_datas bytea[], p_heads bytea[], p_statuses text[], p_only_whiles text[],
    p_of integer[], p_digests bytea, p_refs integer[], p_starts integer[], p_sizes integer[], p_blocks bytea,
    p_row_of integer[], p_row_kinds text[], p_row_collections text[], p_row_rkeys text[], p_row_values text[],
    p_event_of integer[], p_event_dids text[], p_event_time bigint, p_event_ats integer[], p_event_starts integer[],
    p_event_sizes integer[], p_events bytea,
    OUT outcomes text[], OUT repo_ids bigint[], OUT seqs bigint[], OUT orphan_of integer[], OUT orphans text[]
  ) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
  DECLARE
    early text[];
    applied integer := 0;
    set_ids bigint[];
    set_id bigint;
    released text[];
    released_of integer[];
    one text;
    k integer;
  BEGIN
    FOR i IN 1 .. cardinality(p_dids) LOOP
      -- The lock of repo_apply_2, so that of two who have tickets the later sees that of the earlier.
      IF p_waits THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(p_dids[i], 7));
      ELSIF NOT pg_try_advisory_xact_lock(hashtextextended(p_dids[i], 7)) THEN
        early[i] := 'busy';
        CONTINUE;
      END IF;
      IF EXISTS (SELECT 1 FROM write_turn WHERE did = p_dids[i] AND (p_ticket IS NULL OR ticket < p_ticket)
          AND until > clock_timestamp()) THEN
        early[i] := 'stale';
      END IF;
    END LOOP;
    IF early IS NOT NULL THEN
      p_dids := ARRAY(SELECT CASE WHEN early[n] IS NULL THEN did END FROM unnest(p_dids) WITH ORDINALITY AS d (did, n) ORDER BY n);
    END IF;
    SELECT a.outcomes, a.repo_ids INTO outcomes, repo_ids FROM repo_apply_2(true, p_dids, p_prevs, p_revs, p_datas, p_heads,
      p_statuses, p_only_whiles, p_of, p_digests, p_refs, p_starts, p_sizes, p_blocks) AS a;
    FOR i IN 1 .. cardinality(p_dids) LOOP
      IF repo_ids[i] IS NOT NULL THEN
        applied := applied + 1;
      ELSIF outcomes[i] IS NULL THEN
        outcomes[i] := early[i];
      END IF;
    END LOOP;
    IF applied = 0 THEN
      RETURN;
    END IF;
    IF p_ticket IS NOT NULL THEN
      DELETE FROM write_turn WHERE ticket = p_ticket;
    END IF;

    IF cardinality(p_row_of) > 0 THEN
      FOR i IN 1 .. cardinality(p_dids) LOOP
        IF repo_ids[i] IS NULL OR i <> ALL (p_row_of) THEN
          set_ids[i] := NULL;
          CONTINUE;
        END IF;
        SELECT id INTO set_id FROM record_set WHERE did = p_dids[i] AND state = 'live';
        IF NOT FOUND THEN
          INSERT INTO record_set (did, state) VALUES (p_dids[i], 'live') RETURNING id INTO set_id;
        END IF;
        set_ids[i] := set_id;
      END LOOP;
      -- One by one, by the whole key: see repo_apply_1.
      FOR i IN 1 .. cardinality(p_row_of) LOOP
        k := p_row_of[i];
        CONTINUE WHEN set_ids[k] IS NULL OR (p_row_kinds[i] <> 'old' AND p_row_kinds[i] <> 'gone');
        DELETE FROM backlink WHERE owner = set_ids[k] AND collection = p_row_collections[i] AND rkey = p_row_rkeys[i];
        FOR one IN
          DELETE FROM record_blob WHERE owner = set_ids[k] AND collection = p_row_collections[i] AND rkey = p_row_rkeys[i]
            AND (k, 'blob', collection, rkey, cid)
              NOT IN (SELECT * FROM unnest(p_row_of, p_row_kinds, p_row_collections, p_row_rkeys, p_row_values))
            RETURNING cid
        LOOP
          released := released || one;
          released_of := released_of || k;
        END LOOP;
        IF p_row_kinds[i] = 'gone' THEN
          DELETE FROM record WHERE owner = set_ids[k] AND collection = p_row_collections[i] AND rkey = p_row_rkeys[i];
        END IF;
      END LOOP;
      INSERT INTO record (owner, collection, rkey, cid, rev)
        SELECT set_ids[r.i], r.collection, r.rkey, r.value, p_revs[r.i]
          FROM unnest(p_row_of, p_row_kinds, p_row_collections, p_row_rkeys, p_row_values) AS r (i, kind, collection, rkey, value)
          WHERE kind = 'put' AND set_ids[r.i] IS NOT NULL
        ON CONFLICT (owner, collection, rkey)
        DO UPDATE SET cid = excluded.cid, rev = excluded.rev, indexed_at = excluded.indexed_at;
      IF 'link' = ANY (p_row_kinds) THEN
        INSERT INTO backlink (owner, collection, rkey, target)
          SELECT set_ids[r.i], r.collection, r.rkey, r.value
            FROM unnest(p_row_of, p_row_kinds, p_row_collections, p_row_rkeys, p_row_values) AS r (i, kind, collection, rkey, value)
            WHERE kind = 'link' AND set_ids[r.i] IS NOT NULL
          ON CONFLICT DO NOTHING;
      END IF;
      IF 'blob' = ANY (p_row_kinds) THEN
        INSERT INTO record_blob (owner, collection, rkey, cid, rev)
          SELECT set_ids[r.i], r.collection, r.rkey, r.value, p_revs[r.i]
            FROM unnest(p_row_of, p_row_kinds, p_row_collections, p_row_rkeys, p_row_values) AS r (i, kind, collection, rkey, value)
            WHERE kind = 'blob' AND set_ids[r.i] IS NOT NULL
          ON CONFLICT DO NOTHING;
        FOR i IN 1 .. cardinality(p_row_of) LOOP
          CONTINUE WHEN p_row_kinds[i] <> 'blob' OR set_ids[p_row_of[i]] IS NULL;
          UPDATE blob SET permanent = 1 WHERE did = p_dids[p_row_of[i]] AND cid = p_row_values[i] AND permanent <> 1;
        END LOOP;
      END IF;
      -- What no record refers to is forgotten. A blob that was uploaded again since stays as an upload.
      FOR i IN 1 .. coalesce(cardinality(released), 0) LOOP
        k := released_of[i];
        CONTINUE WHEN EXISTS (SELECT 1 FROM record_blob WHERE owner = set_ids[k] AND cid = released[i]);
        UPDATE blob SET permanent = 0 WHERE did = p_dids[k] AND cid = released[i] AND takedown_ref IS NULL AND permanent = 2;
        CONTINUE WHEN FOUND;
        DELETE FROM blob WHERE did = p_dids[k] AND cid = released[i] AND takedown_ref IS NULL;
        IF FOUND THEN
          orphans := orphans || released[i];
          orphan_of := orphan_of || k;
        END IF;
      END LOOP;
    END IF;

    -- Last: from its first number on, readers of the log wait for this transaction.
    IF applied < cardinality(p_dids) THEN
      p_event_dids := ARRAY(SELECT CASE WHEN repo_ids[e.i] IS NOT NULL THEN e.did END
        FROM unnest(p_event_of, p_event_dids) WITH ORDINALITY AS e (i, did, n) ORDER BY n);
    END IF;
    IF cardinality(p_event_of) > 0 THEN
      seqs := event_append_2(p_event_dids, p_event_time, p_event_ats, p_event_starts, p_event_sizes, p_events);
    END IF;
  END $$;
`
