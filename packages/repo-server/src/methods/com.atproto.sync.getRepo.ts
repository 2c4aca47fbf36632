import { ComAtprotoSyncGetRepo } from '@avocet/lexicons/com.atproto'
import { respond, type Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'
import { readableRepo } from '../repo-access.ts'

/** A repository as a CAR stream: whole, or what was added since a revision. */
export function getRepo(router: Router, { parts }: RepoHost): void {
  const rule = parts.options.rateLimits?.export
  router.add(ComAtprotoSyncGetRepo.main, {
    limits: { handlerMs: 0 },
    ...(rule === undefined ? {} : { rateLimit: rule }),
    handler: async (context) => {
      const { did } = await readableRepo(parts, context, context.params.did)
      const requester = { did: null, address: context.address }
      const body = await parts.exportGate.stream(requester, () =>
        parts.exports.repo(did, context.params.since),
      )
      return respond({ encoding: 'application/vnd.ipld.car', body })
    },
  })
}
