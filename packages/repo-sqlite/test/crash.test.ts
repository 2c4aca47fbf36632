import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkAfterCrash } from '@avocet/repo/conformance'
import { crashRounds, runAndKill } from '@avocet/testing/kill'
import { expect, it } from 'vitest'
import { openCrashTarget } from './crash-target.ts'

const rounds = crashRounds(5)

it(
  `keeps every acknowledged commit and nothing by halves, killed ${rounds} times (200: pnpm --filter @avocet/repo-sqlite crash)`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'avocet-crash-'))
    const path = join(folder, 'repo.db')
    const acknowledged = new Map<string, string>()
    let commits = 0
    for (let round = 0; round < rounds; round++) {
      const { lines } = await runAndKill(join(import.meta.dirname, 'crash-writer.ts'), [path], 150)
      commits += lines.length
      for (const line of lines) acknowledged.set(...(line.split(' ') as [string, string]))
      const { db, target } = openCrashTarget(path)
      await checkAfterCrash(target, acknowledged)
      expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
      expect(db.prepare('SELECT count(*) AS n FROM repo WHERE did IS NULL').get()).toEqual({ n: 0 })
      db.close()
    }
    console.log(`${rounds} kills, ${commits} acknowledged commits, all there`)
    expect(acknowledged.size).toBeGreaterThan(0)
    rmSync(folder, { recursive: true })
  },
  20_000 + rounds * 5000,
)
