import type { ConsentChange, SessionChange, WholeChange } from '../change.ts'
import type { OAuthSession } from '../rows.ts'
import type { ChangesBy } from './change-tables.ts'
import { compare } from './tables.ts'

/** Changes of sessions. */
export const SESSION_CHANGES: ChangesBy<SessionChange> = {
  addSession: ({ sessions }, { session, maxPerAccount, maxPerClient }) => {
    const { id, did, clientId, codeHash } = session
    if (sessions.get(id) !== undefined) return 'id-taken'
    if ([...sessions.values()].some((other) => other.codeHash === codeHash)) return 'id-taken'
    const drop = (rows: OAuthSession[], max: number): void => {
      for (const row of rows.toSorted(renewedLast).slice(Math.max(0, max - 1))) sessions.delete(row.id)
    }
    const ofAccount = (): OAuthSession[] => [...sessions.values()].filter((row) => row.did === did)
    drop(
      ofAccount().filter((row) => row.clientId === clientId),
      maxPerClient,
    )
    drop(ofAccount(), maxPerAccount)
    sessions.set(id, session)
    return null
  },
  rotateSession: ({ sessions }, { id, generation, set }) => {
    const row = sessions.get(id)
    if (row?.generation !== generation) return 'stale'
    sessions.set(id, { ...row, ...set, generation: generation + 1 })
    return null
  },
  endSession: ({ sessions }, { id }) => {
    sessions.delete(id)
    return null
  },
  endSessions: ({ sessions }, { did, clientId, except }) => {
    for (const row of sessions.values()) {
      const isMeant = row.did === did && (clientId === undefined || row.clientId === clientId)
      if (isMeant && row.id !== except) sessions.delete(row.id)
    }
    return null
  },
}

/** The one renewed last first; then by id. */
export const renewedLast = (a: OAuthSession, b: OAuthSession): number =>
  b.refreshedAt - a.refreshedAt || compare(a.id, b.id)

/** The key of a consent. */
export const consentKey = (did: string, clientId: string): string => `${did} ${clientId}`

/** Changes of what is remembered. */
export const CONSENT_CHANGES: ChangesBy<ConsentChange> = {
  keepConsent: ({ consents }, { consent }) => {
    consents.set(consentKey(consent.did, consent.clientId), consent)
    return null
  },
  forgetConsents: ({ consents }, { did, clientId }) => {
    for (const row of consents.values()) {
      if (row.did !== did || (clientId !== undefined && row.clientId !== clientId)) continue
      consents.delete(consentKey(did, row.clientId))
    }
    return null
  },
}

/** Changes of everything. */
export const WHOLE_CHANGES: ChangesBy<WholeChange> = {
  forgetAccount: (tables, { did, clientId }) => {
    const whose = { did, ...(clientId === undefined ? {} : { clientId }) }
    SESSION_CHANGES.endSessions(tables, { type: 'endSessions', ...whose })
    CONSENT_CHANGES.forgetConsents(tables, { type: 'forgetConsents', ...whose })
    for (const row of tables.requests.values()) {
      if (row.granted?.did !== did || (clientId !== undefined && row.clientId !== clientId)) continue
      tables.requests.delete(row.id)
    }
    return null
  },
  forgetExpired: ({ requests, sessions }, { now, limit }) => {
    for (const table of [requests, sessions]) {
      const over = [...table.values()].filter(({ expiresAt }) => expiresAt <= now)
      for (const { id } of over.toSorted((a, b) => a.expiresAt - b.expiresAt).slice(0, limit)) {
        table.delete(id)
      }
    }
    return null
  },
}
