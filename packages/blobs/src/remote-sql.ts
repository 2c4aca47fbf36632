import type { RemoteBlob } from './remote-rows.ts'

/** Columns of a remote blob, in the order in which `valuesOf` gives them. */
export const COLUMNS = 'url, cid, size, mime_type, duration_ms, etag, last_modified, checked_at, state'

/** What a row that was there before is given. */
export const UPDATE: string = COLUMNS.split(', ')
  .slice(1)
  .map((column) => `${column} = excluded.${column}`)
  .join(', ')

/** Of several URLs with the same bytes, the one to send a client to comes first. */
export const BEST_FIRST = "remote_blob.state <> 'there', remote_blob.checked_at DESC"

/** A blob as the values of its columns. */
export function valuesOf(blob: RemoteBlob): (string | number | null)[] {
  const { url, cid, size, mimeType, durationMs, etag, lastModified, checkedAt, state } = blob
  return [url, cid, size, mimeType, durationMs, etag, lastModified, checkedAt, state]
}

/** A row as a blob. Postgres gives large integers as texts. */
export function blobOf(row: Record<string, unknown>): RemoteBlob {
  return {
    url: row['url'] as string,
    cid: row['cid'] as string,
    size: Number(row['size']),
    mimeType: row['mime_type'] as string,
    durationMs: row['duration_ms'] as number | null,
    etag: row['etag'] as string | null,
    lastModified: row['last_modified'] as string | null,
    checkedAt: Number(row['checked_at']),
    state: row['state'] as RemoteBlob['state'],
  }
}
