import type { AccountStore } from '@avocet/accounts'
import { ComAtprotoServerListAppPasswords } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { CLOSED } from '../../auth/needs.ts'

/** The app passwords of the caller, without their text. */
export function listAppPasswords(
  router: Router,
  authorizer: Authorizer,
  store: Pick<AccountStore, 'appPasswords'>,
): void {
  router.add(ComAtprotoServerListAppPasswords.main, {
    ...accountMethod(authorizer, { deactivated: true, oauth: CLOSED }),
    handler: async ({ auth }) => ({
      passwords: (await store.appPasswords.list(auth.did)).map((item) => ({
        ...item,
        createdAt: item.createdAt as `${string}T${string}`,
      })),
    }),
  })
}
