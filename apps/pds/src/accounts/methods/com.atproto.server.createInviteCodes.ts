import { ComAtprotoServerCreateInviteCodes } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { applyChanges, type AccountWriter } from '../changes.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import type { Invites } from '../invites.ts'
import { PdsError } from '../../errors.ts'

const MAX_CODES = 1000

/** Makes invite codes for several accounts. For the operator. */
export function createInviteCodes(
  router: Router,
  authorizer: Authorizer,
  store: AccountWriter,
  invites: Invites,
): void {
  router.add(ComAtprotoServerCreateInviteCodes.main, {
    auth: (context) => authorizer.admin(context),
    handler: async ({ input }) => {
      const { codeCount, useCount, forAccounts = ['admin'] } = input
      if (codeCount * forAccounts.length > MAX_CODES) {
        throw new PdsError('invalid-request', `Too many codes. Max: ${MAX_CODES}`)
      }
      const made = forAccounts.map((account) =>
        Array.from({ length: codeCount }, () =>
          invites.making({ useCount, forAccount: account, createdBy: 'admin' }),
        ),
      )
      await applyChanges(store, made.flat())
      return {
        codes: forAccounts.map((account, n) => ({ account, codes: made[n]!.map(({ code }) => code) })),
      }
    },
  })
}
