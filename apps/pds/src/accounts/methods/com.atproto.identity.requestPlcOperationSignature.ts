import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoIdentityRequestPlcOperationSignature } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { granted } from '../../auth/needs.ts'
import { MAIL_LIMITS } from '../../limits/rate-limits.ts'
import type { Letters } from '../letters.ts'

/** Mails the code that `signPlcOperation` needs. */
export function requestPlcOperationSignature(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountRows,
  letters: Letters,
): void {
  router.add(ComAtprotoIdentityRequestPlcOperationSignature.main, {
    ...accountMethod(authorizer, {
      full: true,
      deactivated: true,
      takendown: true,
      oauth: granted({ resource: 'identity', attr: '*' }),
    }),
    rateLimit: MAIL_LIMITS,
    handler: async ({ auth }) => letters.sendCode((await accounts.get(auth.did))!, 'plc-operation'),
  })
}
