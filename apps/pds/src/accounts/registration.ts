import type { AccountChange } from '@avocet/accounts'
import { createKeypair, importKeypair, type Keypair } from '@avocet/crypto'
import { applyWrites, toCommitEvent, type CommitData } from '@avocet/repo'
import type { NewEvent } from '@avocet/sequencer'
import type { Datetime, Did, Handle, TidClock } from '@avocet/syntax'
import { accountEvent, identityEvent, syncEvent, type KeyedLock, type Removals } from '@avocet/repo-server'

import { PdsError } from '../errors.ts'
import type { HandlePolicy } from '../identity/handles.ts'
import type { Identities, NewIdentity } from '../identity/identities.ts'
import type { Stores } from '../stores/stores.ts'
import type { Account } from '../account.ts'
import { requireDone } from './changes.ts'
import { checkEmail } from './email-address.ts'
import type { Invites } from './invites.ts'
import { hashPassword, MAX_PASSWORD_LENGTH } from './passwords.ts'
import type { ReservedKeys } from './reserved-keys.ts'
import type { NewSession, Sessions, SessionTokens } from './sessions.ts'

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

/** An account that was made, signed in. */
export interface Registered {
  readonly account: Account
  readonly tokens: SessionTokens
}

/** Making accounts. Either everything of an account and its first session is there afterwards, or nothing. */
export interface Registration {
  /** An account with a new did:plc. */
  create(application: Application): Promise<Registered & { document: NewIdentity['document'] }>
  /** The same without a session, for whoever signs in at the pages of this server. */
  enrol(application: Application): Promise<Account>
  /** A deactivated account for a DID that exists; the caller has proved that it is theirs. */
  adopt(did: Did, application: Application): Promise<Registered>
}

/** What is made of an account before anything of it is stored. */
interface Prepared {
  readonly did: Did
  readonly key: Keypair
  readonly commit: CommitData
}

/** What registration composes. */
export interface RegistrationParts {
  readonly stores: Pick<Stores, 'accounts' | 'server' | 'apply'>
  readonly invites: Invites
  readonly inviteRequired: boolean
  readonly reservedKeys: ReservedKeys
  readonly handles: HandlePolicy
  readonly identities: Identities
  readonly sessions: Pick<Sessions, 'prepare'>
  readonly locks: KeyedLock
  readonly tids: TidClock
  readonly removals: Pick<Removals, 'blobsGone'>
}

/** Registration over the stores of this server. */
export function createRegistration(parts: RegistrationParts): Registration {
  const { stores, invites, reservedKeys, handles, identities, sessions, locks, tids, removals } = parts
  const { accounts, server } = stores

  const checkApplication = async (application: Application, did: Did | null): Promise<Handle> => {
    const { email, password, inviteCode, byOperator = false } = application
    if (password.length === 0 || password.length > MAX_PASSWORD_LENGTH) {
      throw new PdsError('invalid-password', `Password must have 1 to ${MAX_PASSWORD_LENGTH} characters`)
    }
    checkEmail(email)
    if (parts.inviteRequired && !byOperator) await invites.check(inviteCode)
    const handle = await handles.check(application.handle, did, byOperator)
    if ((await accounts.byHandle(handle)) !== null) {
      throw new PdsError('handle-taken', `Handle already taken: ${handle}`)
    }
    if (email !== null && (await accounts.byEmail(email)) !== null) {
      throw new PdsError('email-taken', `Email already taken: ${email}`)
    }
    return handle
  }

  /** What can be made before the password is hashed: the empty repository's commit. */
  const prepare = async (did: Did, key: Keypair): Promise<Prepared> => {
    const rev = tids.next()
    const commit = await applyWrites({ did, head: null, store: server.repos, writes: [], signer: key, rev })
    return { did, key, commit }
  }

  /** Stores account, first commit, session (if any) and (for an active account) events, all in one transaction. */
  const keep = async (
    { did, key, commit }: Prepared,
    handle: Handle,
    application: Application,
    passwordHash: string,
    session: NewSession | null,
    active: boolean,
  ): Promise<Account> => {
    const now = new Date().toISOString()
    const { email, inviteCode = '' } = application
    const account = {
      did,
      handle,
      email,
      passwordHash,
      signingKey: key.exportPrivateKey(),
      createdAt: now,
      deactivatedAt: active ? null : now,
    }
    const changes: AccountChange[] = [
      { type: 'releaseKey', did },
      { type: 'createAccount', account },
      ...(session === null ? [] : [session.change]),
    ]
    if (inviteCode !== '' && parts.inviteRequired) {
      changes.push({ type: 'useInvite', code: inviteCode, did, at: now })
    }
    const events = active ? announcing({ did, handle }, commit) : []
    const status = active ? 'active' : 'deactivated'
    const first = { type: 'commit', did, commit, records: [], claims: [], events, status } as const
    requireDone(await stores.apply({ accounts: changes, repos: [first] }))
    return (await accounts.get(did))!
  }

  /** What relays are told of a new account. */
  const announcing = ({ did, handle }: Pick<Account, 'did' | 'handle'>, commit: CommitData): NewEvent[] => [
    identityEvent(did, handle),
    accountEvent(did, 'active'),
    { did, type: '#commit', body: toCommitEvent(commit, new Date().toISOString() as Datetime) },
    syncEvent(commit),
  ]

  /** @param begin makes the first session of the new account; null for none */
  const make = async <S extends NewSession | null>(
    application: Application,
    begin: (did: Did) => Promise<S>,
  ): Promise<{ account: Account; session: S; document: NewIdentity['document'] }> => {
    const handle = await checkApplication(application, null)
    const key = createKeypair('k256')
    // Hashing runs on the thread pool while everything else is composed and the identity is registered.
    const [hash, { identity, prepared, session }] = await Promise.all([
      hashPassword(application.password),
      identities.compose(handle, key.didKey, application.recoveryKey ?? null).then(async (composed) => {
        const { did } = composed
        const [made, begun] = await Promise.all([
          prepare(did, key),
          begin(did),
          identities.register(composed),
        ])
        return { identity: composed, prepared: made, session: begun }
      }),
    ])
    try {
      const account = await keep(prepared, handle, application, hash, session, true)
      return { account, session, document: identity.document }
    } catch (error) {
      await identities.withdraw(identity)
      throw error
    }
  }

  const adopt: Registration['adopt'] = async (did, application) => {
    if ((await accounts.get(did)) !== null) {
      throw new PdsError('invalid-request', `Account already exists; did=${did}`)
    }
    const handle = await checkApplication(application, did)
    const hash = await hashPassword(application.password)
    const reserved = await reservedKeys.find(did)
    const key = reserved === null ? createKeypair('k256') : importKeypair('k256', reserved)
    // A former account of this DID may be on its way out: its lock is free when it is gone, its blobs go first.
    return locks.run(did, async () => {
      await removals.blobsGone(did)
      const [prepared, session] = await Promise.all([prepare(did, key), sessions.prepare(did)])
      const account = await keep(prepared, handle, application, hash, session, false)
      return { account, tokens: session.tokens }
    })
  }

  // Two applications for one handle run one after the other, so that the second sees the first.
  const serially = <T>(application: Application, task: () => Promise<T>): Promise<T> =>
    locks.run(`handle:${application.handle.toLowerCase()}`, task)

  return {
    create: (application) =>
      serially(application, async () => {
        const { session, ...made } = await make(application, (did) => sessions.prepare(did))
        return { ...made, tokens: session.tokens }
      }),
    enrol: (application) =>
      serially(application, async () => (await make(application, () => Promise.resolve(null))).account),
    adopt: (did, application) => serially(application, () => adopt(did, application)),
  }
}
