import type { AccountChange, Refusal } from '@avocet/accounts'
import type { RepoServerChange, RepoServerErrorCode } from '@avocet/repo-server'
import type { Did } from '@avocet/syntax'

import type { QuotaChange } from './rows.ts'

/** Changes of what this app keeps of an account beside the account itself. */
export type RowChange =
  /** Bounds that the operator sets. */
  | { readonly type: 'setQuota'; readonly did: Did; readonly quota: QuotaChange }
  /** The key that was prepared is in use. @see RotationRows */
  | { readonly type: 'keyRotated'; readonly did: Did; readonly at: number }

/** Everything that a request changes: applied in one transaction, in this order. */
export interface AppChange {
  readonly accounts?: readonly AccountChange[]
  readonly rows?: readonly RowChange[]
  /** With their events; announcements of what changed above come here too. */
  readonly repos?: readonly RepoServerChange[]
}

/** What became of a change. All of it happened, or none. */
export type AppOutcome =
  | {
      readonly status: 'applied'
      /** Numbers of its events, in their order. */
      readonly seqs: readonly number[]
    }
  /** Built on what is not so any more: build it again. */
  | { readonly status: 'stale' }
  | { readonly status: 'refused'; readonly by: 'accounts'; readonly reason: Refusal }
  | {
      readonly status: 'refused'
      readonly by: 'repositories'
      readonly code: RepoServerErrorCode
      readonly message: string
    }

/** Undoes the transaction of a change that is not applied. */
export class NotApplied extends Error {
  override readonly name = 'NotApplied'
  readonly outcome: AppOutcome

  constructor(outcome: AppOutcome) {
    super(`change not applied; reason=${reasonOf(outcome)}`)
    this.outcome = outcome
  }
}

function reasonOf(outcome: AppOutcome): string {
  if (outcome.status !== 'refused') return outcome.status
  return outcome.by === 'accounts' ? outcome.reason : outcome.message
}
