import type { AccountChange } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import type { AuditLog } from '../audit/audit-log.ts'
import { createPageAudit, type PageAudit } from '../audit/page-audit.ts'
import type { Auth } from '../auth/auth.ts'
import type { PdsConfig } from '../config/config.ts'
import type { Announcements } from '../events/announcements.ts'
import { createChallenges } from '../factors/challenges.ts'
import { createCodeLimits, NO_CODE_LIMITS } from '../factors/code-limits.ts'
import { createFactors, type Factors } from '../factors/factors.ts'
import { createSeal } from '../factors/sealed.ts'
import { createSecondFactor } from '../factors/second-factor.ts'
import { createRelyingParty } from '../factors/webauthn.ts'
import type { PublicAddress } from '../identity/address.ts'
import type { Identity } from '../identity/identity.ts'
import type { SharedCounts } from '../limits/shared-counts.ts'
import type { Logger } from '../logger.ts'
import type { Outbox } from '../mail/outbox.ts'
import type { Capability } from '../operations/capability.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Repos } from '../repos/repos.ts'
import type { Stores } from '../stores/stores.ts'
import { createAnnouncer, type Announce } from './announcer.ts'
import { createAppPasswords, type AppPasswords } from './app-passwords.ts'
import { applyChanges } from './changes.ts'
import { createCredentials, type Credentials } from './credentials.ts'
import { createDeletions, type Deletions } from './deletions.ts'
import { createEmailTokens } from './email-tokens.ts'
import { createHandleChanges, type HandleChanges } from './handle-changes.ts'
import { createInvites, type Invites } from './invites.ts'
import { createSignIns, type SignIns } from './sign-in.ts'
import { createKeyRotations, type KeyRotations } from './key-rotations.ts'
import { createLetters, type Letters } from './letters.ts'
import { createLifecycle, type Lifecycle } from './lifecycle.ts'
import { createPasswordResets, RESET_PATH, type PasswordResets } from './password-resets.ts'
import { createLoginBrake, NO_BRAKE, type LoginBrake } from './login-brake.ts'
import { createFallbackLoginCounts, createMemoryLoginCounts } from './login-counts.ts'
import { addAccountMethods } from './methods.ts'
import { createRegistration, type Registration } from './registration.ts'
import { createRedisLoginCounts } from './redis-login-counts.ts'
import { createReservedKeys } from './reserved-keys.ts'
import { createSessionView } from './session-view.ts'
import { createSessions } from './sessions.ts'
import { createSignUps, type SignUps } from './sign-up.ts'

/** The accounts of this server, from their registration to their end. */
export interface Accounts extends Capability {
  readonly registration: Registration
  readonly lifecycle: Lifecycle
  readonly credentials: Credentials
  /** Second factors, for their owners' pages and for the operator. */
  readonly factors: Factors
  /** Signing in, for pages. */
  readonly signIns: SignIns
  readonly signUps: SignUps
  readonly passwordResets: PasswordResets
  /** The audit log of what is done at pages. */
  readonly pageAudit: PageAudit
  readonly handleChanges: HandleChanges
  readonly letters: Letters
  readonly appPasswords: AppPasswords
  readonly deletions: Deletions
  readonly rotations: KeyRotations
  readonly announce: Announce
  /** For acts of the operator. */
  readonly invites: Invites
}

/** What accounts compose. */
export interface AccountsParts {
  readonly config: PdsConfig
  readonly stores: Pick<Stores, 'accountStore' | 'accounts' | 'server' | 'rotations' | 'apply'>
  readonly auth: Auth
  readonly outbound: Pick<Outbound, 'dids'>
  readonly announcements: Announcements
  readonly outbox: Outbox
  readonly address: PublicAddress
  readonly identity: Identity
  readonly repos: Repos
  readonly counts: SharedCounts
  readonly audit: AuditLog
  /** What secrets of second factors are sealed with. */
  readonly sealSecret: string
  readonly log: Logger
}

/** Accounts over the stores of this server. */
export function createAccounts(parts: AccountsParts): Accounts {
  const { config, stores, auth, outbound, announcements, outbox, address, identity, repos, counts } = parts
  const { audit, sealSecret, log } = parts
  const { accountStore } = stores
  const { dids } = outbound
  const { signers, handles, identities } = identity
  const { host, removals, locks, tids } = repos

  const invites = createInvites(accountStore, config.hostname)
  const reservedKeys = createReservedKeys(accountStore)
  const appPasswords = createAppPasswords(accountStore)
  const emailTokens = createEmailTokens(accountStore)
  const letters = createLetters(
    outbox,
    emailTokens,
    config.hostname,
    () => address.url() + RESET_PATH + '?step=code',
  )
  const credentials = createCredentials(accountStore, emailTokens, letters)
  const brake = config.rateLimitsEnabled ? brakeOver(counts) : NO_BRAKE
  const limits = config.rateLimitsEnabled
    ? createCodeLimits({
        counts: counts.rateLimits,
        isTrusted: (did, from) => brake.isTrusted(did, from),
        onFlood: (did) => outbox.later(() => tellOfFlood(did)),
      })
    : NO_CODE_LIMITS
  const tellOfFlood = async (did: Did): Promise<void> => {
    const account = await accountStore.accounts.get(did)
    if (account !== null) letters.tellLater(account, 'codes-guessed')
  }
  const changes = { apply: (made: readonly AccountChange[]) => applyChanges(accountStore, made) }
  const challenges = createChallenges(accountStore, changes)
  const seal = createSeal(sealSecret)
  const relyingParty = createRelyingParty(address, config.hostname)
  const guards = { store: accountStore, seal, relyingParty, challenges, limits, letters, audit, log }
  const secondFactor = createSecondFactor({
    ...guards,
    spending: (token, did) => emailTokens.spending('sign-in', token, did),
  })
  const floorMs = config.loginFloorMs
  const sessions = createSessions(accountStore, appPasswords, auth.tokens, secondFactor, floorMs)
  const shared = { stores, signers, identities, locks, tids, removals }
  const lifecycle = createLifecycle({
    ...shared,
    imports: host.parts.imports,
    onError: (error) => log.error({ err: error }, 'removing what a deleted account left failed'),
  })
  const deletions = createDeletions(accountStore, lifecycle, letters, emailTokens, log)
  const registration = createRegistration({
    ...shared,
    invites,
    inviteRequired: config.inviteRequired,
    reservedKeys,
    handles,
    sessions,
  })
  const handleChanges = createHandleChanges(stores, dids, handles, identities, locks)
  const passwordResets = createPasswordResets({
    accounts: stores.accounts,
    letters,
    emailTokens,
    credentials,
    brake,
  })
  const pageAudit = createPageAudit(audit, log)
  const purge = (did: Did): void => dids.purge(did)
  const rotations = createKeyRotations({ ...shared, purge })
  return {
    registration,
    lifecycle,
    credentials,
    factors: createFactors({ ...guards, changes, hostname: config.hostname }),
    signIns: createSignIns({ ...guards, secondFactor, brake, floorMs }),
    signUps: createSignUps(registration, pageAudit),
    passwordResets,
    pageAudit,
    handleChanges,
    letters,
    appPasswords,
    deletions,
    rotations,
    announce: createAnnouncer({ ...shared, accounts: stores.accounts, server: stores.server }),
    invites,
    methods: (router) =>
      addAccountMethods(router, {
        ...auth,
        config,
        address,
        stores,
        registration,
        sessions,
        brake,
        sessionView: createSessionView(dids, address),
        invites,
        reservedKeys,
        appPasswords,
        emailTokens,
        letters,
        credentials,
        lifecycle,
        deletions,
        passwordResets,
        identity,
        announcements,
        handleChanges,
        purge,
      }),
    chores: {
      byAge: [() => deletions.run(), () => reservedKeys.collect(), () => challenges.collect()],
      others: [() => rotations.resume(), () => handleChanges.resume()],
    },
  }
}

/** The brake of sign-ins over what all processes count together, where they do. */
function brakeOver({ redis, prefix }: SharedCounts): LoginBrake {
  const own = createMemoryLoginCounts()
  if (redis === null) return createLoginBrake(own)
  return createLoginBrake(createFallbackLoginCounts(createRedisLoginCounts(redis, prefix), own))
}
