import type { PublicAddress } from '../identity/address.ts'
import type { ImageUrl } from './local-views.ts'

/** Pictures at the AppView's address by `pattern` (`%s` for preset, DID and CID), else as blobs here. */
export function createImageUrl(pattern: string | null, address: PublicAddress): ImageUrl {
  return (preset, did, cid) => {
    if (pattern === null) return `${address.url()}/xrpc/com.atproto.sync.getBlob?did=${did}&cid=${cid}`
    const values = [preset, did, cid]
    return pattern.replaceAll('%s', () => values.shift() ?? '')
  }
}
