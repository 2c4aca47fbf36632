import { readAccounts } from '@avocet/accounts/postgres'
import { schemaVersions, type Queryable } from '@avocet/postgres'
import { exportRepo } from '@avocet/repo'
import { LIVE_SET, openRepoServerStore, type PostgresRepoServerStore } from '@avocet/repo-server/postgres'
import type { Did } from '@avocet/syntax'

import type { PostgresPlace } from '../../config/config.ts'
import type { RepoView, StoresView } from '../view.ts'
import { readAudit } from './audit.ts'
import { explained, placeOf, StoreError } from './failures.ts'
import { connect } from './connect.ts'
import { SCHEMA } from './schema.ts'
import { refuseUnfinished } from './use.ts'

/**
 * The stores of a database that a server of this version has opened.
 * @param unfinished whether a move may be under way to it
 * @throws StoreError
 */
export async function openPostgresView(
  place: PostgresPlace,
  { unfinished = false }: { readonly unfinished?: boolean } = {},
): Promise<StoresView> {
  await using opened = new AsyncDisposableStack()
  const db = opened.use(await connect(place, { readOnly: true }))
  try {
    await requireTables(db, place)
    if (!unfinished) await refuseUnfinished(db, place)
    const { accounts, secrets } = readAccounts(db)
    const server = opened.use(await openRepoServerStore(db, { readOnly: true }))
    const kept = opened.move()
    return {
      accounts,
      secrets,
      audit: readAudit(db),
      pages: async () => {
        const [row] = await db.query(
          `SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby`,
        )
        if (row!['standby'] === true) throw new Error('it is a standby, which takes no writes')
        return `Postgres ${String(row!['version'])}; its pages are its own to check (pg_amcheck)`
      },
      // Constraints of the database see to it.
      references: () => 'every row that is referred to is there',
      eventLog: async () => {
        const { oldest, newest } = await server.log.bounds()
        const [row] = await db.query('SELECT min(seq) AS low, max(seq) AS high FROM event')
        const [low, high] = [Number(row!['low'] ?? oldest), Number(row!['high'] ?? newest)]
        if (low < oldest) throw new Error(`event ${low} is below the window, which begins at ${oldest}`)
        // Others may have been appended since the bounds were read.
        const now = (await server.log.bounds()).newest
        if (high > now) throw new Error(`event ${high} is above the counter, ${now}`)
        return `events ${low} to ${newest}`
      },
      sample: async (count) =>
        (await db.query('SELECT did FROM account ORDER BY random() LIMIT $1', [count])).map(
          (row) => row['did'] as Did,
        ),
      blobs: async (did) =>
        (await db.query('SELECT cid, size FROM blob WHERE did = $1', [did])).map((row) => ({
          cid: row['cid'] as string,
          size: Number(row['size']),
        })),
      repository: async (did, look) => {
        // A snapshot: the running server goes on.
        await using moment = await db.snapshot()
        return await look(await repository(moment, server, did))
      },
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    }
  } catch (error) {
    throw explained(error, place.url)
  }
}

/** To look makes no tables and upgrades none: a running server is of the version that made them. @throws StoreError */
async function requireTables(db: Queryable, { url, schema }: PostgresPlace): Promise<void> {
  const versions = await schemaVersions(db)
  const where = `${placeOf(url)}${schema === null ? '' : ` schema=${schema}`}`
  if (versions.size === 0) {
    throw new StoreError(`no server's data is in this database; ${where}\nCorrect PDS_DB_POSTGRES_URL`)
  }
  const other = SCHEMA.find(({ name, version }) => versions.get(name) !== version)
  if (other !== undefined) {
    const part = `${other.name} ${versions.get(other.name) ?? 0}, known ${other.version}`
    throw new StoreError(
      `the database is of another version of this program (${part}); ${where}\nRun the version of the server, or start a server of this one`,
    )
  }
}

async function repository(
  moment: Queryable,
  { repos }: PostgresRepoServerStore,
  did: Did,
): Promise<RepoView | null> {
  const snapshot = await repos.snapshotIn(moment, did)
  if (snapshot === null) return null
  const { rev, commit } = snapshot.head
  return {
    rev,
    head: commit,
    car: () => exportRepo({ snapshot: async () => snapshot }, did),
    rows: async () => {
      const rows = await moment.query(`SELECT collection, rkey, cid FROM record WHERE owner = ${LIVE_SET}`, [
        did,
      ])
      return new Map(
        rows.map((row) => [`${String(row['collection'])}/${String(row['rkey'])}`, row['cid'] as string]),
      )
    },
    frames: () => frames(moment, did),
  }
}

async function* frames(db: Queryable, did: Did): AsyncGenerator<Uint8Array> {
  let before = Number.MAX_SAFE_INTEGER
  for (;;) {
    // Most looks end in the first page.
    const rows = await db.query(
      'SELECT seq, frame FROM event WHERE did = $1 AND seq < $2 ORDER BY seq DESC LIMIT 20',
      [did, before],
    )
    for (const row of rows) yield row['frame'] as Uint8Array
    if (rows.length < 20) return
    before = Number(rows.at(-1)!['seq'])
  }
}
