import { join } from 'node:path'
import { openDatabase } from '@avocet/postgres'
import { checkAfterCrash } from '@avocet/repo/conformance'
import { crashRounds, runAndKill } from '@avocet/testing/kill'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, expect, it } from 'vitest'
import { openCrashTarget } from './crash-target.ts'

const rounds = crashRounds(3)
const server = await startPostgres([])
afterAll(() => server?.close())

it.skipIf(server === null)(
  `keeps every acknowledged commit and nothing by halves, killed ${rounds} times (200: pnpm --filter @avocet/repo-postgres crash)`,
  async () => {
    const schema = `avocet_crash_${process.pid}`
    await using admin = openDatabase({ url: server!.url })
    await admin.query(`CREATE SCHEMA ${schema}`)
    const acknowledged = new Map<string, string>()
    let commits = 0
    for (let round = 0; round < rounds; round++) {
      const script = join(import.meta.dirname, 'crash-writer.ts')
      const { lines } = await runAndKill(script, [server!.url, schema], 200)
      commits += lines.length
      for (const line of lines) acknowledged.set(...(line.split(' ') as [string, string]))
      // The server notices only by and by that nobody is there any more, and may still finish a commit.
      for (;;) {
        const others = await admin.query(
          'SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = $1',
          ['client backend'],
        )
        if (others.length === 0) break
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      const { db, target } = await openCrashTarget(server!.url, schema)
      await checkAfterCrash(target, acknowledged)
      await db.close()
    }
    console.log(`${rounds} kills, ${commits} acknowledged commits, all there`)
    expect(acknowledged.size).toBeGreaterThan(0)
    await admin.query(`DROP SCHEMA ${schema} CASCADE`)
  },
  30_000 + rounds * 5000,
)
