import {
  AccountError,
  buildAndApply,
  type AccountChange,
  type AccountErrorCode,
  type AccountStore,
  type Awaitable,
  type Built,
  type Outcome,
  type Refusal,
} from '@avocet/accounts'

import { RepoServerError } from '@avocet/repo-server'

import { PdsError, type PdsErrorCode } from '../errors.ts'
import type { AppChange, AppOutcome } from '../stores/app-change.ts'

/** What keeps changes from being applied, as this server tells it. What `busy` stands for is a collision of many requests. */
const ERRORS: Readonly<Record<AccountErrorCode, readonly [PdsErrorCode, string]>> = {
  'account-exists': ['invalid-request', 'Account already exists'],
  'account-not-found': ['account-not-found', 'Account not found'],
  'handle-taken': ['handle-taken', 'Handle already taken'],
  'email-taken': ['email-taken', 'Email already taken'],
  'session-ended': ['expired-token', 'Token has been revoked'],
  'session-rotated': ['expired-token', 'Token has been revoked'],
  'app-password-exists': ['invalid-request', 'App password already exists'],
  'too-many-app-passwords': ['invalid-request', 'Too many app passwords'],
  'invite-unavailable': ['invalid-invite-code', 'Provided invite code not available'],
  'code-invalid': ['token-invalid', 'Token is invalid'],
  'code-expired': ['token-expired', 'Token is expired'],
  'too-many-codes': ['busy', 'Too many codes are mailed, try again later'],
  'factor-not-found': ['not-found', 'There is no such factor'],
  'too-many-factors': ['invalid-request', 'Too many factors of this kind'],
  'challenge-ended': ['challenge-ended', 'It took too long, or too many answers: begin again'],
  'key-reserved': ['busy', 'The key is reserved at the moment, try again later'],
  'too-many-keys': ['busy', 'Too many keys are reserved, try again later'],
  'id-taken': ['busy', 'Try again'],
  stale: ['busy', 'The account is being changed, try again'],
  busy: ['busy', 'The account is being changed, try again'],
}

/** What of a store changes accounts. */
export type AccountWriter = Pick<AccountStore, 'apply'>

const toPdsError = (code: AccountErrorCode, cause?: AccountError): PdsError =>
  new PdsError(...ERRORS[code], cause === undefined ? {} : { cause })

/** @throws PdsError for what refuses changes of accounts, or makes them stale; RepoServerError for those of repositories */
export function requireDone(outcome: Outcome | AppOutcome): void {
  if (outcome.status === 'applied') return
  if ('code' in outcome) throw new RepoServerError(outcome.code, outcome.message)
  throw toPdsError(outcome.status === 'stale' ? 'stale' : outcome.reason)
}

/**
 * Applies changes.
 * @param nothingToDo refusals that are all right
 * @throws PdsError for what refuses them
 */
export async function applyChanges(
  store: AccountWriter,
  changes: readonly AccountChange[],
  nothingToDo: readonly Refusal[] = [],
): Promise<void> {
  const outcome = await store.apply(changes)
  if (outcome.status === 'refused' && nothingToDo.includes(outcome.reason)) return
  requireDone(outcome)
}

/**
 * Builds changes and applies them, and again where another request was quicker.
 * @param again refusals that mean that, too
 * @throws PdsError for what refuses them; what `build` throws
 */
export async function buildChanges<T>(
  store: AccountWriter,
  build: () => Awaitable<Built<T>>,
  again: readonly Refusal[] = [],
): Promise<T> {
  try {
    return await buildAndApply(store, build, again)
  } catch (error) {
    throw error instanceof AccountError ? toPdsError(error.code, error) : error
  }
}

/** How often a change of several stores is built before the account counts as busy. */
const ATTEMPTS = 5

/**
 * Builds a change of several stores and applies it, and again where another request was quicker.
 * @throws PdsError or RepoServerError for what refuses it, PdsError `busy`; what `build` throws
 */
export async function buildAppChange(
  store: { apply(change: AppChange): Promise<AppOutcome> },
  build: () => Promise<AppChange>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    // Each attempt is built on what the one before found.
    const outcome = await store.apply(await build())
    if (outcome.status !== 'stale' || attempt === ATTEMPTS) return requireDone(outcome)
  }
}
