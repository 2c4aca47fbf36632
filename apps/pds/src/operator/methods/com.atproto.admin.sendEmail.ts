import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoAdminSendEmail } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../../auth/authorizer.ts'
import type { ServiceCallers } from '../../auth/service-callers.ts'
import { PdsError } from '../../errors.ts'
import type { Mailer } from '../../mail/mailer.ts'

/** Writes to the owner of an account. */
export function sendEmail(
  router: Router,
  authorizer: Authorizer,
  services: ServiceCallers,
  accounts: AccountRows,
  mailer: Mailer,
  hostname: string,
): void {
  router.add(ComAtprotoAdminSendEmail.main, {
    auth: (context) => services.moderator(context, authorizer, context.nsid),
    handler: async ({ input }) => {
      const account = await accounts.get(input.recipientDid)
      if (account === null) throw new PdsError('invalid-request', 'Recipient not found')
      if (account.email === null)
        throw new PdsError('invalid-request', 'account does not have an email address')
      const subject = input.subject ?? `Message from ${hostname}`
      await mailer.send({ to: account.email, subject, text: input.content })
      return { sent: true }
    },
  })
}
