// https://www.w3.org/TR/IndexedDB-3/
import type { OAuthStores, SessionData, StateData } from '../store.ts'

/** What sign-ins under way have in the database, beside those that nobody came back for. */
interface StateRow {
  readonly key: string
  readonly data: StateData
}

/** Name of the database, and of the channel of its tabs, where none is given. */
export const DATABASE = 'avocet-oauth'

/**
 * Stores in IndexedDB: keys are kept as the browser's own objects, which no script can write out. A database of its own by name,
 * made when it is first used; what is written is told to the disk before it counts.
 */
export function createIndexedDbStores(name: string = DATABASE): OAuthStores {
  let opened: Promise<IDBDatabase> | null = null
  const open = (): Promise<IDBDatabase> => {
    opened ??= openDatabase(name, () => (opened = null)).catch((error: unknown) => {
      opened = null
      throw error
    })
    return opened
  }
  const run = async <T>(
    store: 'states' | 'sessions',
    mode: IDBTransactionMode,
    work: (rows: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T> => {
    const database = await open()
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(store, mode, { durability: 'strict' })
      const request = work(transaction.objectStore(store))
      transaction.addEventListener('complete', () => resolve(request.result))
      transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('aborted')))
    })
  }
  return {
    states: {
      set: async (key, data) => {
        await run('states', 'readwrite', (rows) => {
          // Those that nobody came back for are over by now.
          const over = rows.index('expiresAt').getAllKeys(IDBKeyRange.upperBound(Date.now()))
          over.onsuccess = () => over.result.forEach((old) => rows.delete(old))
          return rows.put({ key, data } satisfies StateRow)
        })
      },
      take: async (key) => {
        let row: StateRow | undefined
        await run('states', 'readwrite', (rows) => {
          const request: IDBRequest<StateRow | undefined> = rows.get(key)
          request.onsuccess = () => {
            row = request.result
            rows.delete(key)
          }
          return request
        })
        return row?.data ?? null
      },
    },
    sessions: {
      get: async (id) => {
        const found = await run<SessionData | undefined>('sessions', 'readonly', (rows) => rows.get(id))
        return found ?? null
      },
      set: async (data) => {
        await run('sessions', 'readwrite', (rows) => rows.put(data))
      },
      delete: async (id) => {
        await run('sessions', 'readwrite', (rows) => rows.delete(id))
      },
      list: (did) =>
        run<SessionData[]>('sessions', 'readonly', (rows) =>
          did === undefined ? rows.getAll() : rows.index('did').getAll(did),
        ),
    },
  }
}

function openDatabase(name: string, gone: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => {
      const database = request.result
      database.createObjectStore('states', { keyPath: 'key' }).createIndex('expiresAt', 'data.expiresAt')
      database.createObjectStore('sessions', { keyPath: 'id' }).createIndex('did', 'did')
    }
    request.onsuccess = () => {
      const database = request.result
      // Another tab of a newer version of the app may need it; and browsers close it when people clear their data.
      database.onversionchange = () => {
        database.close()
        gone()
      }
      database.addEventListener('close', gone)
      resolve(database)
    }
    request.addEventListener('error', () => reject(request.error as DOMException))
  })
}
