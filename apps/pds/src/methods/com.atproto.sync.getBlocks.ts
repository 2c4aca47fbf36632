import { parseCid } from '@avocet/data'
import { ComAtprotoSyncGetBlocks } from '@avocet/lexicons/com.atproto'
import { respond, type Router } from '@avocet/xrpc-server'
import type { RepoExports } from '@avocet/repo-server'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import { PdsError } from '../errors.ts'
import { readableRepo } from '../repos/readable.ts'

const MAX_BLOCKS = 1000

/** Blocks of a repository by CID, as a CAR. */
export function getBlocks(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  exports: RepoExports,
): void {
  router.add(ComAtprotoSyncGetBlocks.main, async (context) => {
    const { did, cids } = context.params
    await readableRepo(accounts, authorizer, context, did)
    if (cids.length > MAX_BLOCKS) throw new PdsError('invalid-request', `Too many CIDs. Max: ${MAX_BLOCKS}`)
    const wanted = cids.map((cid) => {
      try {
        return parseCid(cid)
      } catch (cause) {
        throw new PdsError('block-not-found', `Could not find cids: ${cid}`, { cause })
      }
    })
    return respond({ encoding: 'application/vnd.ipld.car', body: await exports.blocks(did, wanted) })
  })
}
