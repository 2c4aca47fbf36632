import type { AccountStore, Built } from '@avocet/accounts'
import type { JsonObject } from '@avocet/data'
import type { KeyedLock } from '@avocet/repo-server'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import { buildChanges } from './changes.ts'

/** One private preference, opaque but for its type. */
export interface Preference {
  readonly $type: string
  readonly [field: string]: unknown
}

/** The date of birth: only whoever has the account's own password sees and sets it. */
const PERSONAL = 'app.bsky.actor.defs#personalDetailsPref'
/** What is told of it to everybody else; computed, never stored. */
const DECLARED_AGE = 'app.bsky.actor.defs#declaredAgePref'

/**
 * The preferences of an account, in their order.
 * @param full whether the personal ones are among them
 */
export async function readPreferences(
  store: Pick<AccountStore, 'secrets'>,
  did: Did,
  full: boolean,
  now: () => number = Date.now,
): Promise<Preference[]> {
  const stored = parse(await store.secrets.preferences(did))
  const birthDate = stored.find(({ $type }) => $type === PERSONAL)?.['birthDate']
  const age = typeof birthDate === 'string' ? ageAt(birthDate, new Date(now())) : null
  return [
    ...stored.filter(({ $type }) => full || $type !== PERSONAL),
    ...(age === null
      ? []
      : [{ $type: DECLARED_AGE, isOverAge13: age >= 13, isOverAge16: age >= 16, isOverAge18: age >= 18 }]),
  ]
}

/** How many preferences are stored. */
export async function countPreferences(store: Pick<AccountStore, 'secrets'>, did: Did): Promise<number> {
  return parse(await store.secrets.preferences(did)).length
}

/**
 * Replaces the preferences of an account. Computed ones are passed over.
 * @param full whether personal ones may be set; without, they stay as they are
 * @throws PdsError `invalid-request`
 */
export async function writePreferences(
  store: AccountStore,
  locks: KeyedLock,
  did: Did,
  given: readonly (Preference | JsonObject)[],
  full: boolean,
): Promise<void> {
  if (given.some(({ $type }) => typeof $type !== 'string')) {
    throw new PdsError('invalid-request', 'Preference is missing a $type')
  }
  const preferences = given as readonly Preference[]
  if (!preferences.every(({ $type }) => $type.startsWith('app.bsky.'))) {
    throw new PdsError('invalid-request', 'Some preferences are not in the app.bsky namespace')
  }
  if (!full && preferences.some(({ $type }) => $type === PERSONAL)) {
    throw new PdsError('invalid-request', `Do not have authorization to set preferences: ${PERSONAL}`)
  }
  const wanted = preferences.filter(({ $type }) => $type !== DECLARED_AGE)
  const build = async (): Promise<Built<void>> => {
    const stored = await store.secrets.preferences(did)
    const kept = full ? [] : parse(stored).filter(({ $type }) => $type === PERSONAL)
    const set = { preferences: JSON.stringify([...kept, ...wanted]) }
    const expect = full || stored === null ? {} : { preferences: stored }
    return { changes: [{ type: 'updateAccount', did, set, expect }], value: undefined }
  }
  // Those of one account come one after the other, so that only another process can make them stale.
  await locks.run(`preferences:${did}`, () => buildChanges(store, build))
}

const parse = (stored: string | null): Preference[] => JSON.parse(stored ?? '[]') as Preference[]

/** Whole years between a birth and a day, by the calendar; null for what is no date. */
function ageAt(birthDate: string, today: Date): number | null {
  const born = new Date(birthDate)
  if (Number.isNaN(born.getTime())) return null
  const years = today.getUTCFullYear() - born.getUTCFullYear()
  const before =
    today.getUTCMonth() < born.getUTCMonth() ||
    (today.getUTCMonth() === born.getUTCMonth() && today.getUTCDate() < born.getUTCDate())
  return before ? years - 1 : years
}
