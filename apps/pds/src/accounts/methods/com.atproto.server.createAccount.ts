import type { DataObject } from '@avocet/data'
import { ComAtprotoServerCreateAccount } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { shownHandle } from '../../account.ts'
import type { Application, Registration } from '../registration.ts'
import type { ServiceCallers } from '../../auth/service-callers.ts'
import { PdsError } from '../../errors.ts'
import { CREATE_ACCOUNT_LIMIT } from '../../limits/rate-limits.ts'

/** Makes an account: with a new did:plc, or deactivated for a DID that moves here and proves itself by a service token. */
export function createAccount(router: Router, registration: Registration, services: ServiceCallers): void {
  router.add(ComAtprotoServerCreateAccount.main, {
    rateLimit: CREATE_ACCOUNT_LIMIT,
    handler: async ({ input, header, nsid }) => {
      if (input.plcOp !== undefined) throw new PdsError('invalid-request', 'Unsupported input: "plcOp"')
      if (input.password === undefined) throw new PdsError('invalid-password', 'A password is required')
      if (input.email === undefined && input.did === undefined) {
        throw new PdsError('invalid-email', 'Email is required')
      }
      const application: Application = {
        handle: input.handle,
        email: input.email ?? null,
        password: input.password,
        inviteCode: input.inviteCode,
        recoveryKey: input.recoveryKey,
      }
      if (input.did === undefined) {
        const { account, tokens, document } = await registration.create(application)
        return {
          ...tokens,
          handle: shownHandle(account),
          did: account.did,
          didDoc: document as unknown as DataObject,
        }
      }
      const caller = await services.verify({ header }, nsid)
      if (caller !== input.did)
        throw new PdsError('auth-required', `Missing auth to create account with did: ${input.did}`)
      const { account, tokens } = await registration.adopt(caller, application)
      return { ...tokens, handle: shownHandle(account), did: account.did }
    },
  })
}
