import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { AccountStore } from './account-store.ts'

/** One private preference, opaque but for its type. */
export interface Preference {
  readonly $type: string
  readonly [field: string]: unknown
}

const MAX_BYTES = 100_000

/** Whether app passwords neither see nor set a preference: what tells the person's age. */
export function isPersonal($type: string): boolean {
  return $type === 'app.bsky.actor.defs#personalDetailsPref'
}

/** The preferences of an account, in their order. */
export function readPreferences(accounts: AccountStore, did: Did): Preference[] {
  return JSON.parse(accounts.preferences(did)) as Preference[]
}

/**
 * Replaces the preferences of an account, in the transaction of the caller.
 * @param keepPersonal leaves the personal ones as they are, whatever is given
 * @throws PdsError `invalid-request`
 */
export function writePreferences(
  accounts: AccountStore,
  did: Did,
  given: readonly Preference[],
  keepPersonal: boolean,
): void {
  const foreign = given.find(({ $type }) => typeof $type !== 'string' || !$type.startsWith('app.bsky.'))
  if (foreign !== undefined) {
    throw new PdsError(
      'invalid-request',
      `Some preferences are not in the app.bsky namespace: ${foreign.$type}`,
    )
  }
  const kept = keepPersonal
    ? [
        ...given.filter(({ $type }) => !isPersonal($type)),
        ...readPreferences(accounts, did).filter(({ $type }) => isPersonal($type)),
      ]
    : given
  const text = JSON.stringify(kept)
  if (text.length > MAX_BYTES)
    throw new PdsError('invalid-request', `Preferences are too large; max=${MAX_BYTES}`)
  accounts.update(did, { preferences: text })
}
