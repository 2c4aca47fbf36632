import type { AccountChange, Refusal } from '../change.ts'
import { ACCOUNT_STEPS } from './account-steps.ts'
import { CODE_STEPS, INVITE_STEPS, RESERVATION_STEPS } from './code-steps.ts'
import { FACTOR_STEPS } from './factor-steps.ts'
import { APP_PASSWORD_STEPS, SESSION_STEPS } from './session-steps.ts'
import type { Step, StepsBy } from './step.ts'

const STEPS: StepsBy<AccountChange> = {
  ...ACCOUNT_STEPS,
  ...SESSION_STEPS,
  ...APP_PASSWORD_STEPS,
  ...INVITE_STEPS,
  ...CODE_STEPS,
  ...FACTOR_STEPS,
  ...RESERVATION_STEPS,
}

/** The statements of a change, for either database. */
export function stepsOf(change: AccountChange): Step[] {
  // The entry of its type takes it; TypeScript does not follow that through the union.
  const steps = STEPS[change.type] as (given: AccountChange) => Step[]
  return steps(change)
}

/** Ends a transaction of changes that are not applied; caught where it began. */
export class NotApplied extends Error {
  override readonly name = 'NotApplied'
  readonly reason: Refusal | 'stale'

  constructor(reason: Refusal | 'stale') {
    super(reason)
    this.reason = reason
  }
}
