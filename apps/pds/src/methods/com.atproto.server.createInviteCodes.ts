import { ComAtprotoServerCreateInviteCodes } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { Database } from '@avocet/sqlite'

import type { Authorizer } from '../accounts/authorizer.ts'
import type { Invites } from '../accounts/invites.ts'
import { PdsError } from '../errors.ts'

const MAX_CODES = 1000

/** Makes invite codes for several accounts. For the operator. */
export function createInviteCodes(
  router: Router,
  authorizer: Authorizer,
  db: Database,
  invites: Invites,
): void {
  router.add(ComAtprotoServerCreateInviteCodes.main, {
    auth: (context) => authorizer.admin(context),
    handler: ({ input }) => {
      const { codeCount, useCount, forAccounts = ['admin'] } = input
      if (codeCount * forAccounts.length > MAX_CODES) {
        throw new PdsError('invalid-request', `Too many codes. Max: ${MAX_CODES}`)
      }
      return db.write(() => ({
        codes: forAccounts.map((account) => ({
          account,
          codes: Array.from({ length: codeCount }, () =>
            invites.create({ useCount, forAccount: account, createdBy: 'admin' }),
          ),
        })),
      }))
    },
  })
}
