import { ComAtprotoAdminGetSubjectStatus } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { ServiceCallers } from '../../auth/service-callers.ts'
import type { Moderation } from '../moderation.ts'
import { PdsError } from '../../errors.ts'

/** Whether an account, a record or a blob is taken down. */
export function getSubjectStatus(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  moderation: Moderation,
): void {
  router.add(ComAtprotoAdminGetSubjectStatus.main, {
    auth: (context) => services.moderator(context, authorizer, context.nsid),
    handler: async ({ params }) => {
      const found = await moderation.status(params)
      if (found === null) throw new PdsError('not-found', 'Subject not found')
      return found as ComAtprotoAdminGetSubjectStatus.Output
    },
  })
}
