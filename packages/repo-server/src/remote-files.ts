import type { BlobSources, BlobStore, BlobUpkeep, RemoteBlobs } from '@avocet/blobs'

/** Files whose removals reach the remote blobs beside them. */
export function filesBeside(
  files: BlobStore & BlobUpkeep,
  remote: RemoteBlobs | undefined,
): BlobStore & BlobUpkeep {
  if (remote === undefined) return files
  return {
    put: (did, source, limit) => files.put(did, source, limit),
    open: (did, cid, range) => files.open(did, cid, range),
    list: (did) => files.list(did),
    clean: () => files.clean(),
    keepOnly: (dids, before) => files.keepOnly(dids, before),
    remove: async (did, cid) => {
      await remote.forget(did, cid)
      await files.remove(did, cid)
    },
    removeAll: async (did) => {
      await remote.forget(did)
      await files.removeAll(did)
    },
  }
}

/** Where clients are sent for a blob: to its URL if it is remote, else where `others` says. */
export function redirectTo(
  remote: RemoteBlobs | undefined,
  others: BlobSources['redirect'] = () => null,
): NonNullable<BlobSources['redirect']> {
  if (remote === undefined) return others
  return async (did, cid) => (await remote.locate(did, cid)) ?? others(did, cid)
}
