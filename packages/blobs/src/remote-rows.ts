import type { Did } from '@avocet/syntax'

/** A blob that stays where it is on the web, and what was found there. */
export interface RemoteBlob {
  readonly url: string
  readonly cid: string
  /** Bytes. */
  readonly size: number
  readonly mimeType: string
  /** Of a video that says it, in milliseconds. */
  readonly durationMs: number | null
  /** As the host last sent them. */
  readonly etag: string | null
  readonly lastModified: string | null
  /** When the host was asked last, or counts as asked, ms since 1970. */
  readonly checkedAt: number
  /** Whether these bytes were there then, others, or none. */
  readonly state: 'there' | 'changed' | 'gone'
}

/** Where remote blobs are noted. */
export interface RemoteBlobRows {
  byUrl(url: string): RemoteBlob | null | Promise<RemoteBlob | null>
  /** What an account refers to by this CID; one whose state is `there` if there are several. */
  byCid(did: Did, cid: string): RemoteBlob | null | Promise<RemoteBlob | null>
  /** Notes a blob by its URL, and, when one is given, that the account refers to it. */
  save(blob: RemoteBlob, did: Did | null): void | Promise<void>
  /** Those asked for last before `before` (ms since 1970), the oldest first. */
  due(before: number, limit: number): RemoteBlob[] | Promise<RemoteBlob[]>
}

/** Rows in memory, for tests and for services that keep few. */
export function createMemoryRemoteRows(): RemoteBlobRows {
  const byUrl = new Map<string, RemoteBlob>()
  const referred = new Map<Did, Set<string>>()
  return {
    byUrl: (url) => byUrl.get(url) ?? null,
    byCid: (did, cid) => {
      const found = [...(referred.get(did) ?? [])]
        .map((url) => byUrl.get(url)!)
        .filter((blob) => blob.cid === cid)
      return found.find(({ state }) => state === 'there') ?? found[0] ?? null
    },
    save: (blob, did) => {
      byUrl.set(blob.url, blob)
      if (did === null) return
      const urls = referred.get(did) ?? new Set()
      referred.set(did, urls.add(blob.url))
    },
    due: (before, limit) =>
      [...byUrl.values()]
        .filter(({ checkedAt }) => checkedAt < before)
        .toSorted((a, b) => a.checkedAt - b.checkedAt)
        .slice(0, limit),
  }
}
