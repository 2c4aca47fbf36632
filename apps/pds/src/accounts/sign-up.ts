import type { Account } from '../account.ts'
import { ACCOUNT_CREATED } from '../audit/acts.ts'
import type { PageAudit } from '../audit/page-audit.ts'
import type { Application, Registration } from './registration.ts'

/** Making an account at the pages of this server, by what `createAccount` does; kept in the audit log under the same name. */
export interface SignUps {
  /** @throws PdsError as `createAccount` does */
  signUp(application: Application, address: string | null): Promise<Account>
}

/** Accounts made by `registration`. */
export function createSignUps(registration: Pick<Registration, 'enrol'>, audit: PageAudit): SignUps {
  return {
    signUp: (application, address) =>
      audit.recorded(ACCOUNT_CREATED, address, async (about) => {
        const account = await registration.enrol(application)
        about(account.did, { handle: account.handle })
        return account
      }),
  }
}
