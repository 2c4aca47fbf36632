import { ComAtprotoSyncGetCheckout } from '@avocet/lexicons/com.atproto'
import { respond, type Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'
import { readableRepo } from '../repo-access.ts'

/** Deprecated form of getRepo, still asked for by older tools. */
export function getCheckout(router: Router, { parts }: RepoHost): void {
  const rule = parts.options.rateLimits?.export
  router.add(ComAtprotoSyncGetCheckout.main, {
    limits: { handlerMs: 0 },
    ...(rule === undefined ? {} : { rateLimit: rule }),
    handler: async (context) => {
      const { did } = await readableRepo(parts, context, context.params.did)
      const requester = { did: null, address: context.address }
      const body = await parts.exportGate.stream(requester, () => parts.exports.repo(did, undefined))
      return respond({ encoding: 'application/vnd.ipld.car', body })
    },
  })
}
