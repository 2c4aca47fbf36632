import {
  ComAtprotoAdminDisableAccountInvites,
  ComAtprotoAdminDisableInviteCodes,
  ComAtprotoAdminEnableAccountInvites,
  ComAtprotoAdminGetInviteCodes,
} from '@avocet/lexicons/com.atproto'
import type { Did } from '@avocet/syntax'
import type { Client } from '@avocet/xrpc-client'

import type { Print } from '../terminal.ts'
import { answered } from './operator.ts'

/** Prints invite codes, the newest first: code, uses, whom for, whether it is disabled. @throws CommandError */
export async function listInvites(client: Client, limit: number, print: Print): Promise<void> {
  let left = limit
  for (let cursor: string | undefined; left > 0;) {
    const params = { limit: Math.min(left, 100), ...(cursor === undefined ? {} : { cursor }) }
    const page = await answered(client.call(ComAtprotoAdminGetInviteCodes.main, { params }))
    for (const { code, uses, available, forAccount, disabled } of page.codes) {
      print([code, `${uses.length} of ${available}`, forAccount, disabled ? 'disabled' : 'good'].join('\t'))
    }
    cursor = page.cursor
    if (cursor === undefined) return
    left -= page.codes.length
  }
}

/** Makes codes unusable. @throws CommandError */
export async function disableInvites(client: Client, codes: readonly string[], print: Print): Promise<void> {
  await answered(client.call(ComAtprotoAdminDisableInviteCodes.main, { input: { codes: [...codes] } }))
  for (const code of codes) print(`disabled ${code}`)
}

/** Lets an account hand out codes, or keeps it from that. @throws CommandError */
export async function setInvites(
  client: Client,
  account: Did,
  isDisabled: boolean,
  print: Print,
): Promise<void> {
  const method = isDisabled
    ? ComAtprotoAdminDisableAccountInvites.main
    : ComAtprotoAdminEnableAccountInvites.main
  await answered(client.call(method, { input: { account } }))
  print(`${isDisabled ? 'may not invite' : 'may invite'} ${account}`)
}
