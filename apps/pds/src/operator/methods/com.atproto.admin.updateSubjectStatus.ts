import { ComAtprotoAdminUpdateSubjectStatus } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { ServiceCallers } from '../../auth/service-callers.ts'
import { PdsError } from '../../errors.ts'
import { parseSubject, type Moderation } from '../moderation.ts'

/** Takes an account, a record or a blob down, or puts it back; deactivates or reactivates an account. */
export function updateSubjectStatus(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  moderation: Moderation,
): void {
  router.add(ComAtprotoAdminUpdateSubjectStatus.main, {
    auth: (context) => services.moderator(context, authorizer, context.nsid),
    handler: async ({ input }) => {
      if (input.takedown?.applied === true && input.deactivated?.applied === false) {
        throw new PdsError('invalid-request', 'Cannot activate and takedown an account at the same time')
      }
      const subject = parseSubject(input.subject)
      if (input.takedown !== undefined) {
        const { applied, ref } = input.takedown
        await moderation.takedown(subject, applied ? (ref ?? new Date().toISOString()) : null)
      }
      if (input.deactivated !== undefined) await moderation.setDeactivated(subject, input.deactivated.applied)
      return { subject: input.subject, ...(input.takedown === undefined ? {} : { takedown: input.takedown }) }
    },
  })
}
