import type { BlobRef, CID } from '@avocet/data'
import { createClient, getBlob, type BlobDownload } from '@avocet/xrpc-client'

import { spoken, valueOf } from './error.ts'
import { resolve, type ReadOptions } from './identity.ts'

/**
 * A blob of an account, from its PDS: as a stream, or whole. Its hash is checked as it comes: the stream fails at its end where the bytes are
 * not the ones asked for.
 * @param which a blob of a record, or a CID
 * @throws {AtprotoError} of `@avocet/did` and `@avocet/xrpc-client`
 */
export async function blob(
  actor: string,
  which: BlobRef | CID | string,
  options: ReadOptions = {},
): Promise<BlobDownload> {
  const { did, pds } = await resolve(actor, options)
  const cid = typeof which === 'object' && 'mimeType' in which ? which.ref : which
  const signal = options.signal === undefined ? {} : { signal: options.signal }
  try {
    const download = await getBlob(createClient({ service: pds }), { did, cid }, { ...signal, timeoutMs: 0 })
    return valueOf('@avocet/xrpc-client', download)
  } catch (cause) {
    throw spoken('@avocet/xrpc-client', cause)
  }
}
