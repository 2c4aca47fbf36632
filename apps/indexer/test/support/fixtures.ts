import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The folder of shared fixtures, or null (said loudly) where there is none. */
export function fixturesFolder(): string | null {
  const folder = process.env['AVOCET_FIXTURES'] ?? join(import.meta.dirname, '../../../../../shared/fixtures')
  if (existsSync(folder)) return folder
  console.warn(`SKIPPED: tests that need fixtures; none at ${folder} (set AVOCET_FIXTURES)`)
  return null
}
