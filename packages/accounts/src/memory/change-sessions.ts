import type { AppPasswordChange, SessionChange } from '../change.ts'
import { appPasswordKey, type ChangesBy } from './tables.ts'

/** Changes of sessions. */
export const SESSION_CHANGES: ChangesBy<SessionChange> = {
  keepSession: ({ accounts, sessions }, { session }) => {
    if (sessions.get(session.id) !== undefined) return 'id-taken'
    if (accounts.get(session.did) === undefined) return 'account-not-found'
    sessions.set(session.id, { ...session })
    return null
  },
  rotateSession: ({ sessions }, { did, id, next, graceUntil, now }) => {
    const row = sessions.get(id)
    if (row === undefined || row.did !== did || row.expiresAt <= now) return 'session-ended'
    if (row.nextId !== null) return 'session-rotated'
    if (sessions.get(next.id) !== undefined) return 'id-taken'
    sessions.set(id, { ...row, nextId: next.id, expiresAt: Math.min(row.expiresAt, graceUntil) })
    sessions.set(next.id, { ...row, ...next })
    return null
  },
  endSession: ({ sessions }, { id }) => {
    sessions.delete(id)
    return null
  },
  endSessions: ({ sessions }, { did, appPassword }) => {
    sessions.deleteWhere(
      (row) => row.did === did && (appPassword === undefined || row.appPassword === appPassword),
    )
    return null
  },
  forgetSessions: ({ sessions }, { did, now }) => {
    sessions.deleteWhere((row) => row.did === did && row.expiresAt <= now)
    return null
  },
}

/** Changes of app passwords. */
export const APP_PASSWORD_CHANGES: ChangesBy<AppPasswordChange> = {
  createAppPassword: ({ accounts, appPasswords }, given) => {
    const { did, name, passwordHash, privileged, createdAt, max } = given
    const key = appPasswordKey(did, name)
    if (accounts.get(did) === undefined) return 'account-not-found'
    if (appPasswords.get(key) !== undefined) return 'app-password-exists'
    const others = appPasswords.filter((row) => row.did === did)
    if (others.length >= max) return 'too-many-app-passwords'
    appPasswords.set(key, { did, name, passwordHash, privileged, createdAt })
    return null
  },
  rehashAppPassword: ({ appPasswords }, { did, from, to }) => {
    for (const row of appPasswords.filter((other) => other.did === did && other.passwordHash === from)) {
      appPasswords.set(appPasswordKey(did, row.name), { ...row, passwordHash: to })
    }
    return null
  },
  removeAppPassword: ({ appPasswords }, { did, name }) => {
    appPasswords.delete(appPasswordKey(did, name))
    return null
  },
}
