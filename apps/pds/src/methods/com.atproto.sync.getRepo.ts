import { ComAtprotoSyncGetRepo } from '@avocet/lexicons/com.atproto'
import { respond, type Router } from '@avocet/xrpc-server'
import type { RepoExports } from '@avocet/repo-server'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import type { Gate } from '../http/gates.ts'
import { EXPORT_LIMIT } from '../http/rate-limits.ts'
import { readableRepo } from '../repos/readable.ts'

/** A repository as a CAR stream: whole, or what was added since a revision. */
export function getRepo(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  exports: RepoExports,
  gate: Gate,
): void {
  router.add(ComAtprotoSyncGetRepo.main, {
    limits: { handlerMs: 0 },
    rateLimit: EXPORT_LIMIT,
    handler: async (context) => {
      const { did } = await readableRepo(accounts, authorizer, context, context.params.did)
      const requester = { did: null, address: context.address }
      const body = await gate.stream(requester, () => exports.repo(did, context.params.since))
      return respond({ encoding: 'application/vnd.ipld.car', body })
    },
  })
}
