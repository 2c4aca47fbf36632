// `avocet-pds move` from SQLite to Postgres and back, every row compared: an account of a million records, and many accounts. Run:
// node bench/pds-move.ts [--records 1000000] [--accounts 10000]; 0 leaves one out. It takes some minutes and 3 GB of temporary files.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { createKeypair } from '@avocet/crypto'
import { cidForCbor, formatCid } from '@avocet/data'
import { openRepoStore } from '@avocet/repo-sqlite'
import { openEventLog } from '@avocet/sequencer/sqlite'
import { openDatabase, type Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { startPostgres } from '@avocet/testing/postgres'

import { record, save } from './support/compare.ts'
import { fill, recordsOf } from './support/repos.ts'

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    accounts: { type: 'string', default: '10000' },
  },
})
/** Records of each of many accounts, and events. */
const EACH = 20
const EVENTS = 2
const main = join(import.meta.dirname, '../apps/pds/src/main.ts')
const FILES = ['pds.sqlite', 'pds.sqlite-wal', 'pds.sqlite-shm']

interface Taken {
  readonly seconds: number
  /** Most resident memory, in bytes. */
  readonly resident: number
  readonly lines: readonly string[]
}

/** Runs the command to its end, or until it says that it is ready. */
async function run(args: readonly string[], env: Record<string, string>): Promise<Taken> {
  const began = performance.now()
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, LOG_LEVEL: 'error', PDS_DEV_MODE: 'true', PDS_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  let resident = 0
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    if (/ready at/.test(output)) child.kill('SIGTERM')
  })
  const timer = setInterval(() => {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    resident = Math.max(resident, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024)
  }, 100)
  child.once('exit', () => clearInterval(timer))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`ended with ${code}:\n${output}`)
  return { seconds: (performance.now() - began) / 1000, resident, lines: output.trimEnd().split('\n') }
}

/** An account with `records`, as an import leaves it; and its events. */
async function addAccount(db: Database, at: number, records: number): Promise<void> {
  const did: Did = `did:plc:${String(at).padStart(24, 'abcdefghijklmnopqrstuvwx')}`
  const signer = createKeypair('k256')
  await fill(openedOn(db).repos, signer, records, did)
  const log = openedOn(db).log
  db.transaction(() => {
    db.prepare(
      `INSERT INTO account (did, handle, email, password_hash, signing_key, created_at) VALUES (?, ?, ?, '', ?, ?)`,
    ).run(did, `user${at}.test`, `user${at}@example.com`, signer.exportPrivateKey(), new Date().toISOString())
    const { id: set } = db
      .prepare(`INSERT INTO record_set (did, state) VALUES (?, 'live') RETURNING id`)
      .get(did) as { id: number }
    const { rev } = db.prepare('SELECT rev FROM repo WHERE did = ?').get(did) as { rev: string }
    const insert = db.prepare(
      'INSERT INTO record (owner, collection, rkey, cid, rev, indexed_at) VALUES (?, ?, ?, ?, ?, ?)',
    )
    const link = db.prepare('INSERT INTO backlink (owner, target, collection, rkey) VALUES (?, ?, ?, ?)')
    for (const { path, bytes } of recordsOf(records)) {
      const [collection, rkey] = path.split('/') as [string, string]
      insert.run(set, collection, rkey, formatCid(cidForCbor(bytes)), rev, '2026-01-01T00:00:00.000Z')
      if (collection !== 'app.bsky.feed.post') link.run(set, `at://${path}`, collection, rkey)
    }
    for (let n = 0; n < EVENTS; n++) {
      log.append(db, { type: '#identity', did, body: { did, time: new Date().toISOString() } })
    }
  })
}

type Opened = { repos: ReturnType<typeof openRepoStore>; log: ReturnType<typeof openEventLog> }
const opened = new WeakMap<Database, Opened>()
function openedOn(db: Database): Opened {
  const found = opened.get(db) ?? { repos: openRepoStore(db), log: openEventLog(db) }
  opened.set(db, found)
  return found
}

async function measure(
  what: string,
  rows: number,
  unit: string,
  url: string,
  make: (db: Database) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-pds-move-'))
  const data = join(folder, 'data')
  try {
    await run(['--data', data], {})
    {
      using db = openDatabase({ path: join(data, 'pds.sqlite'), synchronous: 'normal' })
      await make(db)
    }
    const megabytes = statSync(join(data, 'pds.sqlite')).size / 1e6
    const schema = `moved_${unit}`
    const there = await run(['--data', data, 'move', '--to', url, '--schema', schema], {})
    for (const name of FILES) renameSync(join(data, name), join(folder, name))
    const back = await run(['--data', data, 'move', '--to', data], {
      PDS_DB_POSTGRES_URL: url,
      PDS_DB_POSTGRES_SCHEMA: schema,
    })
    for (const [way, { seconds, resident, lines }] of [
      ['to Postgres', there],
      ['back to SQLite', back],
    ] as const) {
      const note = `${seconds.toFixed(0)} s for ${megabytes.toFixed(0)} MB, ${(resident / 1e6).toFixed(0)} MB resident at most`
      record(`PDS moved ${way}, every row compared: ${what}`, { unit, note }, [
        { name: 'avocet', perSecond: rows / seconds },
      ])
      console.log(`  ${note}; ${lines[2]}`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const server = await startPostgres([])
if (server !== null) {
  const [records, accounts] = [Number(values.records), Number(values.accounts)]
  if (records > 0) {
    await measure(`an account of ${records} records`, records, 'records', server.url, (db) =>
      addAccount(db, 0, records),
    )
  }
  if (accounts > 0) {
    await measure(`${accounts} accounts of ${EACH} records`, accounts, 'accounts', server.url, async (db) => {
      for (let at = 0; at < accounts; at++) await addAccount(db, at, EACH)
    })
  }
  save('pds-move')
  await server.close()
}
