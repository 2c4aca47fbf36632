import { ComAtprotoSyncGetCheckout } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { answerCar, exportSettings } from '../export-answer.ts'
import type { RepoHost } from '../host.ts'
import { readableRepo } from '../repo-access.ts'

/** Deprecated form of getRepo, still asked for by older tools. */
export function getCheckout(router: Router, { parts }: RepoHost): void {
  router.add(ComAtprotoSyncGetCheckout.main, {
    ...exportSettings(parts),
    handler: async (context) => {
      const { did } = await readableRepo(parts, context, context.params.did)
      return answerCar(parts, context.address, () => parts.exports.repo(did, undefined))
    },
  })
}
