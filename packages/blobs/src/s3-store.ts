import { openAsBlob } from 'node:fs'

import { formatCid } from '@avocet/data'
import { assertDid, isDid, type Did } from '@avocet/syntax'

import { BlobError } from './error.ts'
import { createS3Client } from './s3-client.ts'
import { readObject } from './s3-object.ts'
import type { S3Options } from './s3-options.ts'
import { openSpool } from './spool.ts'
import type { BlobReader, BlobStore, BlobUpkeep } from './store.ts'

/** Options of `openS3Blobs`. */
export interface S3BlobsOptions extends S3Options {
  /** A folder for uploads until it is known what they are, used by nothing else. */
  readonly spoolFolder: string
  /** What all files there may take together, in bytes; default 2 GiB. */
  readonly spoolBytes?: number | undefined
  /**
   * Who the blobs belong to, such as the name of a server. It is written into the bucket; a store of another owner does not
   * open then: each would take the accounts of the other for former ones, and remove their blobs.
   */
  readonly owner: string
  /**
   * Called when the service does not answer as the store opens. The store opens all the same then, and learns whose the blobs are
   * before its first write or removal; without it, opening fails.
   */
  readonly onUnavailable?: ((error: BlobError) => void) | undefined
}

/** Blobs in a bucket. */
export interface S3Blobs extends BlobStore, BlobUpkeep {
  /** Whether no blob is there, of no account. */
  isEmpty(): Promise<boolean>
}

/** The most that S3 takes in one request. */
const MAX_OBJECT = 5 * 1024 * 1024 * 1024
const SPOOL_BYTES = 2 * 1024 * 1024 * 1024
/** Removals under way for one call. */
const AT_A_TIME = 16

/** The blobs in a bucket as they are: nothing is written. @throws BlobError `invalid-option` */
export function readS3Blobs(options: S3Options): BlobReader & Pick<S3Blobs, 'isEmpty'> {
  const client = createS3Client(options)
  const { prefix = '' } = options
  return {
    open: async (did, cid, range) => {
      const key = keyOf(prefix, did, cid)
      return key === null ? null : readObject(client, key, range)
    },
    list: async function* (did) {
      const folder = folderOf(prefix, did)
      for (let marker: string | null | undefined; marker !== null;) {
        const page = await client.list(folder, marker === undefined ? {} : { marker })
        const entries = page.objects.map(({ key, ...rest }) => ({ cid: key.slice(folder.length), ...rest }))
        if (entries.length > 0) yield entries
        marker = page.marker
      }
    },
    isEmpty: async () => {
      const { objects } = await client.list(`${prefix}blocks/`, { limit: 1 })
      return objects.length === 0
    },
  }
}

/**
 * Blobs as objects `<prefix>blocks/<did>/<cid>`, where the reference PDS has them. An upload is written to a file first: S3
 * takes objects whole, under their final name, with their size and hash said before.
 * @throws BlobError `not-found` (no such bucket), `denied` (also: the bucket is another owner's), `unavailable` (see `onUnavailable`),
 * `invalid-option`
 */
export async function openS3Blobs(options: S3BlobsOptions): Promise<S3Blobs> {
  const { prefix = '', owner, onUnavailable, spoolFolder, spoolBytes = SPOOL_BYTES } = options
  const client = createS3Client(options)
  const reader = readS3Blobs(options)
  const spool = await openSpool(spoolFolder, spoolBytes)

  const ownerKey = `${prefix}blobs-owner.txt`
  let isClaimed = false
  /** Makes sure that the blobs are this owner's, and says so there. */
  const claim = async (): Promise<void> => {
    await askOwner()
    isClaimed = true
  }
  /** The same before a write, unless it is known. */
  const claimed = async (): Promise<void> => {
    if (!isClaimed) await claim()
  }
  const askOwner = async (): Promise<void> => {
    const found = await readObject(client, ownerKey)
    if (found === null) {
      const text = new TextEncoder().encode(owner)
      const digest = Buffer.from(await crypto.subtle.digest('SHA-256', text)).toString('hex')
      return client.put(ownerKey, new Blob([text]), digest)
    }
    const chunks: Uint8Array[] = []
    for await (const chunk of found) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    if (text === owner) return
    throw new BlobError(
      'denied',
      `the blobs in this bucket belong to another owner; owner=${text.slice(0, 200)} expected=${owner} object=${ownerKey}`,
    )
  }

  const removeKeys = async (keys: readonly string[]): Promise<void> => {
    for (let at = 0; at < keys.length; at += AT_A_TIME) {
      await Promise.all(keys.slice(at, at + AT_A_TIME).map((key) => client.remove(key)))
    }
  }

  /** Removes what begins with a prefix and was written before a time. @returns how many objects */
  const removeUnder = async (folder: string, before: number): Promise<number> => {
    let removed = 0
    for (let marker: string | null | undefined; marker !== null;) {
      const page = await client.list(folder, marker === undefined ? {} : { marker })
      const keys = page.objects.filter(({ writtenAt }) => writtenAt < before).map(({ key }) => key)
      await removeKeys(keys)
      removed += keys.length
      marker = page.marker
    }
    return removed
  }

  try {
    await claim()
  } catch (error) {
    if (onUnavailable === undefined || !(error instanceof BlobError) || error.code !== 'unavailable')
      throw error
    onUnavailable(error)
  }
  return {
    ...reader,
    put: async (did, source, limit) => {
      assertDid(did)
      await using spooled = await spool.take(source, Math.min(limit, MAX_OBJECT))
      const { blob, path } = spooled
      const digest = Buffer.from(blob.cid.multihash.digest).toString('hex')
      await claimed()
      await client.put(keyOf(prefix, did, formatCid(blob.cid))!, await openAsBlob(path), digest)
      return blob
    },
    remove: async (did, cid) => {
      const key = keyOf(prefix, did, cid)
      if (key === null) return
      await claimed()
      await client.remove(key)
    },
    removeAll: async (did) => {
      const folder = folderOf(prefix, did)
      await claimed()
      await removeUnder(folder, Number.POSITIVE_INFINITY)
    },
    clean: () => spool.clean(),
    keepOnly: async (dids, before) => {
      const kept = new Set(dids)
      let removed = 0
      // Asked anew: what follows cannot be undone.
      await claim()
      const root = `${prefix}blocks/`
      for (let marker: string | null | undefined; marker !== null;) {
        const page = await client.list(root, { delimiter: '/', ...(marker === undefined ? {} : { marker }) })
        for (const folder of page.prefixes) {
          const did = folder.slice(root.length, -1)
          if (!isDid(did) || kept.has(did)) continue
          if ((await removeUnder(folder, before)) > 0) removed += 1
        }
        marker = page.marker
      }
      return removed
    },
  }
}

/** @throws SyntaxFault for what is no DID */
function folderOf(prefix: string, did: Did): string {
  assertDid(did)
  return `${prefix}blocks/${did}/`
}

/** Where a blob is, or null for a name that no blob can have. */
function keyOf(prefix: string, did: Did, cid: string): string | null {
  const folder = folderOf(prefix, did)
  return /^[A-Za-z0-9]{1,200}$/.test(cid) ? `${folder}${cid}` : null
}
