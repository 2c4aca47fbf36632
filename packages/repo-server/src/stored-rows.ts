import type { BlobRow, RecordRow } from './store.ts'

/** A row as a database gives it. */
type Row = Readonly<Record<string, unknown>>

/** A record from its row. */
export function toRecordRow(row: Row): RecordRow {
  return {
    collection: row['collection'] as string,
    rkey: row['rkey'] as string,
    cid: row['cid'] as string,
    rev: row['rev'] as string,
    takedownRef: row['takedown_ref'] as string | null,
  }
}

/** A blob from its row. */
export function toBlobRow(row: Row): BlobRow {
  return {
    cid: row['cid'] as string,
    mimeType: row['mime_type'] as string,
    size: Number(row['size']),
    permanent: row['permanent'] !== 0,
    takedownRef: row['takedown_ref'] as string | null,
  }
}
