import { RepoError } from '@avocet/repo'

import type { Outcome } from './change.ts'
import { RepoServerError } from './error.ts'

/**
 * For changes that are not built again: what was not applied is thrown, and takes the transaction around it with it.
 * @throws RepoServerError for what was refused, RepoError `head-moved` for what is stale
 */
export function assertApplied(outcome: Outcome): asserts outcome is Extract<Outcome, { status: 'applied' }> {
  if (outcome.status === 'refused') throw new RepoServerError(outcome.code, outcome.message)
  if (outcome.status === 'stale') throw new RepoError('head-moved', 'repository changed meanwhile')
}
