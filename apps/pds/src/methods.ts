import type { AccountRows, AccountStore } from '@avocet/accounts'
import type { DidResolver } from '@avocet/did'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import type { Router } from '@avocet/xrpc-server'
import { mountRepo, mountSync, type KeyedLock, type RepoHost } from '@avocet/repo-server'
import type { SqliteRepoServerStore } from '@avocet/repo-server/sqlite'

import type { AppPasswords } from './accounts/app-passwords.ts'
import type { Credentials } from './accounts/credentials.ts'
import type { Deletions } from './accounts/deletions.ts'
import type { EmailTokens } from './accounts/email-tokens.ts'
import type { Invites } from './accounts/invites.ts'
import type { Lifecycle } from './accounts/lifecycle.ts'
import type { LoginBrake } from './accounts/login-brake.ts'
import type { Moderation } from './operator/moderation.ts'
import type { ReservedKeys } from './accounts/reserved-keys.ts'
import type { AccountView } from './accounts/views.ts'
import type { Announcements } from './events/announcements.ts'
import type { ResolveActor } from './identity/actors.ts'
import type { DocumentChecks } from './identity/document-checks.ts'
import type { HandleChanges } from './accounts/handle-changes.ts'
import type { Identities } from './identity/identities.ts'
import type { Letters } from './accounts/letters.ts'
import type { Mailer } from './mail/mailer.ts'
import type { Signers } from './identity/signers.ts'
import type { Authorizer } from './auth/authorizer.ts'
import type { Registration } from './accounts/registration.ts'
import type { ServiceCallers } from './auth/service-callers.ts'
import type { SessionView } from './accounts/session-view.ts'
import type { Sessions } from './accounts/sessions.ts'
import type { PdsConfig } from './config/config.ts'
import type { PublicAddress } from './identity/address.ts'
import type { HandlePolicy } from './identity/handles.ts'
import type { ResolveHandle } from './outbound/outbound.ts'
import { resolveHandle } from './identity/methods/com.atproto.identity.resolveHandle.ts'
import { createAccount } from './accounts/methods/com.atproto.server.createAccount.ts'
import { createSession } from './accounts/methods/com.atproto.server.createSession.ts'
import { deleteSession } from './accounts/methods/com.atproto.server.deleteSession.ts'
import { describeServer } from './accounts/methods/com.atproto.server.describeServer.ts'
import { getSession } from './accounts/methods/com.atproto.server.getSession.ts'
import { refreshSession } from './accounts/methods/com.atproto.server.refreshSession.ts'
import { getPreferences } from './app-view/methods/app.bsky.actor.getPreferences.ts'
import { registerPush } from './app-view/methods/app.bsky.notification.registerPush.ts'
import { unregisterPush } from './app-view/methods/app.bsky.notification.unregisterPush.ts'
import { putPreferences } from './app-view/methods/app.bsky.actor.putPreferences.ts'
import { adminDeleteAccount } from './operator/methods/com.atproto.admin.deleteAccount.ts'
import { disableAccountInvites } from './operator/methods/com.atproto.admin.disableAccountInvites.ts'
import { disableInviteCodes } from './operator/methods/com.atproto.admin.disableInviteCodes.ts'
import { enableAccountInvites } from './operator/methods/com.atproto.admin.enableAccountInvites.ts'
import { getAccountInfo } from './operator/methods/com.atproto.admin.getAccountInfo.ts'
import { getAccountInfos } from './operator/methods/com.atproto.admin.getAccountInfos.ts'
import { getInviteCodes } from './operator/methods/com.atproto.admin.getInviteCodes.ts'
import { getSubjectStatus } from './operator/methods/com.atproto.admin.getSubjectStatus.ts'
import { searchAccounts } from './operator/methods/com.atproto.admin.searchAccounts.ts'
import { sendEmail } from './operator/methods/com.atproto.admin.sendEmail.ts'
import { updateAccountEmail } from './operator/methods/com.atproto.admin.updateAccountEmail.ts'
import { updateAccountHandle } from './operator/methods/com.atproto.admin.updateAccountHandle.ts'
import { updateAccountPassword } from './operator/methods/com.atproto.admin.updateAccountPassword.ts'
import { updateSubjectStatus } from './operator/methods/com.atproto.admin.updateSubjectStatus.ts'
import { getRecommendedDidCredentials } from './accounts/methods/com.atproto.identity.getRecommendedDidCredentials.ts'
import { refreshIdentity } from './identity/methods/com.atproto.identity.refreshIdentity.ts'
import { requestPlcOperationSignature } from './accounts/methods/com.atproto.identity.requestPlcOperationSignature.ts'
import { resolveDid } from './identity/methods/com.atproto.identity.resolveDid.ts'
import { resolveIdentity } from './identity/methods/com.atproto.identity.resolveIdentity.ts'
import { signPlcOperation } from './accounts/methods/com.atproto.identity.signPlcOperation.ts'
import { submitPlcOperation } from './accounts/methods/com.atproto.identity.submitPlcOperation.ts'
import { updateHandle } from './accounts/methods/com.atproto.identity.updateHandle.ts'
import { activateAccount } from './accounts/methods/com.atproto.server.activateAccount.ts'
import { checkAccountStatus } from './accounts/methods/com.atproto.server.checkAccountStatus.ts'
import { confirmEmail } from './accounts/methods/com.atproto.server.confirmEmail.ts'
import { createAppPassword } from './accounts/methods/com.atproto.server.createAppPassword.ts'
import { createInviteCode } from './accounts/methods/com.atproto.server.createInviteCode.ts'
import { createInviteCodes } from './accounts/methods/com.atproto.server.createInviteCodes.ts'
import { deactivateAccount } from './accounts/methods/com.atproto.server.deactivateAccount.ts'
import { deleteAccount } from './accounts/methods/com.atproto.server.deleteAccount.ts'
import { getAccountInviteCodes } from './accounts/methods/com.atproto.server.getAccountInviteCodes.ts'
import { getServiceAuth } from './accounts/methods/com.atproto.server.getServiceAuth.ts'
import { listAppPasswords } from './accounts/methods/com.atproto.server.listAppPasswords.ts'
import { requestAccountDelete } from './accounts/methods/com.atproto.server.requestAccountDelete.ts'
import { requestEmailConfirmation } from './accounts/methods/com.atproto.server.requestEmailConfirmation.ts'
import { requestEmailUpdate } from './accounts/methods/com.atproto.server.requestEmailUpdate.ts'
import { requestPasswordReset } from './accounts/methods/com.atproto.server.requestPasswordReset.ts'
import { reserveSigningKey } from './accounts/methods/com.atproto.server.reserveSigningKey.ts'
import { resetPassword } from './accounts/methods/com.atproto.server.resetPassword.ts'
import { revokeAppPassword } from './accounts/methods/com.atproto.server.revokeAppPassword.ts'
import { updateEmail } from './accounts/methods/com.atproto.server.updateEmail.ts'
import { checkSignupQueue } from './accounts/methods/com.atproto.temp.checkSignupQueue.ts'
import type { ForwardPush } from './app-view/push.ts'
import type { ServiceProxy } from './proxy/service-proxy.ts'
import type { Targets } from './proxy/targets.ts'

/** The parts that methods are made of. It stays in the composition root: a method gets those it uses, one by one. */
export interface Parts {
  readonly config: PdsConfig
  readonly address: PublicAddress
  readonly authorizer: Authorizer
  readonly accountStore: AccountStore
  readonly accounts: AccountRows
  readonly registration: Registration
  readonly sessions: Sessions
  readonly brake: LoginBrake
  readonly sessionView: SessionView
  readonly services: ServiceCallers
  readonly host: RepoHost
  readonly targets: Targets
  readonly proxy: ServiceProxy
  /** Null without an AppView: then its methods are not there. */
  readonly forwardPush: ForwardPush | null
  readonly dids: DidResolver
  readonly server: SqliteRepoServerStore
  readonly handles: HandlePolicy
  readonly resolveHandle: ResolveHandle
  readonly db: Database
  readonly invites: Invites
  readonly lifecycle: Lifecycle
  readonly documents: DocumentChecks
  readonly letters: Letters
  readonly deletions: Deletions
  /** For the operator's own mail to owners of accounts. */
  readonly operatorMailer: Mailer
  readonly emailTokens: EmailTokens
  readonly credentials: Credentials
  readonly appPasswords: AppPasswords
  readonly reservedKeys: ReservedKeys
  readonly identities: Identities
  readonly signers: Signers
  readonly handleChanges: HandleChanges
  readonly announcements: Announcements
  readonly moderation: Moderation
  readonly accountView: AccountView
  readonly resolveActor: ResolveActor
  readonly locks: KeyedLock
  readonly purge: (did: Did) => void
}

/** Adds every method of this server to the router. */
export function addMethods(router: Router, parts: Parts): void {
  const { config, address, authorizer, accountStore, accounts, sessions, sessionView, services, dids, host } =
    parts
  const { db, invites, lifecycle, documents, letters, emailTokens, credentials, appPasswords } = parts
  const { brake, identities, signers, handleChanges, moderation, accountView } = parts

  describeServer(router, config, address)
  createAccount(router, parts.registration, services)
  createSession(router, accounts, sessions, brake, sessionView)
  refreshSession(router, authorizer, sessions, brake, sessionView)
  getSession(router, authorizer, accounts, sessionView)
  deleteSession(router, authorizer, sessions)

  mountRepo(router, host)
  mountSync(router, host)

  resolveHandle(router, authorizer, accounts, parts.handles, parts.resolveHandle)

  getPreferences(router, authorizer, services, accountStore, parts.targets, parts.proxy)
  putPreferences(router, authorizer, accountStore, parts.locks, parts.targets, parts.proxy)
  if (parts.forwardPush !== null) {
    registerPush(router, authorizer, parts.forwardPush)
    unregisterPush(router, authorizer, parts.forwardPush)
  }

  adminDeleteAccount(router, authorizer, lifecycle)
  disableAccountInvites(router, authorizer, services, accountStore)
  disableInviteCodes(router, authorizer, services, accountStore)
  enableAccountInvites(router, authorizer, services, accountStore)
  getAccountInfo(router, authorizer, services, accountView)
  getAccountInfos(router, authorizer, services, accountView)
  getInviteCodes(router, authorizer, services, accountStore)
  getSubjectStatus(router, authorizer, services, moderation)
  searchAccounts(router, authorizer, accounts, accountView)
  sendEmail(router, authorizer, services, accounts, parts.operatorMailer, config.hostname)
  updateAccountEmail(router, authorizer, accounts, credentials)
  updateAccountHandle(router, authorizer, handleChanges)
  updateAccountPassword(router, authorizer, credentials)
  updateSubjectStatus(router, authorizer, services, moderation)

  getRecommendedDidCredentials(router, authorizer, accounts, identities, signers)
  refreshIdentity(router, authorizer, parts.resolveActor)
  requestPlcOperationSignature(router, authorizer, accounts, letters)
  resolveDid(router, dids)
  resolveIdentity(router, parts.resolveActor)
  signPlcOperation(router, authorizer, accountStore, emailTokens, identities)
  submitPlcOperation(router, authorizer, db, accounts, identities, signers, parts.announcements, parts.purge)
  updateHandle(router, authorizer, handleChanges)

  activateAccount(router, authorizer, lifecycle, documents)
  checkAccountStatus(router, authorizer, accountStore, documents, parts.server)
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
  requestPasswordReset(router, accounts, letters)
  reserveSigningKey(router, parts.reservedKeys)
  resetPassword(router, emailTokens, credentials, brake)
  revokeAppPassword(router, authorizer, accountStore)
  updateEmail(router, authorizer, credentials)

  checkSignupQueue(router, authorizer)
}
