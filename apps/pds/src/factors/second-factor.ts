import type { AccountChange, AccountStore, Factor } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import type { Account } from '../account.ts'
import { PdsError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { CodeLimits } from './code-limits.ts'
import { readCode, recoveryHash } from './codes.ts'
import type { Seal } from './sealed.ts'
import { matchTotp } from './totp.ts'
import { readAssertion } from './webauthn-json.ts'
import type { RelyingParty } from './webauthn.ts'

/** What an account may be asked for beside its password. A recovery code is good wherever one of the others is. */
export type SecondFactorKind = 'passkey' | 'totp' | 'email' | 'recovery'

/** What shows that somebody has a factor. */
export interface Proof {
  /** Null where the account asks for none. */
  readonly kind: SecondFactorKind | null
  /** They use it up, and belong into the transaction that lets them in: if it is not applied, the proof was none. */
  readonly changes: readonly AccountChange[]
}

/** What guards a password. */
export interface SecondFactor {
  /** What the account asks for; empty for one that its password opens. */
  kinds(account: Account): Promise<readonly SecondFactorKind[]>
  /**
   * Of whoever gave the right password to `createSession`: a mailed code, one of an app or a recovery code. Without one, a code is
   * mailed to those who chose that.
   * @param code absent or empty where none was given
   * @throws PdsError `factor-required`, `factor-invalid`, `too-many-at-once`, and what a letter fails with
   */
  forSession(account: Account, code: string | undefined, address: string | null): Promise<Proof>
  /** By a code that was typed. @throws PdsError `factor-invalid`, `too-many-at-once` */
  byCode(account: Account, code: string, address: string | null): Promise<Proof>
  /** By a passkey of the account. @throws PdsError `factor-invalid` */
  byPasskey(account: Account, challenge: Uint8Array, response: unknown): Promise<Proof>
  /** Mails a code to sign in with. @throws PdsError `too-many-at-once`, and what a letter fails with */
  mailCode(account: Account, address: string | null): Promise<void>
  /** Tells the owner, once a proof let somebody in, of what they should know. */
  used(account: Account, proof: Proof): Promise<void>
}

/** What of letters factors need. */
export interface FactorLetters {
  /** @throws PdsError */
  sendCode(account: Account, purpose: 'sign-in'): Promise<void>
  /** After the present request; an account without an address is told nothing. @param detail what is in question */
  tellLater(account: Account, news: FactorNews, detail?: string): void
}

/** What owners are told of their factors. */
export type FactorNews =
  | 'factor-added'
  | 'factor-removed'
  | 'recovery-codes-made'
  | 'recovery-code-used'
  | 'codes-guessed'
  | 'passkey-copied'

/** What second factors compose. */
export interface SecondFactorParts {
  readonly store: Pick<AccountStore, 'factors'>
  readonly seal: Seal
  readonly relyingParty: RelyingParty
  /** What uses up a code mailed to sign in. */
  readonly spending: (token: string, did: Did) => AccountChange
  readonly letters: FactorLetters
  readonly limits: CodeLimits
  readonly log: Logger
  readonly now?: () => number
}

/** Whose secret of an app it is, for its seal. */
export const totpContext = (did: Did): string => `totp of ${did}`

/** What a client gets for whatever is wrong about a code: the words that clients look for. */
export const invalidFactor = (cause?: unknown): PdsError =>
  new PdsError('factor-invalid', 'Token is invalid', cause === undefined ? {} : { cause })

/** Second factors of the accounts in `store`. */
export function createSecondFactor(parts: SecondFactorParts): SecondFactor {
  const { store, seal, relyingParty, spending, letters, limits, log, now = Date.now } = parts

  const kindsOf = (account: Account, factors: readonly Factor[]): SecondFactorKind[] => {
    const kinds: SecondFactorKind[] = []
    if (factors.some(({ kind }) => kind === 'passkey')) kinds.push('passkey')
    if (factors.some(({ kind }) => kind === 'totp')) kinds.push('totp')
    if (account.emailAuthFactor) kinds.push('email')
    return kinds.length === 0 ? [] : [...kinds, 'recovery']
  }
  const kinds: SecondFactor['kinds'] = async (account) =>
    kindsOf(account, await store.factors.list(account.did))

  const using = ({ did, id, counter }: Factor, to: number): AccountChange => ({
    type: 'useFactor',
    did,
    id,
    from: counter,
    to,
    at: new Date(now()).toISOString(),
  })

  const byTotp = async (account: Account, code: string, address: string | null): Promise<Proof> => {
    const apps = (await store.factors.list(account.did)).filter(({ kind }) => kind === 'totp')
    if (apps.length === 0) throw invalidFactor()
    await limits.guess(account.did, address)
    let found: AccountChange | null = null
    for (const app of apps) {
      const secret = seal.open(app.secret, totpContext(app.did))
      if (secret === null) {
        log.error({ did: app.did, id: app.id }, 'the secret of an authenticator app does not open')
        continue
      }
      const step = matchTotp(secret, code, app.counter, now())
      if (step !== null) found = using(app, step)
    }
    if (found === null) throw invalidFactor()
    return { kind: 'totp', changes: [found] }
  }

  const byCode: SecondFactor['byCode'] = async (account, typed, address) => {
    const code = readCode(typed)
    if (code === null) throw invalidFactor()
    if (code.kind === 'totp') return byTotp(account, code.text, address)
    if (code.kind === 'recovery') {
      const hash = recoveryHash(code.text)
      return { kind: 'recovery', changes: [{ type: 'spendRecoveryCode', did: account.did, hash }] }
    }
    if (!account.emailAuthFactor) throw invalidFactor()
    return { kind: 'email', changes: [spending(code.text, account.did)] }
  }

  const mailCode: SecondFactor['mailCode'] = async (account, address) => {
    await limits.mail(account.did, address)
    await letters.sendCode(account, 'sign-in')
  }

  return {
    kinds,
    byCode,
    mailCode,
    forSession: async (account, code, address) => {
      const asked = await kinds(account)
      // Empty for a client whose field for it is empty yet.
      const given = code === undefined ? '' : code.trim()
      if (asked.length === 0) {
        return { kind: null, changes: [{ type: 'requireNoFactors', did: account.did }] }
      }
      if (given !== '') return byCode(account, given, address)
      if (account.emailAuthFactor) await mailCode(account, address)
      throw new PdsError('factor-required', neededText(asked))
    },
    byPasskey: async (account, challenge, response) => {
      const assertion = readAssertion(response)
      const passkey = assertion === null ? null : await store.factors.get(assertion.id)
      if (assertion === null || passkey?.kind !== 'passkey' || passkey.did !== account.did) {
        throw invalidFactor()
      }
      const shown = await relyingParty.verify(assertion, challenge, passkey)
      if (shown.ok) return { kind: 'passkey', changes: [using(passkey, shown.counter)] }
      if (shown.reason === 'copied') letters.tellLater(account, 'passkey-copied', passkey.name)
      throw invalidFactor()
    },
    used: async (account, { kind }) => {
      if (kind !== 'recovery') return
      try {
        const left = await store.factors.recoveryCodes(account.did)
        letters.tellLater(account, 'recovery-code-used', String(left))
      } catch (error) {
        // Its owner is in already, and could not use it again.
        log.error({ err: error, did: account.did }, 'nobody is told that a recovery code was used')
      }
    },
  }
}

function neededText(asked: readonly SecondFactorKind[]): string {
  if (asked.includes('email')) return 'A sign in code has been sent to your email address'
  if (asked.includes('totp')) return 'A code of your authenticator app, or a recovery code, is required'
  return 'This account signs in with a passkey: use an app password, or a recovery code'
}
