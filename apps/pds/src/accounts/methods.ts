import type { Router } from '@avocet/xrpc-server'
import type { Did } from '@avocet/syntax'

import type { Authorizer } from '../auth/authorizer.ts'
import type { ServiceCallers } from '../auth/service-callers.ts'
import type { PdsConfig } from '../config/config.ts'
import type { Announcements } from '../events/announcements.ts'
import type { PublicAddress } from '../identity/address.ts'
import type { Identity } from '../identity/identity.ts'
import type { Stores } from '../stores/stores.ts'
import type { AppPasswords } from './app-passwords.ts'
import type { Credentials } from './credentials.ts'
import type { Deletions } from './deletions.ts'
import type { EmailTokens } from './email-tokens.ts'
import type { HandleChanges } from './handle-changes.ts'
import type { Invites } from './invites.ts'
import type { Letters } from './letters.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { LoginBrake } from './login-brake.ts'
import type { PasswordResets } from './password-resets.ts'
import { getRecommendedDidCredentials } from './methods/com.atproto.identity.getRecommendedDidCredentials.ts'
import { requestPlcOperationSignature } from './methods/com.atproto.identity.requestPlcOperationSignature.ts'
import { signPlcOperation } from './methods/com.atproto.identity.signPlcOperation.ts'
import { submitPlcOperation } from './methods/com.atproto.identity.submitPlcOperation.ts'
import { updateHandle } from './methods/com.atproto.identity.updateHandle.ts'
import { activateAccount } from './methods/com.atproto.server.activateAccount.ts'
import { checkAccountStatus } from './methods/com.atproto.server.checkAccountStatus.ts'
import { confirmEmail } from './methods/com.atproto.server.confirmEmail.ts'
import { createAccount } from './methods/com.atproto.server.createAccount.ts'
import { createAppPassword } from './methods/com.atproto.server.createAppPassword.ts'
import { createInviteCode } from './methods/com.atproto.server.createInviteCode.ts'
import { createInviteCodes } from './methods/com.atproto.server.createInviteCodes.ts'
import { createSession } from './methods/com.atproto.server.createSession.ts'
import { deactivateAccount } from './methods/com.atproto.server.deactivateAccount.ts'
import { deleteAccount } from './methods/com.atproto.server.deleteAccount.ts'
import { deleteSession } from './methods/com.atproto.server.deleteSession.ts'
import { describeServer } from './methods/com.atproto.server.describeServer.ts'
import { getAccountInviteCodes } from './methods/com.atproto.server.getAccountInviteCodes.ts'
import { getServiceAuth } from './methods/com.atproto.server.getServiceAuth.ts'
import { getSession } from './methods/com.atproto.server.getSession.ts'
import { listAppPasswords } from './methods/com.atproto.server.listAppPasswords.ts'
import { refreshSession } from './methods/com.atproto.server.refreshSession.ts'
import { requestAccountDelete } from './methods/com.atproto.server.requestAccountDelete.ts'
import { requestEmailConfirmation } from './methods/com.atproto.server.requestEmailConfirmation.ts'
import { requestEmailUpdate } from './methods/com.atproto.server.requestEmailUpdate.ts'
import { requestPasswordReset } from './methods/com.atproto.server.requestPasswordReset.ts'
import { reserveSigningKey } from './methods/com.atproto.server.reserveSigningKey.ts'
import { resetPassword } from './methods/com.atproto.server.resetPassword.ts'
import { revokeAppPassword } from './methods/com.atproto.server.revokeAppPassword.ts'
import { updateEmail } from './methods/com.atproto.server.updateEmail.ts'
import { checkSignupQueue } from './methods/com.atproto.temp.checkSignupQueue.ts'
import type { Registration } from './registration.ts'
import type { ReservedKeys } from './reserved-keys.ts'
import type { SessionView } from './session-view.ts'
import type { Sessions } from './sessions.ts'

/** What the methods of this folder are made of; each gets those that it uses, one by one. */
export interface AccountMethodParts {
  readonly config: PdsConfig
  readonly address: PublicAddress
  readonly stores: Pick<Stores, 'accountStore' | 'accounts' | 'server'>
  readonly authorizer: Authorizer
  readonly services: ServiceCallers
  readonly registration: Registration
  readonly sessions: Sessions
  readonly brake: LoginBrake
  readonly sessionView: SessionView
  readonly invites: Invites
  readonly reservedKeys: ReservedKeys
  readonly appPasswords: AppPasswords
  readonly emailTokens: EmailTokens
  readonly letters: Letters
  readonly credentials: Credentials
  readonly lifecycle: Lifecycle
  readonly deletions: Deletions
  readonly passwordResets: PasswordResets
  readonly identity: Identity
  readonly announcements: Announcements
  readonly handleChanges: HandleChanges
  readonly purge: (did: Did) => void
}

/** Adds the methods that sign in, and those by which owners manage their accounts. */
export function addAccountMethods(router: Router, parts: AccountMethodParts): void {
  const { config, address, authorizer, services, sessions, brake, sessionView, invites } = parts
  const { appPasswords, emailTokens, letters, credentials, lifecycle, announcements, handleChanges } = parts
  const { accountStore, accounts, server } = parts.stores
  const { identities, signers, documents } = parts.identity

  describeServer(router, config, address)
  createAccount(router, parts.registration, services)
  createSession(router, accounts, sessions, brake, sessionView)
  refreshSession(router, authorizer, sessions, brake, sessionView)
  getSession(router, authorizer, accounts, sessionView)
  deleteSession(router, authorizer, sessions)

  getRecommendedDidCredentials(router, authorizer, accounts, identities, signers)
  requestPlcOperationSignature(router, authorizer, accounts, letters)
  signPlcOperation(router, authorizer, accountStore, emailTokens, identities)
  submitPlcOperation(router, authorizer, accounts, identities, signers, announcements, parts.purge)
  updateHandle(router, authorizer, handleChanges)

  activateAccount(router, authorizer, lifecycle, documents)
  checkAccountStatus(router, authorizer, accountStore, documents, server)
  confirmEmail(router, authorizer, accounts, credentials)
  createAppPassword(router, authorizer, appPasswords)
  createInviteCode(router, authorizer, accountStore, invites)
  createInviteCodes(router, authorizer, accountStore, invites)
  deactivateAccount(router, authorizer, parts.deletions)
  deleteAccount(router, credentials, emailTokens, lifecycle, brake)
  getAccountInviteCodes(router, authorizer, accountStore)
  getServiceAuth(router, authorizer, signers)
  listAppPasswords(router, authorizer, accountStore)
  requestAccountDelete(router, authorizer, accounts, letters)
  requestEmailConfirmation(router, authorizer, accounts, letters)
  requestEmailUpdate(router, authorizer, accounts, letters)
  requestPasswordReset(router, accounts, parts.passwordResets)
  reserveSigningKey(router, parts.reservedKeys)
  resetPassword(router, parts.passwordResets)
  revokeAppPassword(router, authorizer, parts.appPasswords)
  updateEmail(router, authorizer, credentials)

  checkSignupQueue(router, authorizer)
}
