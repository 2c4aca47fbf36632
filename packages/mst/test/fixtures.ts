import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Folder of the public protocol fixtures, or null (said aloud) where it is absent. */
export const fixtures: string | null = find()

function find(): string | null {
  const folder = process.env['AVOCET_FIXTURES'] ?? join(import.meta.dirname, '../../../../shared/fixtures')
  if (existsSync(folder)) return folder
  console.warn(`SKIPPED: fixtures not found at ${folder}; set AVOCET_FIXTURES to run these tests`)
  return null
}
