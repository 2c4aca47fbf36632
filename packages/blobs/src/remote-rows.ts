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

/** Where remote blobs are noted: by URL, and by the accounts that refer to them. */
export interface RemoteBlobRows {
  byUrl(url: string): RemoteBlob | null | Promise<RemoteBlob | null>
  /** What an account refers to by this CID; of several one whose state is `there`, and the one asked for last. */
  byCid(did: Did, cid: string): RemoteBlob | null | Promise<RemoteBlob | null>
  /** Notes a blob by its URL, and, when one is given, that the account refers to it. */
  save(blob: RemoteBlob, did: Did | null): void | Promise<void>
  /** Those asked for last before `before` (ms since 1970), the oldest first. Some of those that nobody refers to go instead. */
  due(before: number, limit: number): RemoteBlob[] | Promise<RemoteBlob[]>
  /** The account does not refer to what has this CID any more, or with null to anything. */
  forget(did: Did, cid: string | null): void | Promise<void>
}

/** Rows in memory, for tests and for services that keep few. */
export function createMemoryRemoteRows(): RemoteBlobRows {
  const byUrl = new Map<string, RemoteBlob>()
  const referred = new Map<Did, Set<string>>()
  const isReferred = (url: string): boolean => referred.values().some((urls) => urls.has(url))
  return {
    byUrl: (url) => byUrl.get(url) ?? null,
    byCid: (did, cid) => {
      const found = [...(referred.get(did) ?? [])]
        .map((url) => byUrl.get(url)!)
        .filter((blob) => blob.cid === cid)
        .toSorted((a, b) => b.checkedAt - a.checkedAt)
      return found.find(({ state }) => state === 'there') ?? found[0] ?? null
    },
    save: (blob, did) => {
      byUrl.set(blob.url, blob)
      if (did === null) return
      const urls = referred.get(did) ?? new Set()
      referred.set(did, urls.add(blob.url))
    },
    due: (before, limit) => {
      const old = [...byUrl.values()]
        .filter(({ checkedAt }) => checkedAt < before)
        .toSorted((a, b) => a.checkedAt - b.checkedAt)
      const wanted = old.filter(({ url }) => isReferred(url))
      for (const { url } of old) if (!isReferred(url)) byUrl.delete(url)
      return wanted.slice(0, limit)
    },
    forget: (did, cid) => {
      if (cid === null) referred.delete(did)
      const urls = referred.get(did)
      for (const url of urls ?? []) if (byUrl.get(url)!.cid === cid) urls!.delete(url)
    },
  }
}
