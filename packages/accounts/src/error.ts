import type { Refusal } from './change.ts'

/**
 * Codes of {@link AccountError}: those of refusals, and
 * - `stale`: changes were built on what is not so any more
 * - `busy`: they were so as often as they were built
 */
export type AccountErrorCode = Refusal | 'stale' | 'busy'

/** The one error class of this package. Errors of the databases come as they are. */
export class AccountError extends Error {
  override readonly name = 'AccountError'
  readonly code: AccountErrorCode

  constructor(code: AccountErrorCode, options?: ErrorOptions) {
    super(`changes of accounts are not applied; code=${code}`, options)
    this.code = code
  }
}
