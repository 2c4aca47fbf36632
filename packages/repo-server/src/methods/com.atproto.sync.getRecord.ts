import { ComAtprotoSyncGetRecord } from '@avocet/lexicons/com.atproto'
import { respond, type Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'
import { readableRepo } from '../repo-access.ts'

/** A record with the blocks that prove it is (or is not) in the repository, up to the signed commit. */
export function getRecordProof(router: Router, { parts }: RepoHost): void {
  router.add(ComAtprotoSyncGetRecord.main, async (context) => {
    const { did } = await readableRepo(parts, context, context.params.did)
    const { collection, rkey } = context.params
    return respond({
      encoding: 'application/vnd.ipld.car',
      body: await parts.exports.record(did, `${collection}/${rkey}`),
    })
  })
}
