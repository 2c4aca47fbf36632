import { ComAtprotoSyncGetRepo } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { answerCar, exportSettings } from '../export-answer.ts'
import type { RepoHost } from '../host.ts'
import { readableRepo } from '../repo-access.ts'

/** A repository as a CAR stream: whole, or what was added since a revision. */
export function getRepo(router: Router, { parts }: RepoHost): void {
  router.add(ComAtprotoSyncGetRepo.main, {
    ...exportSettings(parts),
    handler: async (context) => {
      const { did } = await readableRepo(parts, context, context.params.did)
      return answerCar(parts, context.address, () => parts.exports.repo(did, context.params.since))
    },
  })
}
