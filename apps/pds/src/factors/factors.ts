import { randomBytes } from 'node:crypto'

import type { AccountChange, AccountStore, Factor } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import { shownHandle, type Account } from '../account.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { PdsError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { Challenges, ChangeMaker, Visitor } from './challenges.ts'
import { makeRecoveryCodes, readCode, recoveryHash } from './codes.ts'
import { endedByEmailFactor, endedByFactor } from './endings.ts'
import type { Seal } from './sealed.ts'
import { invalidFactor, totpContext, type FactorLetters } from './second-factor.ts'
import { base32, matchTotp, totpUri } from './totp.ts'
import { readRegistration, type CreationOptions } from './webauthn-json.ts'
import type { RelyingParty } from './webauthn.ts'

/** A factor as its owner sees it. */
export type FactorView = Pick<Factor, 'id' | 'kind' | 'name' | 'createdAt' | 'lastUsedAt'>

/** The factors of an account. */
export interface FactorList {
  readonly factors: readonly FactorView[]
  /** Whether codes are mailed to sign in. */
  readonly email: boolean
  /** How many recovery codes are left. */
  readonly recoveryCodes: number
}

/** A factor that was added. */
export interface AddedFactor {
  readonly factor: FactorView
  /** Made with the first factor, and shown this once; null where the account has some already. */
  readonly recoveryCodes: readonly string[] | null
}

/**
 * Factors of the accounts, for their owners and for the operator. Whoever calls has made sure who asks. What adds or removes one ends the
 * sessions that began with the account's own password, is in the audit log, and is told the owner by mail.
 */
export interface Factors {
  list(did: Did): Promise<FactorList>
  /** Begins to add an authenticator app: its secret, and the same as a URI for a QR code. */
  beginTotp(account: Account, visitor: Visitor): Promise<{ ticket: string; secret: string; uri: string }>
  /** What was begun with a ticket, to be shown once more. @throws PdsError `challenge-ended` */
  resumeTotp(account: Account, ticket: string, visitor: Visitor): Promise<{ secret: string; uri: string }>
  /** Adds the app, which shows that it has the secret. @throws PdsError `challenge-ended`, `factor-invalid`, `invalid-request` */
  finishTotp(did: Did, answer: TotpAnswer, visitor: Visitor): Promise<AddedFactor>
  /** Begins to add a passkey: what the page hands to `navigator.credentials.create`. */
  beginPasskey(account: Account, visitor: Visitor): Promise<{ ticket: string; options: CreationOptions }>
  /** Adds the passkey. One answer, right or wrong, ends what was begun. @throws PdsError as `finishTotp` */
  finishPasskey(did: Did, answer: PasskeyAnswer, visitor: Visitor): Promise<AddedFactor>
  /** @throws PdsError `not-found`, `invalid-request` */
  rename(did: Did, id: string, name: string): Promise<void>
  /** @throws PdsError `not-found` */
  remove(did: Did, id: string, visitor: Visitor): Promise<void>
  /** New ones in the place of those that are left, shown this once. @throws PdsError `invalid-request` where no factor needs them */
  renewRecoveryCodes(did: Did, visitor: Visitor): Promise<readonly string[]>
  /**
   * For the operator, who records it: removes a factor by its id, `email`, `recovery-codes`, or `all`.
   * @returns what was removed, in words. @throws PdsError `not-found`
   */
  removeFor(account: Account, which: string): Promise<string[]>
}

/** What an app shows when it is added. */
export interface TotpAnswer {
  readonly ticket: string
  readonly code: string
  readonly name: string
}

/** What a browser gives back for a new passkey. */
export interface PasskeyAnswer {
  readonly ticket: string
  /** As `PublicKeyCredential.toJSON` writes it. */
  readonly response: unknown
  readonly name: string
}

/** What factors compose. */
export interface FactorsParts {
  readonly store: Pick<AccountStore, 'accounts' | 'factors'>
  readonly changes: ChangeMaker
  readonly challenges: Challenges
  readonly seal: Seal
  readonly relyingParty: RelyingParty
  readonly letters: Pick<FactorLetters, 'tellLater'>
  readonly audit: Pick<AuditLog, 'record'>
  readonly log: Logger
  /** Names the server in authenticator apps. */
  readonly hostname: string
  readonly now?: () => number
}

/** Factors of one kind that an account may have. Each app makes a guessed code three times as likely to be one. */
const MAX_FACTORS = { passkey: 20, totp: 2 } as const
/** How they are called in letters and in the audit log. */
const KINDS = { passkey: 'passkey', totp: 'authenticator app' } as const
const MAX_NAME = 64
const SECRET_BYTES = 20

/** Factors in `store`. */
export function createFactors(parts: FactorsParts): Factors {
  const { store, changes, challenges, seal, relyingParty, letters, audit, log, hostname } = parts
  const { now = Date.now } = parts

  const accountOf = async (did: Did): Promise<Account> => {
    const account = await store.accounts.get(did)
    if (account === null) throw new PdsError('account-not-found', 'Account not found')
    return account
  }

  const hasFactor = async ({ did, emailAuthFactor }: Account): Promise<boolean> =>
    emailAuthFactor || (await store.factors.list(did)).length > 0

  /** A secret for people, and for apps. */
  const written = (account: Account, secret: Uint8Array): { secret: string; uri: string } => ({
    secret: base32(secret),
    uri: totpUri(secret, hostname, shownHandle(account)),
  })

  const record = async (
    action: string,
    did: Did,
    { address }: Visitor,
    detail: Record<string, unknown>,
  ): Promise<void> => {
    try {
      await audit.record({ action, actor: 'account', did, address, error: null, attempt: false, detail })
    } catch (error) {
      // What was done is done, and recovery codes are shown this once.
      log.error({ err: error, action }, 'the audit log failed')
    }
  }

  /** Adds a factor, uses up what was begun for it, and makes recovery codes with the first. */
  const add = async (
    factor: Omit<Factor, 'lastUsedAt'>,
    spending: AccountChange,
    visitor: Visitor,
  ): Promise<AddedFactor> => {
    const { did, id, kind, name, createdAt } = factor
    const account = await accountOf(did)
    // Codes of a time before are forgotten by now, or known to somebody: with the first factor there are new ones.
    const isFirst = !(await hasFactor(account))
    const codes = isFirst || (await store.factors.recoveryCodes(did)) === 0 ? makeRecoveryCodes() : null
    await changes.apply([
      spending,
      { type: 'addFactor', factor, max: MAX_FACTORS[kind] },
      ...(codes === null ? [] : [recoveryChange(did, codes)]),
      ...endedByFactor(did),
    ])
    await record(`${KINDS[kind]} added`, did, visitor, { name })
    letters.tellLater(account, 'factor-added', describe(kind, name))
    return { factor: { id, kind, name, createdAt, lastUsedAt: null }, recoveryCodes: codes }
  }

  const removing = (did: Did, gone: readonly Factor[]): AccountChange[] => [
    ...gone.map(({ id }): AccountChange => ({ type: 'removeFactor', did, id })),
    ...endedByFactor(did),
  ]

  return {
    list: async (did) => {
      const { emailAuthFactor } = await accountOf(did)
      const factors = (await store.factors.list(did)).map(({ id, kind, name, createdAt, lastUsedAt }) => ({
        id,
        kind,
        name,
        createdAt,
        lastUsedAt,
      }))
      return { factors, email: emailAuthFactor, recoveryCodes: await store.factors.recoveryCodes(did) }
    },
    beginTotp: async (account, visitor) => {
      const { did } = account
      const secret = new Uint8Array(randomBytes(SECRET_BYTES))
      const sealed = seal.seal(secret, totpContext(did))
      const { ticket } = await challenges.begin('add-totp', did, visitor, sealed)
      return { ticket, ...written(account, secret) }
    },
    resumeTotp: async (account, ticket, visitor) => {
      const challenge = await challenges.open(ticket, 'add-totp', visitor)
      const secret =
        challenge.did === account.did ? seal.open(challenge.secret, totpContext(account.did)) : null
      if (secret === null) throw new PdsError('challenge-ended', 'It was begun by somebody else: begin again')
      return written(account, secret)
    },
    finishTotp: async (did, { ticket, code, name }, visitor) => {
      const shown = readName(name)
      const challenge = await challenges.tryAnswer(ticket, 'add-totp', visitor)
      const secret = challenge.did === did ? seal.open(challenge.secret, totpContext(did)) : null
      const read = readCode(code)
      if (secret === null || read?.kind !== 'totp') throw invalidFactor()
      const step = matchTotp(secret, read.text, -1, now())
      if (step === null) throw invalidFactor()
      const factor = {
        id: randomBytes(16).toString('base64url'),
        did,
        kind: 'totp',
        name: shown,
        secret: challenge.secret,
        // The code that was shown here signs nobody in.
        counter: step,
        transports: [],
        createdAt: new Date(now()).toISOString(),
      } as const
      return add(factor, challenges.spending(challenge), visitor)
    },
    beginPasskey: async (account, visitor) => {
      const { did } = account
      const known = (await store.factors.list(did)).filter(({ kind }) => kind === 'passkey')
      const { ticket, secret } = await challenges.begin('add-passkey', did, visitor)
      const owner = { did, name: shownHandle(account) }
      return { ticket, options: relyingParty.creationOptions(owner, secret, known) }
    },
    finishPasskey: async (did, { ticket, response, name }, visitor) => {
      const shown = readName(name)
      const challenge = await challenges.open(ticket, 'add-passkey', visitor)
      const read = challenge.did === did ? readRegistration(response) : null
      const made = read === null ? null : await relyingParty.verifyNew(read, challenge.secret)
      const spending = challenges.spending(challenge)
      if (made === null) {
        await changes.apply([spending])
        throw invalidFactor()
      }
      const { id, publicKey, counter, transports } = made
      const createdAt = new Date(now()).toISOString()
      const common = { id, did, kind: 'passkey', name: shown, secret: publicKey } as const
      return add({ ...common, counter, transports, createdAt }, spending, visitor)
    },
    rename: async (did, id, name) => changes.apply([{ type: 'renameFactor', did, id, name: readName(name) }]),
    remove: async (did, id, visitor) => {
      const account = await accountOf(did)
      const factor = await store.factors.get(id)
      if (factor?.did !== did) throw new PdsError('not-found', 'There is no such factor')
      const { kind, name } = factor
      await changes.apply(removing(did, [factor]))
      await record(`${KINDS[kind]} removed`, did, visitor, { name })
      letters.tellLater(account, 'factor-removed', describe(kind, name))
    },
    renewRecoveryCodes: async (did, visitor) => {
      const account = await accountOf(did)
      if (!(await hasFactor(account))) {
        throw new PdsError('invalid-request', 'Recovery codes are for accounts with a second factor')
      }
      const codes = makeRecoveryCodes()
      await changes.apply([recoveryChange(did, codes), { type: 'dropChallenges', did }])
      await record('recovery codes made', did, visitor, {})
      letters.tellLater(account, 'recovery-codes-made')
      return codes
    },
    removeFor: async (account, which) => {
      const { did } = account
      const all = await store.factors.list(did)
      const gone = all.filter(({ id }) => which === 'all' || which === id)
      const email = (which === 'all' || which === 'email') && account.emailAuthFactor
      const recovery = which === 'all' || which === 'recovery-codes'
      if (gone.length === 0 && !email && !recovery) {
        throw new PdsError('not-found', 'There is no such factor')
      }
      const removed = gone.map(({ kind, name }) => describe(kind, name))
      if (email) removed.push('codes by mail')
      if (recovery) removed.push('recovery codes')
      await changes.apply([
        ...(gone.length > 0 ? removing(did, gone) : endedByEmailFactor(did)),
        ...(email ? [{ type: 'updateAccount', did, set: { emailAuthFactor: false } } as const] : []),
        ...(recovery ? [recoveryChange(did, [])] : []),
      ])
      for (const what of removed) letters.tellLater(account, 'factor-removed', what)
      return removed
    },
  }
}

const recoveryChange = (did: Did, codes: readonly string[]): AccountChange => ({
  type: 'setRecoveryCodes',
  did,
  hashes: codes.map((code) => recoveryHash(code.replaceAll('-', ''))),
})

const describe = (kind: Factor['kind'], name: string): string => `the ${KINDS[kind]} "${name}"`

/** Whether a factor may have a name, as people see it in lists and letters. */
export function isFactorName(name: string): boolean {
  return name !== '' && name.length <= MAX_NAME && !/[\p{C}\p{Zl}\p{Zp}]/u.test(name)
}

/** A name that factors may have. @throws PdsError `invalid-request` */
function readName(name: string): string {
  const text = name.trim()
  if (!isFactorName(text)) {
    throw new PdsError('invalid-request', `A name has 1 to ${MAX_NAME} characters`)
  }
  return text
}
