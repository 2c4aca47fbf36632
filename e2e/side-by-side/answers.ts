// An answer as a value that can be compared: parsed JSON, the blocks of an archive, or bytes by their hash.
import { createHash } from 'node:crypto'

import { readCar } from '@atproto/repo'
import * as dagCbor from '@ipld/dag-cbor'

import type { RawAnswer } from './http.ts'

/** An answer, read. */
export interface Answer {
  /** The status, and the error's name where there is one: `400 InvalidRequest`. */
  readonly outcome: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

/** The headers that clients and caches act on. */
const COMPARED = [
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'access-control-max-age',
  'atproto-content-labelers',
  'atproto-repo-rev',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-security-policy',
  'content-type',
  'location',
  'retry-after',
  'www-authenticate',
  'x-content-type-options',
]
/** Headers of which only the presence is compared: their values are each server's own. */
const PRESENCE = ['atproto-upstream-lag', 'etag', 'ratelimit-limit']

export async function readAnswer(raw: RawAnswer): Promise<Answer> {
  const body = await readBody(raw)
  const error = raw.status >= 400 ? (body as { error?: string } | null)?.error : undefined
  const headers: Record<string, string> = {}
  for (const name of COMPARED) if (raw.headers[name] !== undefined) headers[name] = tidy(raw.headers[name])
  for (const name of PRESENCE) if (raw.headers[name] !== undefined) headers[name] = 'present'
  for (const name of (raw.headers['vary'] ?? '').toLowerCase().split(/[\s,]+/)) {
    if (name !== '') headers[`vary ${name}`] = 'present'
  }
  return { outcome: error === undefined ? String(raw.status) : `${raw.status} ${error}`, headers, body }
}

/** Case and spaces of a header's parts mean nothing, nor does the order of a list. */
function tidy(value: string): string {
  const parts = value.toLowerCase().split(/\s*,\s*/)
  return parts
    .map((part) => part.replace(/\s*;\s*/g, '; ').trim())
    .toSorted()
    .join(', ')
}

async function readBody({ headers, bytes }: RawAnswer): Promise<unknown> {
  const type = headers['content-type'] ?? ''
  if (bytes.length === 0) return null
  if (headers['content-encoding'] !== undefined) return { encoded: headers['content-encoding'] }
  if (type.startsWith('application/json')) return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown
  if (type.startsWith('application/vnd.ipld.car')) return readArchive(bytes)
  if (type.startsWith('text/')) return { text: Buffer.from(bytes).toString('utf8') }
  return { sha256: createHash('sha256').update(bytes).digest('hex'), length: bytes.length }
}

/** The roots, the commits, and the CIDs of the other blocks in the order of their text. */
export async function readArchive(bytes: Uint8Array): Promise<object> {
  const archive = await readCar(bytes)
  const blocks: { nodes: string[]; records: string[]; commits: object[] } = {
    nodes: [],
    records: [],
    commits: [],
  }
  for (const block of archive.blocks.entries()) {
    const value = dagCbor.decode<Record<string, unknown>>(block.bytes)
    const cid = block.cid.toString()
    if ('sig' in value && 'data' in value) {
      const { did, version, prev, rev, data } = value
      blocks.commits.push({ cid, did, version, prev, rev, data: String(data) })
    } else if ('e' in value && 'l' in value) blocks.nodes.push(cid)
    else blocks.records.push(cid)
  }
  const roots = archive.roots.map(String)
  return {
    roots,
    commits: blocks.commits,
    nodes: blocks.nodes.toSorted(),
    records: blocks.records.toSorted(),
  }
}
