import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoIdentityGetRecommendedDidCredentials } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { shownHandle } from '../../account.ts'
import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { ANY_APP } from '../../auth/needs.ts'
import type { Identities } from '../../identity/identities.ts'
import type { Signers } from '../../identity/signers.ts'

/** What the caller's DID document should say for the account to live here. */
export function getRecommendedDidCredentials(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountRows,
  identities: Identities,
  signers: Signers,
): void {
  router.add(ComAtprotoIdentityGetRecommendedDidCredentials.main, {
    ...accountMethod(authorizer, { deactivated: true, oauth: ANY_APP }),
    handler: async ({ auth: { did } }) => {
      const { rotationKeys, alsoKnownAs, verificationMethods, services } = identities.recommended(
        shownHandle((await accounts.get(did))!),
        (await signers.get(did)).didKey,
      )
      return {
        rotationKeys: [...rotationKeys],
        alsoKnownAs: [...alsoKnownAs],
        verificationMethods: verificationMethods,
        services: services,
      }
    },
  })
}
