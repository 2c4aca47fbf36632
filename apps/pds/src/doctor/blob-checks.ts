import { createHash } from 'node:crypto'

import type { BlobEntry, BlobReader } from '@avocet/blobs'
import { cidFromDigest, formatCid } from '@avocet/data'
import type { Did } from '@avocet/syntax'

import type { StoresView } from '../stores/view.ts'
import { some } from '../terminal.ts'
import type { Finding } from './finding.ts'

/** Files younger than this may be uploads under way. */
const YOUNG_MS = 60 * 60 * 1000

/** The bytes of blobs against their rows, account by account; `deep`: each blob is read and hashed. */
export async function blobChecks(
  view: Pick<StoresView, 'blobs'>,
  blobs: BlobReader,
  placeOf: (did: Did, cid: string) => string,
  dids: readonly Did[],
  deep: boolean,
): Promise<Finding[]> {
  const [missing, damaged, orphans]: [string[], string[], string[]] = [[], [], []]
  let count = 0
  for (const did of dids) {
    const rows = await view.blobs(did)
    const files = new Map<string, BlobEntry>()
    for await (const entries of blobs.list(did)) for (const entry of entries) files.set(entry.cid, entry)
    for (const { cid, size } of rows) {
      count += 1
      const file = files.get(cid)
      files.delete(cid)
      if (file === undefined) missing.push(`${did}/${cid}`)
      else if (file.size !== size || (deep && (await hashOf(blobs, did, cid)) !== cid)) {
        damaged.push(`${did}/${cid}`)
      }
    }
    for (const { cid, writtenAt } of files.values()) {
      if (Date.now() - writtenAt > YOUNG_MS) orphans.push(placeOf(did, cid))
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

/** The CID of the bytes, or null when they cannot be read. */
async function hashOf(blobs: BlobReader, did: Did, cid: string): Promise<string | null> {
  const hash = createHash('sha256')
  try {
    const body = await blobs.open(did, cid)
    if (body === null) return null
    for await (const chunk of body) hash.update(chunk)
  } catch {
    return null
  }
  return formatCid(cidFromDigest('raw', new Uint8Array(hash.digest())))
}
