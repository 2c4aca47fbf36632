import { ComAtprotoServerCreateAppPassword } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { AppPasswords } from '../app-passwords.ts'
import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { CLOSED } from '../../auth/needs.ts'

/** Makes a password for one client; its text is shown once. */
export function createAppPassword(router: Router, authorizer: Authorizer, appPasswords: AppPasswords): void {
  router.add(ComAtprotoServerCreateAppPassword.main, {
    ...accountMethod(authorizer, { full: true, deactivated: true, oauth: CLOSED }),
    handler: async ({ input, auth }) => {
      const made = await appPasswords.create(auth.did, input.name, input.privileged ?? false)
      return { ...made, createdAt: made.createdAt as `${string}T${string}` }
    },
  })
}
