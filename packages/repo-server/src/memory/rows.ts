import type { Did, Nsid } from '@avocet/syntax'

import type { StagedRecord } from '../change.ts'
import type { BlobReads, BlobRow, RecordReads, RecordRow } from '../store.ts'

/** A record with what its row leads to. */
interface Entry {
  readonly row: RecordRow
  readonly links: readonly string[]
  /** The blobs it refers to, and since which revision. */
  readonly blobs: ReadonlyMap<string, string>
}

/** A blob, and when it was uploaded last (ms since 1970). */
interface Blob {
  readonly row: BlobRow
  readonly at: number
  /** Uploaded again since the last record referred to it. */
  readonly renewed: boolean
}

/** The records of one repository by path. */
export type Entries = Map<string, Entry>

/** The records in the order of their paths. */
const sorted = (entries: Entries | undefined): Entry[] =>
  [...(entries ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)

/** Reads of records. @param isActive whether a repository is served */
export function readRecords(all: ReadonlyMap<Did, Entries>, isActive: (did: Did) => boolean): RecordReads {
  const inCollection = (did: Did, collection: string): Entry[] =>
    sorted(all.get(did)).filter(({ row }) => row.collection === collection)
  const get: RecordReads['get'] = (did, collection, rkey) =>
    all.get(did)?.get(`${collection}/${rkey}`)?.row ?? null
  return {
    get,
    find: get,
    page: (did, collection, { limit, cursor, reverse = false }) => {
      const rows = inCollection(did, collection)
        .map(({ row }) => row)
        .filter(({ takedownRef }) => takedownRef === null)
      const ordered = reverse ? rows : rows.toReversed()
      const after = ordered.filter(
        ({ rkey }) => cursor === undefined || (reverse ? rkey > cursor : rkey < cursor),
      )
      return after.slice(0, limit).map(({ rkey, cid }) => [rkey, cid] as const)
    },
    collections: (did) => [...new Set(sorted(all.get(did)).map(({ row }) => row.collection as Nsid))],
    count: async (did) => all.get(did)?.size ?? 0,
    all: async function* (did, size) {
      const rows = sorted(all.get(did)).map(({ row }) => row)
      for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size)
    },
    linking: (did, collection, target, limit) =>
      inCollection(did, collection)
        .filter(({ links }) => links.includes(target))
        .slice(0, limit)
        .map(({ row }) => row.rkey),
    reposWith: (collection, { after, limit, most }) => {
      const above = [...all.keys()].filter((did) => did > after).toSorted()
      const dids = above
        .slice(0, most)
        .filter((did) => isActive(did) && inCollection(did, collection).length > 0)
        .slice(0, limit)
      return { dids, next: dids.length === limit ? dids.at(-1)! : (above[most - 1] ?? null) }
    },
  }
}

/** Rows of blobs by account, with the records that refer to them. */
export interface MemoryBlobs extends BlobReads {
  /** Notes an upload. */
  add(did: Did, row: Pick<BlobRow, 'cid' | 'mimeType' | 'size'>, now: number): void
  /** Records refer to these from now on. */
  keep(did: Did, cids: Iterable<string>): void
  /** Forgets those that no record refers to, and names them. */
  release(did: Did, cids: Iterable<string>): string[]
  /** Makes uploads, as of `now`, of those that no record refers to. */
  loosen(did: Did, cids: Iterable<string>, now: number): void
  takedown(did: Did, cid: string, ref: string | null): boolean
  expire(before: number): { did: Did; cid: string }[]
  remove(did: Did): void
}

/** Blobs of the repositories in `all`. @param isStaged whether records that are being brought in refer to a blob */
export function createMemoryBlobRows(
  all: ReadonlyMap<Did, Entries>,
  isStaged: (did: Did, cid: string) => boolean,
): MemoryBlobs {
  const blobs = new Map<Did, Map<string, Blob>>()
  const of = (did: Did): Map<string, Blob> => blobs.get(did) ?? new Map<string, Blob>()
  /** Where each blob that records refer to stands first, and the last revision of such a record. */
  const references = (did: Did): Map<string, { path: string; rev: string }> => {
    const found = new Map<string, { path: string; rev: string }>()
    for (const { row, blobs: cids } of sorted(all.get(did))) {
      for (const [cid, since] of cids) {
        const before = found.get(cid)
        const rev = before === undefined || since > before.rev ? since : before.rev
        found.set(cid, { path: before?.path ?? `${row.collection}/${row.rkey}`, rev })
      }
    }
    return found
  }
  const set = (did: Did, blob: Blob): void => {
    blobs.set(did, of(did).set(blob.row.cid, blob))
  }
  const isUsed = (did: Did, cid: string): boolean => references(did).has(cid) || isStaged(did, cid)

  return {
    get: (did, cid) => of(did).get(cid)?.row ?? null,
    page: (did, { since, after, limit }) =>
      [...references(did)]
        .filter(([cid, { rev }]) => cid > after && rev > (since ?? ''))
        .map(([cid]) => cid)
        .filter((cid) => of(did).get(cid)?.row.takedownRef === null)
        .toSorted()
        .slice(0, limit),
    missing: (did, after, limit) =>
      [...references(did)]
        .filter(([cid]) => cid > after && !of(did).has(cid))
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([cid, { path }]) => ({ cid, recordUri: `at://${did}/${path}` as const })),
    counts: (did) => ({
      expected: references(did).size,
      imported: [...of(did).values()].filter(({ row }) => row.permanent).length,
    }),
    bytes: (did) => [...of(did).values()].reduce((sum, { row }) => sum + row.size, 0),
    among: (did, cids) => new Set(cids.filter((cid) => of(did).has(cid))),
    add: (did, { cid, mimeType, size }, now) => {
      const before = of(did).get(cid)
      if (before === undefined) {
        const row = { cid, mimeType, size, permanent: isUsed(did, cid), takedownRef: null }
        set(did, { row, at: now, renewed: false })
        return
      }
      const { permanent, takedownRef } = before.row
      const type = permanent || takedownRef !== null ? before.row.mimeType : mimeType
      set(did, { row: { ...before.row, mimeType: type }, at: now, renewed: permanent })
    },
    keep: (did, cids) => {
      for (const cid of cids) {
        const blob = of(did).get(cid)
        if (blob !== undefined) set(did, { ...blob, row: { ...blob.row, permanent: true }, renewed: false })
      }
    },
    release: (did, cids) => {
      const orphans: string[] = []
      for (const cid of cids) {
        const blob = of(did).get(cid)
        if (blob === undefined || references(did).has(cid) || blob.row.takedownRef !== null) continue
        if (blob.renewed) set(did, { ...blob, row: { ...blob.row, permanent: false }, renewed: false })
        else {
          of(did).delete(cid)
          orphans.push(cid)
        }
      }
      return orphans
    },
    loosen: (did, cids, now) => {
      for (const cid of cids) {
        const blob = of(did).get(cid)
        if (blob === undefined || isUsed(did, cid) || !blob.row.permanent) continue
        set(did, { row: { ...blob.row, permanent: false }, at: now, renewed: false })
      }
    },
    takedown: (did, cid, takedownRef) => {
      const blob = of(did).get(cid)
      if (blob === undefined) return false
      set(did, { ...blob, row: { ...blob.row, takedownRef } })
      return true
    },
    expire: (before) => {
      const expired: { did: Did; cid: string }[] = []
      for (const [did, rows] of blobs) {
        for (const [cid, { row, at }] of rows) {
          if (row.permanent || at >= before) continue
          rows.delete(cid)
          expired.push({ did, cid })
        }
      }
      return expired
    },
    remove: (did) => void blobs.delete(did),
  }
}

/** Adds records that are brought in. */
export function addStaged(entries: Entries, rev: string, records: readonly StagedRecord[]): void {
  for (const { collection, rkey, cid, links, blobs, rev: own = rev } of records) {
    const row = { collection, rkey, cid, rev: own, takedownRef: null }
    entries.set(`${collection}/${rkey}`, {
      row,
      links,
      blobs: new Map([...blobs].map((held) => [held, own])),
    })
  }
}
