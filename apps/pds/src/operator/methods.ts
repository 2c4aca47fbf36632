import type { AccountStore } from '@avocet/accounts'
import type { Router } from '@avocet/xrpc-server'

import type { Credentials } from '../accounts/credentials.ts'
import type { HandleChanges } from '../accounts/handle-changes.ts'
import type { Lifecycle } from '../accounts/lifecycle.ts'
import type { AccountView } from '../accounts/views.ts'
import type { Authorizer } from '../auth/authorizer.ts'
import type { ServiceCallers } from '../auth/service-callers.ts'
import type { Mailer } from '../mail/mailer.ts'
import { adminDeleteAccount } from './methods/com.atproto.admin.deleteAccount.ts'
import { disableAccountInvites } from './methods/com.atproto.admin.disableAccountInvites.ts'
import { disableInviteCodes } from './methods/com.atproto.admin.disableInviteCodes.ts'
import { enableAccountInvites } from './methods/com.atproto.admin.enableAccountInvites.ts'
import { getAccountInfo } from './methods/com.atproto.admin.getAccountInfo.ts'
import { getAccountInfos } from './methods/com.atproto.admin.getAccountInfos.ts'
import { getInviteCodes } from './methods/com.atproto.admin.getInviteCodes.ts'
import { getSubjectStatus } from './methods/com.atproto.admin.getSubjectStatus.ts'
import { searchAccounts } from './methods/com.atproto.admin.searchAccounts.ts'
import { sendEmail } from './methods/com.atproto.admin.sendEmail.ts'
import { updateAccountEmail } from './methods/com.atproto.admin.updateAccountEmail.ts'
import { updateAccountHandle } from './methods/com.atproto.admin.updateAccountHandle.ts'
import { updateAccountPassword } from './methods/com.atproto.admin.updateAccountPassword.ts'
import { updateSubjectStatus } from './methods/com.atproto.admin.updateSubjectStatus.ts'
import type { Moderation } from './moderation.ts'

/** What the methods of this folder are made of. */
export interface OperatorMethodParts {
  readonly authorizer: Authorizer
  readonly services: ServiceCallers
  readonly accountStore: AccountStore
  readonly accountView: AccountView
  readonly lifecycle: Lifecycle
  readonly credentials: Credentials
  readonly handleChanges: HandleChanges
  readonly moderation: Moderation
  /** For the operator's own mail to owners of accounts. */
  readonly outbox: Mailer
  readonly hostname: string
}

/** Adds the methods of the operator and of the moderation service. */
export function addOperatorMethods(router: Router, parts: OperatorMethodParts): void {
  const { authorizer, services, accountStore, accountView, lifecycle, credentials, moderation } = parts
  const { accounts } = accountStore
  adminDeleteAccount(router, authorizer, lifecycle)
  disableAccountInvites(router, authorizer, services, accountStore)
  disableInviteCodes(router, authorizer, services, accountStore)
  enableAccountInvites(router, authorizer, services, accountStore)
  getAccountInfo(router, authorizer, services, accountView)
  getAccountInfos(router, authorizer, services, accountView)
  getInviteCodes(router, authorizer, services, accountStore)
  getSubjectStatus(router, authorizer, services, moderation)
  searchAccounts(router, authorizer, accounts, accountView)
  sendEmail(router, authorizer, services, accounts, parts.outbox, parts.hostname)
  updateAccountEmail(router, authorizer, accounts, credentials)
  updateAccountHandle(router, authorizer, parts.handleChanges)
  updateAccountPassword(router, authorizer, credentials)
  updateSubjectStatus(router, authorizer, services, moderation)
}
