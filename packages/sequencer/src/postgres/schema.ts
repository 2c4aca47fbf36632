/**
 * The schema of the log, one script a version.
 *
 * Numbers come from a sequence, which no transaction waits for. The row of `event_log` is locked by removals alone: `bytes` are
 * those of the events up to `counted`, and `removals` tells processes that were not notified that something is gone.
 *
 * Functions are named by their version: processes of two versions may work on one database.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE event (
     seq BIGINT PRIMARY KEY,
     time BIGINT NOT NULL,
     did TEXT NOT NULL,
     size INTEGER NOT NULL,
     frame BYTEA NOT NULL
   );
   ALTER TABLE event ALTER COLUMN frame SET STORAGE EXTERNAL;
   CREATE INDEX event_did ON event (did, seq);
   CREATE TABLE event_log (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     newest BIGINT NOT NULL,
     oldest BIGINT NOT NULL,
     bytes BIGINT NOT NULL
   );
   INSERT INTO event_log (id, newest, oldest, bytes) VALUES (1, 0, 1, 0);`,
  `CREATE SEQUENCE event_seq AS bigint;
   SELECT setval('event_seq', greatest(newest, 1), newest > 0) FROM event_log;
   ALTER TABLE event_log ADD COLUMN counted BIGINT NOT NULL DEFAULT 0, ADD COLUMN removals BIGINT NOT NULL DEFAULT 0;
   UPDATE event_log SET counted = newest;
   ALTER TABLE event_log DROP COLUMN newest;

   -- Gives an event its number, and puts that into the frame, as CBOR, where one byte keeps its place (p_at bytes from the start).
   CREATE FUNCTION event_append_1(p_did text, p_time bigint, p_frame bytea, p_at integer) RETURNS bigint LANGUAGE plpgsql AS $$
   DECLARE
     n bigint;
     coded bytea;
   BEGIN
     -- Readers wait for this transaction from here on: a process that hangs in it is cut off.
     PERFORM set_config('idle_in_transaction_session_timeout', '10000', true);
     n := nextval('event_seq');
     coded := CASE
       WHEN n < 24 THEN substr(int8send(n), 8)
       WHEN n < 256 THEN '\\x18'::bytea || substr(int8send(n), 8)
       WHEN n < 65536 THEN '\\x19'::bytea || substr(int8send(n), 7)
       WHEN n < 4294967296 THEN '\\x1a'::bytea || substr(int8send(n), 5)
       ELSE '\\x1b'::bytea || int8send(n) END;
     INSERT INTO event (seq, time, did, size, frame) VALUES (n, p_time, p_did, octet_length(p_frame) - 1 + octet_length(coded),
       substr(p_frame, 1, p_at) || coded || substr(p_frame, p_at + 2));
     RETURN n;
   END $$;

   -- The newest number given, and the transactions that still may have one up to it: whoever takes a number of a sequence
   -- holds a lock on it to the end of the transaction. It is let go when what the transaction wrote can be seen.
   CREATE FUNCTION event_horizon_1(OUT newest bigint, OUT writers text[]) LANGUAGE plpgsql AS $$
   BEGIN
     -- In this order.
     SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO newest FROM event_seq;
     SELECT coalesce(array_agg(l.virtualtransaction), '{}') INTO writers FROM pg_locks l
       WHERE l.locktype = 'relation' AND l.relation = 'event_seq'::regclass AND l.mode = 'RowExclusiveLock' AND l.granted
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database());
   END $$;`,
  // A frame of a few kilobytes stands in the row of its event: two rows fewer to write, and to read.
  `ALTER TABLE event SET (toast_tuple_target = 8160);

   -- As event_append_1, for several, in their order: the frames come one after the other, each from p_starts on. Where the DID is null
   -- there is none. Returns the numbers of those that are there.
   CREATE FUNCTION event_append_2(
     p_dids text[], p_time bigint, p_ats integer[], p_starts integer[], p_sizes integer[], p_frames bytea
   ) RETURNS bigint[] LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
   DECLARE
     seqs bigint[];
   BEGIN
     -- Readers wait for this transaction from here on: a process that hangs in it is cut off.
     PERFORM set_config('idle_in_transaction_session_timeout', '10000', true);
     WITH numbered AS MATERIALIZED (
       SELECT nextval('event_seq') AS n, e.* FROM (
         SELECT * FROM unnest(p_dids, p_ats, p_starts, p_sizes) WITH ORDINALITY AS u (did, at, start, size, i)
           WHERE did IS NOT NULL ORDER BY i) AS e
     ), coded AS (
       SELECT n, did, at, start, size, CASE
         WHEN n < 24 THEN substr(int8send(n), 8)
         WHEN n < 256 THEN '\\x18'::bytea || substr(int8send(n), 8)
         WHEN n < 65536 THEN '\\x19'::bytea || substr(int8send(n), 7)
         WHEN n < 4294967296 THEN '\\x1a'::bytea || substr(int8send(n), 5)
         ELSE '\\x1b'::bytea || int8send(n) END AS number FROM numbered
     ), stored AS (
       INSERT INTO event (seq, time, did, size, frame)
         SELECT n, p_time, did, size - 1 + octet_length(number),
           substr(p_frames, start, at) || number || substr(p_frames, start + at + 1, size - at - 1) FROM coded
     ) SELECT coalesce(array_agg(n ORDER BY n), '{}') INTO seqs FROM numbered;
     RETURN seqs;
   END $$;`,
]
