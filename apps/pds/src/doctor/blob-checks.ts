import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { blobFolderName } from '@avocet/blobs/disk'
import { cidFromDigest, formatCid } from '@avocet/data'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { some, type Finding } from './finding.ts'

/** Files younger than this may be uploads under way. */
const YOUNG_MS = 60 * 60 * 1000

/** The files of blobs against their rows, account by account; `deep`: each file is read and hashed. */
export async function blobChecks(
  db: Database,
  folder: string,
  dids: readonly Did[],
  deep: boolean,
): Promise<Finding[]> {
  const [missing, damaged, orphans]: [string[], string[], string[]] = [[], [], []]
  let count = 0
  for (const did of dids) {
    const place = join(folder, blobFolderName(did))
    const rows = db.prepare('SELECT cid, size FROM blob WHERE did = ?').all(did)
    const files = new Set(await readdir(place).catch(() => []))
    for (const row of rows) {
      const [cid, size] = [row['cid'] as string, row['size'] as number]
      count += 1
      if (!files.delete(cid)) missing.push(`${did}/${cid}`)
      else if (!(await isSound(join(place, cid), cid, size, deep))) damaged.push(`${did}/${cid}`)
    }
    for (const name of files) {
      const known = await stat(join(place, name)).catch(() => null)
      if (known !== null && Date.now() - known.mtimeMs > YOUNG_MS) orphans.push(join(place, name))
    }
  }
  const findings: Finding[] = []
  const again = 'take the files from a backup, or let their owners upload them again'
  if (missing.length > 0) {
    const detail = `${missing.length} of ${count} files are missing: ${some(missing)}`
    findings.push({ level: 'bad', what: 'blobs', detail, next: again })
  }
  if (damaged.length > 0) {
    const detail = `${damaged.length} of ${count} files are not what their names say: ${some(damaged)}`
    findings.push({ level: 'bad', what: 'blobs', detail, next: again })
  }
  if (orphans.length > 0) {
    const detail = `${orphans.length} files belong to no row: ${some(orphans)}`
    findings.push({ level: 'warn', what: 'blobs', detail, next: 'restart the server, which removes them' })
  }
  if (findings.length > 0) return findings
  return [{ level: 'ok', what: 'blobs', detail: `${count} files ${deep ? 'read and hashed' : 'are there'}` }]
}

async function isSound(path: string, cid: string, size: number, deep: boolean): Promise<boolean> {
  if (!deep) return (await stat(path).catch(() => null))?.size === size
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  } catch {
    return false
  }
  return formatCid(cidFromDigest('raw', new Uint8Array(hash.digest()))) === cid
}
