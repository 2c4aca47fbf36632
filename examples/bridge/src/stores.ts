import { join } from 'node:path'

import * as accountsOnPostgres from '@avocet/accounts/postgres'
import * as accountsOnSqlite from '@avocet/accounts/sqlite'
import { createMemoryBlobs } from '@avocet/blobs'
import { openDiskBlobs } from '@avocet/blobs/disk'
import * as remotesOnPostgres from '@avocet/blobs/postgres'
import * as remotesOnSqlite from '@avocet/blobs/sqlite'
import * as postgres from '@avocet/postgres'
import * as reposOnPostgres from '@avocet/repo-server/postgres'
import * as reposOnSqlite from '@avocet/repo-server/sqlite'
import * as sqlite from '@avocet/sqlite'

/** Stores on Postgres, in a folder, or without either in memory. Blobs that were uploaded are in the folder in any case. */
export async function openStores(folder?: string, postgresUrl?: string) {
  const files = folder === undefined ? createMemoryBlobs() : await openDiskBlobs(join(folder, 'blobs'))
  if (postgresUrl === undefined) {
    const db = sqlite.openDatabase({
      path: folder === undefined ? ':memory:' : join(folder, 'bridge.sqlite'),
    })
    const repos = reposOnSqlite.openRepoServerStore(db)
    const [accounts, remotes] = [accountsOnSqlite.openAccountStore(db), remotesOnSqlite.openRemoteRows(db)]
    return { files, accounts, repos, remotes, close: async () => db.close() }
  }
  const db = postgres.openDatabase({ url: postgresUrl })
  const accounts = await accountsOnPostgres.openAccountStore(db)
  const repos = await reposOnPostgres.openRepoServerStore(db)
  const remotes = await remotesOnPostgres.openRemoteRows(db)
  const close = () => repos[Symbol.asyncDispose]().then(() => db.close())
  return { files, accounts, repos, remotes, close }
}
