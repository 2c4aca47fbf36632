// Reads of one, two and three processes of the PDS on one Postgres, connections spread over them as a round-robin would. What each
// read takes of a process, of Postgres and of the client says how far more cores would go: all of them share those of this machine.
// Then the same with a tenth of a core for each process: the machine has enough for all, and what holds them up is what they share.
// Run: node bench/pds-processes.ts
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openDatabase } from '@avocet/postgres'
import { startPostgres } from '@avocet/testing/postgres'

import { record, save } from './support/compare.ts'
import { limitCpu } from './support/cpu-share.ts'
import { median } from './support/load.ts'
import { prepareSide, sideOf, type Side, works } from './support/pds-work.ts'
import { cpuMs, startServer } from './support/processes.ts'

const MOST = 3
const ROUNDS = 7
const WARM_ROUNDS = 5
/** As many to each process, however many there are. */
const LANES = 6
/** What a process may take of a core; all that it wants first. */
const SHARES = [1, 0.1]
const READS = ['getRecord', 'listRecords', 'getRepo']

const postgres = await startPostgres([])
if (postgres !== null) {
  await using stack = new AsyncDisposableStack()
  stack.defer(() => postgres.close())
  const folder = mkdtempSync(join(process.env['AVOCET_BENCH_FOLDER'] ?? tmpdir(), 'avocet-bench-processes-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const app = (name: string): string => join(import.meta.dirname, '../apps', name, 'src/main.ts')
  const plc = stack.use(
    await startServer({
      command: process.execPath,
      args: [app('plc-directory'), '--port', '0', '--no-rate-limits', '--data', join(folder, 'plc')],
    }),
  )
  const start = async (n: number): Promise<Side['server']> => {
    const server = await startServer({
      command: process.execPath,
      args: [app('pds'), '--port', '0', '--data', join(folder, `pds${n}`), '--plc-url', plc.url],
      env: {
        NODE_ENV: 'production',
        LOG_LEVEL: 'error',
        PDS_RATE_LIMITS_ENABLED: 'false',
        PDS_DB_POSTGRES_URL: postgres.url,
        PDS_BLOBSTORE_DISK_LOCATION: join(folder, 'blobs'),
        PDS_PUBLIC_URL: 'http://localhost:2583',
        PDS_JWT_SECRET: 'the secret that all of them sign with',
        PDS_ADMIN_PASSWORD: 'the password of all of them',
        PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: '17'.repeat(32),
      },
    })
    return stack.use(server)
  }
  const sides: Side[] = [await prepareSide('1', await start(0))]
  // The first makes the tables.
  for (let n = 1; n < MOST; n++) sides.push(sideOf(`${n + 1}`, await start(n), sides[0]!.accounts))
  const db = stack.use(openDatabase({ url: postgres.url, poolSize: 1 }))
  await db.query('VACUUM ANALYZE')
  const databaseMs = async (): Promise<number> => {
    const rows = await db.query(
      `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    )
    return rows.reduce((sum, { pid }) => sum + cpuMs(Number(pid)), 0)
  }

  const measure = async (work: (typeof works)[number], share: number): Promise<void> => {
    const rates = Array.from({ length: MOST }, (): number[] => [])
    const costs = { process: [] as number[], database: [] as number[], client: [] as number[] }
    for (let round = -WARM_ROUNDS; round < ROUNDS; round++) {
      for (let count = 1; count <= MOST; count++) {
        const serving = sides.slice(0, count)
        const requests = await Promise.all(serving.map((side) => work.requests(side, round)))
        const parts = requests.map((all, n) => all.filter((_, i) => i % count === n))
        const processes = (): number => serving.reduce((sum, { server }) => sum + server.cpuMs(), 0)
        const [before, inDatabase, client] = [processes(), await databaseMs(), process.cpuUsage()]
        const started = performance.now()
        await Promise.all(serving.map((side, n) => side.run(parts[n]!, LANES / count)))
        const elapsed = performance.now() - started
        const used = process.cpuUsage(client)
        if (round < 0) continue
        rates[count - 1]!.push((work.count * 1000) / elapsed)
        costs.process.push((processes() - before) / work.count)
        costs.database.push(((await databaseMs()) - inDatabase) / work.count)
        costs.client.push((used.user + used.system) / 1000 / work.count)
      }
    }
    const cost = (of: keyof typeof costs): string => `${median(costs[of]).toPrecision(3)} ms`
    const [what] = work.name.split(',')
    for (const [n, found] of rates.entries()) {
      record(
        [
          `${what!}, ${n + 1} ${n === 0 ? 'process' : 'processes'} on Postgres`,
          ...(share === 1 ? [] : [`${share} of a core each`]),
          `${LANES} connections`,
        ].join(', '),
        {
          unit: work.unit,
          ...(n > 0
            ? {}
            : {
                note: `CPU of each: ${cost('process')} of a process, ${cost('database')} of Postgres, ${cost('client')} of the client`,
              }),
        },
        [
          { name: 'avocet', perSecond: median(found) },
          ...(n === 0 ? [] : [{ name: 'one process', perSecond: median(rates[0]!) }]),
        ],
      )
    }
  }
  for (const share of SHARES) {
    using groups = new DisposableStack()
    try {
      if (share < 1) for (const { server } of sides) groups.use(limitCpu(server.pid, share))
    } catch (error) {
      console.log(`left out: processes with ${share} of a core: ${String(error)}`)
      continue
    }
    for (const work of works.filter(({ name }) => READS.some((read) => name.startsWith(read)))) {
      await measure(work, share)
    }
  }
  save('pds-processes')
}
