import type { AccountChange, AccountStore } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import type { Account } from '../account.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { findByLogin, loginKeyOf } from '../auth/lookup.ts'
import { PdsError } from '../errors.ts'
import type { Challenges, Visitor } from '../factors/challenges.ts'
import type { CodeLimits } from '../factors/code-limits.ts'
import {
  invalidFactor,
  type Proof,
  type SecondFactor,
  type SecondFactorKind,
} from '../factors/second-factor.ts'
import { readAssertion, type RequestOptions } from '../factors/webauthn-json.ts'
import type { RelyingParty } from '../factors/webauthn.ts'
import type { Logger } from '../logger.ts'
import { toXrpcError } from '../wire-errors.ts'
import { requireDone } from './changes.ts'
import type { LoginBrake } from './login-brake.ts'
import { checkPassword, noSooner, samePassword, wrongPassword } from './password-check.ts'

/** What a right password leads to. */
export type PasswordOutcome =
  | { readonly needs: null; readonly account: Account }
  | {
      readonly needs: 'factor'
      readonly kinds: readonly SecondFactorKind[]
      /** For `answer`, `mailCode`: good for five minutes and five answers of this browser. */
      readonly ticket: string
      /** For `navigator.credentials.get`; null for an account without a passkey. */
      readonly passkey: RequestOptions | null
    }

/** How somebody answers that a second factor is needed. */
export type FactorAnswer =
  | { readonly code: string }
  /** As `PublicKeyCredential.toJSON` writes it. */
  | { readonly passkey: unknown }

/**
 * Signing in at the pages of this server: by the account's own password with what guards it, or by a passkey alone. App passwords let
 * nobody in there. What somebody did, and tried in vain, is in the audit log.
 */
export interface SignIns {
  /**
   * @param identifier DID, handle or email address
   * @throws PdsError `auth-required`, `account-takendown`, `too-many-at-once`, and what a letter with a code fails with
   */
  signIn(identifier: string, password: string, visitor: Visitor): Promise<PasswordOutcome>
  /** Mails (once more) the code to sign in with. @throws PdsError `challenge-ended`, `factor-invalid` for an account without such codes */
  mailCode(ticket: string, visitor: Visitor): Promise<void>
  /** What `passkey` of the outcome was, for the page once more; null where it was null. @throws PdsError `challenge-ended` */
  passkeyOptions(ticket: string, visitor: Visitor): Promise<RequestOptions | null>
  /** @throws PdsError `challenge-ended`, `factor-invalid`, `account-takendown`, `too-many-at-once` */
  answer(ticket: string, answer: FactorAnswer, visitor: Visitor): Promise<Account>
  /** What a page hands to `navigator.credentials.get`, for whichever passkey its visitor chooses. @throws PdsError `too-many-at-once` */
  beginPasskey(visitor: Visitor): Promise<{ ticket: string; options: RequestOptions }>
  /**
   * One answer, right or wrong, ends what was begun.
   * @param response as `PublicKeyCredential.toJSON` writes it
   * @throws PdsError `challenge-ended`, `factor-invalid`, `account-takendown`
   */
  signInWithPasskey(ticket: string, response: unknown, visitor: Visitor): Promise<Account>
}

/** What signing in composes. */
export interface SignInParts {
  readonly store: AccountStore
  readonly secondFactor: SecondFactor
  readonly challenges: Challenges
  readonly relyingParty: RelyingParty
  readonly limits: Pick<CodeLimits, 'signIn' | 'begin'>
  readonly brake: LoginBrake
  readonly audit: Pick<AuditLog, 'record'>
  readonly log: Logger
  /** The least time that a check of a password takes. */
  readonly floorMs: number
}

/** Signing in to the accounts in `store`. */
export function createSignIns(parts: SignInParts): SignIns {
  const { store, secondFactor, challenges, relyingParty, limits, brake, audit, log, floorMs } = parts

  /** Keeps what became of an attempt. @param about whoever it was about, once that is known */
  const recorded = async <T extends Account | PasswordOutcome>(
    visitor: Visitor,
    attempt: (about: (account: Account, kind: string) => void) => Promise<T>,
  ): Promise<T> => {
    let known: { readonly did: string; readonly kind: string } | null = null
    const about = ({ did }: Account, kind: string): void => void (known = { did, kind })
    const record = async (error: string | null): Promise<void> => {
      try {
        await audit.record({
          action: 'sign-in',
          actor: error === null ? 'account' : 'stranger',
          did: known?.did ?? null,
          address: visitor.address,
          error,
          attempt: error !== null,
          detail: known === null ? {} : { kind: known.kind },
        })
      } catch (cause) {
        // Whoever is in is in; that it could not be noted is for the operator.
        log.error({ err: cause }, 'the audit log failed')
      }
    }
    try {
      const result = await attempt(about)
      // A password that needs a factor is no sign-in yet.
      if (!('needs' in result) || result.needs === null) await record(null)
      return result
    } catch (error) {
      await record(toXrpcError(error)?.error ?? 'InternalServerError')
      throw error
    }
  }

  const requireStanding = (account: Account | null): Account => {
    if (account === null) throw wrongPassword()
    if (account.takedownRef !== null) {
      throw new PdsError('account-takendown', 'Account has been taken down')
    }
    return account
  }

  /** @throws PdsError `factor-invalid` where what was shown is not so any more, `challenge-ended` where another answer was first */
  const finish = async (spending: AccountChange, { changes }: Proof): Promise<void> => {
    const outcome = await store.apply([spending, ...changes])
    if (outcome.status === 'refused' && outcome.reason === 'challenge-ended') requireDone(outcome)
    if (outcome.status !== 'applied') throw invalidFactor()
  }

  const optionsOf = async (did: Did, secret: Uint8Array): Promise<RequestOptions | null> => {
    const passkeys = (await store.factors.list(did)).filter(({ kind }) => kind === 'passkey')
    return passkeys.length === 0 ? null : relyingParty.requestOptions(secret, passkeys)
  }

  const byPassword = async (identifier: string, password: string, visitor: Visitor) => {
    const { account, hash, main } = await checkPassword(store, identifier, password)
    if (!main) throw wrongPassword()
    const owner = requireStanding(account)
    const { did } = owner
    const kinds = await secondFactor.kinds(owner)
    if (kinds.length === 0) {
      const outcome = await store.apply([samePassword(did, hash), { type: 'requireNoFactors', did }])
      if (outcome.status !== 'applied') throw wrongPassword()
      return { needs: null, account: owner } as const
    }
    const { ticket, secret } = await challenges.begin('sign-in', did, visitor)
    // A password that was changed meanwhile has ended the tickets that were there; this one is ended by the change it comes after.
    const outcome = await store.apply([samePassword(did, hash)])
    if (outcome.status !== 'applied') {
      await store.apply([{ type: 'dropChallenges', did }])
      throw wrongPassword()
    }
    const passkey = await optionsOf(did, secret)
    // Whoever has nothing else waits for the letter; others ask for it.
    if (kinds.every((kind) => kind === 'email' || kind === 'recovery')) {
      await secondFactor.mailCode(owner, visitor.address)
    }
    return { needs: 'factor', kinds, ticket, passkey } as const
  }

  return {
    signIn: (identifier, password, visitor) =>
      recorded(visitor, async (about) => {
        const named = await findByLogin(store.accounts, identifier)
        const key = loginKeyOf(named, identifier)
        if (named !== null) about(named, 'password')
        await limits.signIn(key, visitor.address)
        const attempt = () => noSooner(floorMs, () => byPassword(identifier, password, visitor))
        const outcome = await brake.slow(key, visitor.address, attempt)
        if (outcome.needs === null) await brake.trust(outcome.account.did, visitor.address)
        return outcome
      }),
    mailCode: async (ticket, visitor) => {
      const challenge = await challenges.open(ticket, 'sign-in', visitor)
      const account = requireStanding(await store.accounts.get(challenge.did!))
      if (!account.emailAuthFactor) throw invalidFactor()
      await secondFactor.mailCode(account, visitor.address)
    },
    passkeyOptions: async (ticket, visitor) => {
      const { did, secret } = await challenges.open(ticket, 'sign-in', visitor)
      return optionsOf(did!, secret)
    },
    answer: (ticket, answer, visitor) =>
      recorded(visitor, async (about) => {
        const { did } = await challenges.open(ticket, 'sign-in', visitor)
        return brake.guard(did!, visitor.address, async () => {
          const challenge = await challenges.tryAnswer(ticket, 'sign-in', visitor)
          const account = requireStanding(await store.accounts.get(did!))
          about(account, 'password, and a factor')
          const proof =
            'code' in answer
              ? await secondFactor.byCode(account, answer.code, visitor.address)
              : await secondFactor.byPasskey(account, challenge.secret, answer.passkey)
          about(account, `password, and ${proof.kind}`)
          await finish(challenges.spending(challenge), proof)
          await secondFactor.used(account, proof)
          return account
        })
      }),
    beginPasskey: async (visitor) => {
      await limits.begin(visitor.address)
      const { ticket, secret } = await challenges.begin('passkey-sign-in', null, visitor)
      return { ticket, options: relyingParty.requestOptions(secret, []) }
    },
    signInWithPasskey: (ticket, response, visitor) =>
      recorded(visitor, async (about) => {
        const challenge = await challenges.open(ticket, 'passkey-sign-in', visitor)
        const spending = challenges.spending(challenge)
        try {
          const assertion = readAssertion(response)
          // Without a name of its owner it is no passkey, but a key that is good as a second factor only.
          const named = assertion?.response.userHandle === undefined ? null : assertion
          const factor = named === null ? null : await store.factors.get(named.id)
          const account = factor === null ? null : await store.accounts.get(factor.did)
          if (account === null) throw invalidFactor()
          about(account, 'passkey')
          const proof = await secondFactor.byPasskey(account, challenge.secret, response)
          const owner = requireStanding(account)
          await finish(spending, proof)
          await brake.trust(owner.did, visitor.address)
          return owner
        } catch (error) {
          await store.apply([spending])
          throw error
        }
      }),
  }
}
