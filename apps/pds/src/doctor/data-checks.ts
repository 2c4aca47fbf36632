import { statfs } from 'node:fs/promises'

import type { Database } from '@avocet/sqlite'

import { POWER_LOSS_WARNING, quotaWarning, type PdsConfig } from '../config/config.ts'
import { blobFolder } from '../config/data-directory.ts'
import { MIN_FREE_BYTES } from '../health/probe.ts'
import { check, some, type Finding } from './finding.ts'

const RESTORE = 'stop the server, and restore a backup: avocet-pds restore <folder>'
const WARN_FREE_BYTES = 1024 * 1024 * 1024

/** Blocks that are free for this process, the bytes of one, and all blocks, of the disk under a path. */
export type StatDisk = (path: string) => Promise<{ bavail: number; bsize: number; blocks: number }>

/** The database by itself: its pages, the rows that refer to others, the event log; the disk. `deep`: every index too. */
export async function dataChecks(
  db: Database,
  config: PdsConfig,
  deep: boolean,
  statDisk: StatDisk = statfs,
): Promise<Finding[]> {
  return [
    await check('database', RESTORE, () => {
      const problems = db
        .prepare(deep ? 'PRAGMA integrity_check(20)' : 'PRAGMA quick_check(20)')
        .all()
        .map((row) => String(Object.values(row)[0]))
      if (problems.length !== 1 || problems[0] !== 'ok') throw new Error(some(problems))
      return deep ? 'pages and indexes are sound' : 'pages are sound'
    }),
    await check('references', RESTORE, () => {
      const rows = db.prepare('PRAGMA foreign_key_check').all()
      const tables = [...new Set(rows.map((row) => String(row['table'])))]
      if (rows.length > 0)
        throw new Error(`${rows.length} rows refer to what is not there; in ${some(tables)}`)
      return 'every row that is referred to is there'
    }),
    await check('event log', RESTORE, () => eventLog(db)),
    ...durability(config),
    ...quota(config),
    ...(await Promise.all(folders(config).map((path) => diskSpace(path, statDisk)))),
  ]
}

/** Nothing to tell where every answer waits for the disk. */
const durability = ({ sqliteSynchronous }: PdsConfig): Finding[] =>
  sqliteSynchronous === 'full'
    ? []
    : [
        {
          level: 'warn',
          what: 'durability',
          detail: POWER_LOSS_WARNING,
          next: 'remove PDS_SQLITE_SYNCHRONOUS unless that was meant',
        },
      ]

/** Nothing to tell where the operator knows whom the server holds, or has bounded them. */
const quota = (config: PdsConfig): Finding[] => {
  const detail = quotaWarning(config)
  const next = 'set PDS_ACCOUNT_BLOB_QUOTA (bytes an account), or PDS_INVITE_REQUIRED=true'
  return detail === null ? [] : [{ level: 'warn', what: 'quota', detail, next }]
}

/** Where the disk fills up. Uploads to a bucket lie in the data directory for a moment. */
const folders = (config: PdsConfig): string[] =>
  config.blobBucket === null ? [config.dataDirectory, blobFolder(config)] : [config.dataDirectory]

/** Numbers rise, the counter is not below them, and what the window should hold weighs what the counter says. */
function eventLog(db: Database): string {
  const counter = db.prepare('SELECT newest, oldest, bytes FROM event_log WHERE id = 1').get()
  if (counter === undefined) throw new Error('it has no counter')
  const { newest, oldest, bytes } = counter as { newest: number; oldest: number; bytes: number }
  const rows = db.prepare('SELECT min(seq) AS low, max(seq) AS high, sum(size) AS bytes FROM event').get()!
  const low = (rows['low'] as number | null) ?? oldest
  const high = (rows['high'] as number | null) ?? newest
  if (high > newest) throw new Error(`event ${high} is above the counter, ${newest}`)
  if (low < oldest) throw new Error(`event ${low} is below the window, which begins at ${oldest}`)
  const stored = (rows['bytes'] as number | null) ?? 0
  if (stored !== bytes) throw new Error(`its events take ${stored} bytes, the counter says ${bytes}`)
  return `events ${low} to ${newest}`
}

async function diskSpace(path: string, statDisk: StatDisk): Promise<Finding> {
  const what = `disk under ${path}`
  try {
    const { bavail, bsize, blocks } = await statDisk(path)
    const free = bavail * bsize
    const detail = `${Math.round(free / 1024 / 1024)} MiB are free, ${Math.round((100 * bavail) / blocks)} %`
    const level = free < MIN_FREE_BYTES ? 'bad' : free < WARN_FREE_BYTES ? 'warn' : 'ok'
    return { level, what, detail, next: 'make room, or bound accounts: avocet-pds account quota' }
  } catch (error) {
    return { level: 'bad', what, detail: (error as Error).message, next: 'look at PDS_DATA_DIRECTORY' }
  }
}
