import type { AccountRows } from '@avocet/accounts'
import { ComAtprotoIdentitySubmitPlcOperation } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import { parseOperation } from '@avocet/plc'
import type { Did } from '@avocet/syntax'

import { shownHandle } from '../../account.ts'
import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { granted } from '../../auth/needs.ts'
import { PdsError } from '../../errors.ts'
import type { Announcements } from '../../events/announcements.ts'
import type { Identities } from '../../identity/identities.ts'
import type { Signers } from '../../identity/signers.ts'

/** Hands in a signed change of the caller's identity, if the account still works afterwards. */
export function submitPlcOperation(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountRows,
  identities: Identities,
  signers: Signers,
  announcements: Announcements,
  purge: (did: Did) => void,
): void {
  router.add(ComAtprotoIdentitySubmitPlcOperation.main, {
    ...accountMethod(authorizer, {
      full: true,
      deactivated: true,
      oauth: granted({ resource: 'identity', attr: '*' }),
    }),
    handler: async ({ input, auth: { did } }) => {
      const parsed = parseOperation(input.operation)
      if (!parsed.ok) throw new PdsError('invalid-request', `Invalid operation: ${parsed.error.message}`)
      const operation = parsed.value
      if (operation.type !== 'plc_operation')
        throw new PdsError('invalid-request', 'Expected a plc_operation')
      const account = (await accounts.get(did))!
      const wanted = identities.recommended(shownHandle(account), (await signers.get(did)).didKey)
      if (!operation.rotationKeys.includes(identities.rotationKey)) {
        throw new PdsError('invalid-request', "Rotation keys do not include server's rotation key")
      }
      if (operation.services['atproto_pds']?.type !== 'AtprotoPersonalDataServer') {
        throw new PdsError('invalid-request', 'Incorrect type on atproto_pds service')
      }
      if (operation.services['atproto_pds'].endpoint !== wanted.services['atproto_pds']?.endpoint) {
        throw new PdsError('invalid-request', 'Incorrect endpoint on atproto_pds service')
      }
      if (operation.verificationMethods['atproto'] !== wanted.verificationMethods['atproto']) {
        throw new PdsError('invalid-request', 'Incorrect signing key')
      }
      if (account.handle !== null && operation.alsoKnownAs[0] !== `at://${account.handle}`) {
        throw new PdsError('invalid-request', 'Incorrect handle in alsoKnownAs')
      }
      await identities.submit(did, operation)
      purge(did)
      await announcements.identity(did, account.handle)
    },
  })
}
