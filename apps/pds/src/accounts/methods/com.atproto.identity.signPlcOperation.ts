import { ComAtprotoIdentitySignPlcOperation } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import type { DataObject } from '@avocet/data'

import { applyChanges, type AccountWriter } from '../changes.ts'
import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { granted } from '../../auth/needs.ts'
import type { EmailTokens } from '../email-tokens.ts'
import { PdsError } from '../../errors.ts'
import type { Identities } from '../../identity/identities.ts'

/** Signs a change of the caller's identity with this server's key; the caller hands it in, here or elsewhere. */
export function signPlcOperation(
  router: Router,
  authorizer: Authorizer,
  store: AccountWriter,
  emailTokens: EmailTokens,
  identities: Identities,
): void {
  router.add(ComAtprotoIdentitySignPlcOperation.main, {
    ...accountMethod(authorizer, {
      full: true,
      deactivated: true,
      takendown: true,
      oauth: granted({ resource: 'identity', attr: '*' }),
    }),
    handler: async ({ input, auth: { did } }) => {
      if (!did.startsWith('did:plc:'))
        throw new PdsError('invalid-request', 'Only a did:plc can be changed by this server')
      if (input.token === undefined) {
        throw new PdsError('token-required', 'email confirmation token required to sign PLC operations')
      }
      const { token, rotationKeys, alsoKnownAs, verificationMethods, services } = input
      await emailTokens.check('plc-operation', token, did)
      const operation = await identities.sign(did, {
        ...(rotationKeys === undefined ? {} : { rotationKeys }),
        ...(alsoKnownAs === undefined ? {} : { alsoKnownAs }),
        ...(verificationMethods === undefined
          ? {}
          : { verificationMethods: verificationMethods as Record<string, string> }),
        ...(services === undefined
          ? {}
          : { services: services as Record<string, { type: string; endpoint: string }> }),
      })
      await applyChanges(store, [emailTokens.spending('plc-operation', token, did)])
      return { operation: operation as unknown as DataObject }
    },
  })
}
