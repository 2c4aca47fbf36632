import { parseCid } from '@avocet/data'
import { ComAtprotoSyncGetBlocks } from '@avocet/lexicons/com.atproto'
import { respond, type Router } from '@avocet/xrpc-server'

import { RepoServerError } from '../error.ts'
import type { RepoHost } from '../host.ts'
import { readableRepo } from '../repo-access.ts'

const MAX_BLOCKS = 1000

/** Blocks of a repository by CID, as a CAR. */
export function getBlocks(router: Router, { parts }: RepoHost): void {
  router.add(ComAtprotoSyncGetBlocks.main, async (context) => {
    const { did, cids } = context.params
    await readableRepo(parts, context, did)
    if (cids.length > MAX_BLOCKS) {
      throw new RepoServerError('invalid-request', `Too many CIDs. Max: ${MAX_BLOCKS}`)
    }
    const wanted = cids.map((cid) => {
      try {
        return parseCid(cid)
      } catch (cause) {
        throw new RepoServerError('block-not-found', `Could not find cids: ${cid}`, { cause })
      }
    })
    return respond({ encoding: 'application/vnd.ipld.car', body: await parts.exports.blocks(did, wanted) })
  })
}
