import type { AccountStore, InviteChange } from '@avocet/accounts'

import { randomText } from '../auth/random-text.ts'
import { PdsError } from '../errors.ts'

/** Invite codes of this server. */
export interface Invites {
  /** @throws PdsError `invalid-invite-code` if the code cannot be used */
  check(code: string | undefined): Promise<void>
  /** What makes a new code; it is good once that is applied. */
  making(options: {
    useCount: number
    forAccount: string
    createdBy: string
  }): InviteChange & { type: 'createInvite' }
}

/** Invite codes in `store`; a code starts with the server's name. */
export function createInvites(store: Pick<AccountStore, 'invites'>, hostname: string): Invites {
  return {
    check: async (code) => {
      if (code === undefined || code === '')
        throw new PdsError('invalid-invite-code', 'No invite code provided')
      const invite = await store.invites.get(code)
      if (invite === null || invite.disabled || invite.uses.length >= invite.available) {
        throw new PdsError('invalid-invite-code', 'Provided invite code not available')
      }
    },
    making: ({ useCount, forAccount, createdBy }) => {
      const code = `${hostname.replaceAll('.', '-')}-${randomText(2, 5)}`
      const createdAt = new Date().toISOString()
      return { type: 'createInvite', code, available: useCount, forAccount, createdBy, createdAt }
    },
  }
}
