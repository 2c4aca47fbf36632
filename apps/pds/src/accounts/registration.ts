import { createKeypair, importKeypair, type Keypair } from '@avocet/crypto'
import { applyWrites, toCommitEvent, toSyncEvent, type CommitData, type RepoStore } from '@avocet/repo'
import type { EventLog } from '@avocet/sequencer'
import type { Database } from '@avocet/sqlite'
import type { Did, Handle, TidClock } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { Announcements } from '../events/announcements.ts'
import type { HandlePolicy } from '../identity/handles.ts'
import type { Identities, NewIdentity } from '../identity/identities.ts'
import type { KeyedLock } from '../repos/locks.ts'
import type { Account } from './account.ts'
import type { AccountStore } from './account-store.ts'
import { checkEmail } from './email-address.ts'
import type { Invites } from './invites.ts'
import { hashPassword, MAX_PASSWORD_LENGTH } from './passwords.ts'
import type { Removals } from './removals.ts'
import type { ReservedKeys } from './reserved-keys.ts'

/** What someone who wants an account hands in. */
export interface Application {
  readonly handle: string
  readonly email: string | null
  readonly password: string
  readonly inviteCode?: string | undefined
  /** A did:key of the user's own that may rotate the identity. */
  readonly recoveryKey?: string | undefined
  /** The application comes from the operator: no invite needed, reserved names allowed. */
  readonly byOperator?: boolean
}

/** Making accounts. Either everything of an account is there afterwards, or nothing. */
export interface Registration {
  /** An account with a new did:plc. */
  create(application: Application): Promise<{ account: Account; document: NewIdentity['document'] }>
  /** A deactivated account for a DID that exists; the caller has proved that it is theirs. */
  adopt(did: Did, application: Application): Promise<Account>
}

/** What registration composes. */
export interface RegistrationParts {
  readonly accounts: AccountStore
  readonly invites: Invites
  readonly inviteRequired: boolean
  readonly reservedKeys: ReservedKeys
  readonly handles: HandlePolicy
  readonly identities: Identities
  readonly store: RepoStore<Database>
  readonly log: EventLog<Database>
  readonly announcements: Announcements
  readonly locks: KeyedLock
  readonly tids: TidClock
  readonly removals: Pick<Removals, 'blobsGone'>
}

/** Registration over the stores of this server. */
export function createRegistration(parts: RegistrationParts): Registration {
  const {
    accounts,
    invites,
    reservedKeys,
    handles,
    identities,
    store,
    log,
    announcements,
    locks,
    tids,
    removals,
  } = parts

  const checkApplication = async (application: Application, did: Did | null): Promise<Handle> => {
    const { email, password, inviteCode, byOperator = false } = application
    if (password.length === 0 || password.length > MAX_PASSWORD_LENGTH) {
      throw new PdsError('invalid-password', `Password must have 1 to ${MAX_PASSWORD_LENGTH} characters`)
    }
    checkEmail(email)
    if (parts.inviteRequired && !byOperator) invites.check(inviteCode)
    const handle = await handles.check(application.handle, did, byOperator)
    if (accounts.byHandle(handle) !== null)
      throw new PdsError('handle-taken', `Handle already taken: ${handle}`)
    if (email !== null && accounts.byEmail(email) !== null) {
      throw new PdsError('email-taken', `Email already taken: ${email}`)
    }
    return handle
  }

  /** Stores account, first commit and (for an active account) events, all in one transaction. */
  const keep = async (
    did: Did,
    handle: Handle,
    key: Keypair,
    application: Application,
    passwordHash: string,
    active: boolean,
  ): Promise<Account> => {
    const now = new Date().toISOString()
    const commit = await applyWrites({ did, head: null, store, writes: [], signer: key, rev: tids.next() })
    await store.apply(commit, (db) => {
      reservedKeys.release(did)
      accounts.insert({
        did,
        handle,
        email: application.email,
        passwordHash,
        signingKey: key.exportPrivateKey(),
        createdAt: now,
        deactivatedAt: active ? null : now,
      })
      if (application.inviteCode !== undefined && application.inviteCode !== '' && parts.inviteRequired) {
        invites.use(application.inviteCode, did)
      }
      if (active) announce(db, accounts.get(did)!, commit)
    })
    return accounts.get(did)!
  }

  const announce = (db: Database, account: Account, commit: CommitData): void => {
    const { did } = account
    announcements.identity(db, did, account.handle)
    announcements.account(db, account)
    const time = new Date().toISOString() as `${string}T${string}`
    void log.append(db, { did, type: '#commit', body: toCommitEvent(commit, time) })
    void log.append(db, { did, type: '#sync', body: toSyncEvent(commit, time) })
  }

  const create: Registration['create'] = async (application) => {
    const handle = await checkApplication(application, null)
    const key = createKeypair('k256')
    // Hashing runs on the thread pool while the identity is composed and registered.
    const [hash, identity] = await Promise.all([
      hashPassword(application.password),
      identities.compose(handle, key.didKey, application.recoveryKey ?? null).then(async (composed) => {
        await identities.register(composed)
        return composed
      }),
    ])
    try {
      const account = await keep(identity.did, handle, key, application, hash, true)
      return { account, document: identity.document }
    } catch (error) {
      await identities.withdraw(identity)
      throw error
    }
  }

  const adopt: Registration['adopt'] = async (did, application) => {
    if (accounts.get(did) !== null)
      throw new PdsError('invalid-request', `Account already exists; did=${did}`)
    const handle = await checkApplication(application, did)
    const hash = await hashPassword(application.password)
    const reserved = reservedKeys.find(did)
    const key = reserved === null ? createKeypair('k256') : importKeypair('k256', reserved)
    // A former account of this DID may be on its way out: its lock is free when it is gone, its blobs go first.
    return locks.run(did, async () => {
      await removals.blobsGone(did)
      return keep(did, handle, key, application, hash, false)
    })
  }

  // Two applications for one handle run one after the other, so that the second sees the first.
  const serially = <T>(application: Application, task: () => Promise<T>): Promise<T> =>
    locks.run(`handle:${application.handle.toLowerCase()}`, task)

  return {
    create: (application) => serially(application, () => create(application)),
    adopt: (did, application) => serially(application, () => adopt(did, application)),
  }
}
