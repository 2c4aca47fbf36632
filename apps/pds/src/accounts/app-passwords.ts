import { createHash, scrypt } from 'node:crypto'

import type { AccountStore, AppPassword } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import { randomText } from '../auth/random-text.ts'
import { PdsError } from '../errors.ts'
import { applyChanges, requireDone } from './changes.ts'

/** App passwords of accounts: passwords for one client each, which cannot manage the account. */
export interface AppPasswords {
  /** Makes one and tells its text, which is not stored. @throws PdsError `invalid-request` if the name is in use */
  create(did: Did, name: string, privileged: boolean): Promise<AppPassword & { password: string }>
  /** Removes one, and ends the sessions that it began. */
  revoke(did: Did, name: string): Promise<void>
  /** The app password that `password` is, or null. */
  verify(did: Did, password: string): Promise<AppPassword | null>
}

const FORM = /^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/
/** App passwords that one account may have. */
export const MAX_APP_PASSWORDS = 50

/** App passwords in `store`. */
export function createAppPasswords(store: AccountStore): AppPasswords {
  /** One that was taken over from a reference PDS; found once, it is kept in the form of ours. */
  const verifyTaken = async (did: Did, password: string): Promise<AppPassword | null> => {
    const from = await referenceHash(did, password)
    const found = await store.appPasswords.byHash(did, from)
    if (found === null) return null
    await applyChanges(store, [{ type: 'rehashAppPassword', did, from, to: digest(password) }])
    return found
  }

  return {
    create: async (did, name, privileged) => {
      const password = randomText(4, 4)
      const createdAt = new Date().toISOString()
      const made = {
        did,
        name,
        passwordHash: digest(password),
        privileged,
        createdAt,
        max: MAX_APP_PASSWORDS,
      }
      const outcome = await store.apply([{ type: 'createAppPassword', ...made }])
      if (outcome.status === 'refused' && outcome.reason === 'app-password-exists') {
        throw new PdsError('invalid-request', `App password already exists; name=${name}`)
      }
      if (outcome.status === 'refused' && outcome.reason === 'too-many-app-passwords') {
        throw new PdsError('invalid-request', `Too many app passwords; max=${MAX_APP_PASSWORDS}`)
      }
      requireDone(outcome)
      return { name, privileged, createdAt, password }
    },
    revoke: (did, name) =>
      applyChanges(store, [
        { type: 'removeAppPassword', did, name },
        { type: 'endSessions', did, appPassword: name },
      ]),
    verify: async (did, password) => {
      if (!FORM.test(password)) return null
      const found = await store.appPasswords.byHash(did, digest(password))
      if (found !== null) return found
      const hashes = await store.appPasswords.hashes(did)
      return hashes.some((hash) => hash.includes(':')) ? verifyTaken(did, password) : null
    },
  }
}

/** An app password is 80 random bits, which nobody can search: a plain hash keeps the check to one indexed read. */
const digest = (password: string): string => createHash('sha256').update(password).digest('hex')

/** The form of a reference PDS: scrypt under a salt made of the DID, so that a password is found by its hash there too. */
function referenceHash(did: Did, password: string): Promise<string> {
  const salt = createHash('sha256').update(did).digest('hex').slice(0, 32)
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 64, (error, key) =>
      error === null ? resolve(`${salt}:${key.toString('hex')}`) : reject(error),
    )
  })
}
