import { migrate, type Database } from '@avocet/sqlite'

import { decodeSession, decodeState, encodeSession, encodeState } from '../json.ts'
import type { OAuthStores, SessionData } from '../store.ts'

const MIGRATIONS = [
  `CREATE TABLE oauth_client_state (
     key TEXT NOT NULL PRIMARY KEY,
     data TEXT NOT NULL,
     expires_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX oauth_client_state_by_expiry ON oauth_client_state (expires_at);
   CREATE TABLE oauth_client_session (
     id TEXT NOT NULL PRIMARY KEY,
     did TEXT NOT NULL,
     data TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX oauth_client_session_by_did ON oauth_client_session (did);`,
]

/** Options of {@link openSqliteStores}. */
export interface SqliteStoresOptions {
  /** Milliseconds since 1970; default the platform's clock. */
  readonly now?: () => number
}

/**
 * Stores in SQLite, for a server of one process: the default lock of a client is enough. Tokens and keys are in the file as they
 * are: who can read it can act as everybody in it.
 */
export function openSqliteStores(db: Database, { now = Date.now }: SqliteStoresOptions = {}): OAuthStores {
  migrate(db, 'oauth-client', MIGRATIONS)
  return {
    states: {
      set: async (key, data) => {
        const text = await encodeState(data)
        await db.write(() => {
          // Those that nobody came back for.
          db.prepare('DELETE FROM oauth_client_state WHERE expires_at <= ?').run(now())
          db.prepare(
            'INSERT OR REPLACE INTO oauth_client_state (key, data, expires_at) VALUES (?, ?, ?)',
          ).run(key, text, data.expiresAt)
        })
      },
      take: async (key) => {
        const row = await db.write(() =>
          db.prepare('DELETE FROM oauth_client_state WHERE key = ? RETURNING data').get(key),
        )
        return row === undefined ? null : decodeState(row['data'] as string)
      },
    },
    sessions: {
      get: async (id) => {
        const row = db.prepare('SELECT data FROM oauth_client_session WHERE id = ?').get(id)
        return row === undefined ? null : decodeSession(row['data'] as string)
      },
      set: async (data) => {
        const text = await encodeSession(data)
        await db.write(() => {
          db.prepare('INSERT OR REPLACE INTO oauth_client_session (id, did, data) VALUES (?, ?, ?)').run(
            data.id,
            data.did,
            text,
          )
        })
      },
      delete: async (id) => {
        await db.write(() => {
          db.prepare('DELETE FROM oauth_client_session WHERE id = ?').run(id)
        })
      },
      list: async (did) => {
        const rows =
          did === undefined
            ? db.prepare('SELECT data FROM oauth_client_session').all()
            : db.prepare('SELECT data FROM oauth_client_session WHERE did = ?').all(did)
        const all = await Promise.all(rows.map((row) => decodeSession(row['data'] as string)))
        return all.filter((data): data is SessionData => data !== null)
      },
    },
  }
}
