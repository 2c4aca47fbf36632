import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

import type { AccountChange, AccountStore, Challenge } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'

/** What can be begun in one request and finished in another. */
export type ChallengePurpose = 'sign-in' | 'passkey-sign-in' | 'add-passkey' | 'add-totp'

/** Who is at the other end of a page. */
export interface Visitor {
  /** The address of the network that it comes from. */
  readonly address: string | null
  /**
   * What only this browser has, such as the id of its session: what is begun there is finished there. No bound on its length, only its
   * hash is kept.
   */
  readonly binding: string
}

/** A ticket that was given out, and what is to be signed for it. */
export interface Begun {
  /** 256 random bits, in base64url. */
  readonly ticket: string
  readonly secret: Uint8Array
}

/** What was begun: kept here, bound to a browser, over after five minutes, used up once. */
export interface Challenges {
  /** @param secret default: 32 random bytes */
  begin(purpose: ChallengePurpose, did: Did | null, visitor: Visitor, secret?: Uint8Array): Promise<Begun>
  /** What a ticket stands for. @throws PdsError `challenge-ended` for another purpose or browser, too, and when it is over */
  open(ticket: string, purpose: ChallengePurpose, visitor: Visitor): Promise<Challenge>
  /** The same, and counts an answer before it is looked at. @throws PdsError `challenge-ended` after five of them */
  tryAnswer(ticket: string, purpose: ChallengePurpose, visitor: Visitor): Promise<Challenge>
  /** Uses it up, for the changes that its answer allows. */
  spending(challenge: Challenge): AccountChange
  /** Forgets those that are over. */
  collect(): Promise<void>
}

/** How the changes of accounts are made: what refuses them is thrown as a PdsError. */
export interface ChangeMaker {
  apply(changes: readonly AccountChange[]): Promise<void>
}

const LIFETIME_MS = 5 * 60 * 1000
/** Answers to one challenge. */
const MAX_TRIES = 5
/**
 * Challenges of one purpose that an account has at a time. More mean that somebody who knows the password keeps signing in from many
 * networks. What ends first goes: at one a second the owner still has three minutes for an answer.
 */
const MAX_OF_ACCOUNT = 200
/** Those of strangers, all together: each page that offers passkeys asks for one. */
const MAX_OF_STRANGERS = 10_000

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Challenges in `store`. */
export function createChallenges(
  store: Pick<AccountStore, 'factors'>,
  changes: ChangeMaker,
  now: () => number = Date.now,
): Challenges {
  const ended = (): PdsError => new PdsError('challenge-ended', 'It took too long: begin again')

  const open: Challenges['open'] = async (ticket, purpose, visitor) => {
    // Kept by its hash: who reads the database finds no ticket there, and how far two hashes agree tells nothing.
    const challenge = await store.factors.challenge(sha256(ticket))
    if (challenge === null || challenge.purpose !== purpose) throw ended()
    const isHere = timingSafeEqual(Buffer.from(challenge.binding), Buffer.from(sha256(visitor.binding)))
    if (!isHere || challenge.expiresAt <= now()) throw ended()
    return challenge
  }

  return {
    begin: async (purpose, did, visitor, secret = new Uint8Array(randomBytes(32))) => {
      const ticket = randomBytes(32).toString('base64url')
      const challenge = {
        id: sha256(ticket),
        did,
        purpose,
        binding: sha256(visitor.binding),
        secret,
        expiresAt: now() + LIFETIME_MS,
      }
      const max = did === null ? MAX_OF_STRANGERS : MAX_OF_ACCOUNT
      await changes.apply([{ type: 'keepChallenge', challenge, max }])
      return { ticket, secret }
    },
    open,
    tryAnswer: async (ticket, purpose, visitor) => {
      const challenge = await open(ticket, purpose, visitor)
      await changes.apply([{ type: 'tryChallenge', id: challenge.id, max: MAX_TRIES, now: now() }])
      return challenge
    },
    spending: ({ id }) => ({ type: 'spendChallenge', id, now: now() }),
    collect: () => changes.apply([{ type: 'forgetChallenges', now: now() }]),
  }
}
