// What ends when an owner changes what lets them in. The one place that says so: whatever else keeps somebody signed in belongs here.
import type { AccountChange } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

/** A new password: every session, every mailed code, every sign-in under way. */
export const endedByPassword = (did: Did): AccountChange[] => [
  { type: 'endSessions', did },
  { type: 'dropCodes', did },
  { type: 'dropChallenges', did },
]

/** A new address: codes mailed to the one before, sign-ins under way. Sessions stay: the client that asks has one of them. */
export const endedByAddress = (did: Did): AccountChange[] => [
  { type: 'dropCodes', did },
  { type: 'dropChallenges', did },
]

/**
 * A factor that was added or removed: sessions that began with the account's own password, sign-ins under way and their codes. Those of
 * app passwords, which factors do not guard, stay.
 */
export const endedByFactor = (did: Did): AccountChange[] => [
  { type: 'endSessions', did, appPassword: null },
  { type: 'dropCodes', did, purpose: 'sign-in' },
  { type: 'dropChallenges', did },
]

/** Codes by mail that were turned on or off, which a client does that goes on with its session: sign-ins under way, their codes. */
export const endedByEmailFactor = (did: Did): AccountChange[] => [
  { type: 'dropCodes', did, purpose: 'sign-in' },
  { type: 'dropChallenges', did },
]

/** All but the browser at which the owner asks for that: sessions of whatever kind, apps, sign-ins under way. Browsers are ended beside it. */
export const endedElsewhere = (did: Did): AccountChange[] => [
  { type: 'endSessions', did },
  { type: 'dropChallenges', did },
]
