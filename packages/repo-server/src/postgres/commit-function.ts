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
