import { statfs } from 'node:fs/promises'

import { POWER_LOSS_WARNING, quotaWarning, type PdsConfig } from '../config/config.ts'
import { blobFolder } from '../config/data-directory.ts'
import { MIN_FREE_BYTES } from '../health/probe.ts'
import type { StoresView } from '../stores/view.ts'
import { check, type Finding } from './finding.ts'

const RESTORE =
  'stop the server, and restore a backup: avocet-pds restore <folder>, or pg_restore where it is on Postgres'
const WARN_FREE_BYTES = 1024 * 1024 * 1024

/** Blocks that are free for this process, the bytes of one, and all blocks, of the disk under a path. */
export type StatDisk = (path: string) => Promise<{ bavail: number; bsize: number; blocks: number }>

/** The database by itself: its pages, the rows that refer to others, the event log; the disk. `deep`: every index too. */
export async function dataChecks(
  view: Pick<StoresView, 'pages' | 'references' | 'eventLog'>,
  config: PdsConfig,
  deep: boolean,
  statDisk: StatDisk = statfs,
): Promise<Finding[]> {
  return [
    await check('database', RESTORE, () => view.pages(deep)),
    await check('references', RESTORE, () => view.references()),
    await check('event log', RESTORE, () => view.eventLog()),
    ...durability(config),
    ...quota(config),
    ...(await Promise.all(folders(config).map((path) => diskSpace(path, statDisk)))),
  ]
}

/** Nothing to tell where every answer waits for the disk. */
const durability = ({ sqliteSynchronous, postgres }: PdsConfig): Finding[] =>
  sqliteSynchronous === 'full' || postgres !== null
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
