import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The installed version of a published peer. */
export function peerVersion(name: string): string {
  const path = join(import.meta.dirname, '..', 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}
