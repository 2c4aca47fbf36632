import { isDid, type Did } from '@avocet/syntax'

/** What a session consists of, as it is kept. */
export interface SessionData {
  readonly did: Did
  readonly handle: string
  readonly accessJwt: string
  readonly refreshJwt: string
  /** Base URL of the account's PDS. */
  readonly service: string
  readonly email?: string
  readonly emailConfirmed?: boolean
  /** False for an account that is deactivated, suspended or taken down. */
  readonly active?: boolean
  /** Why it is not active. */
  readonly status?: string
}

/**
 * Reads the answer of createSession or refreshSession, or a kept session; null when it is none.
 *
 * @param before whose account it must be, when there was a session already
 */
export function readTokens(value: unknown, before: SessionData | null): Omit<SessionData, 'service'> | null {
  if (typeof value !== 'object' || value === null) return null
  const fields = value as Record<string, unknown>
  const { did, handle, accessJwt, refreshJwt, email, emailConfirmed, active, status } = fields
  if (!isDid(did)) return null
  if (typeof handle !== 'string' || typeof accessJwt !== 'string' || typeof refreshJwt !== 'string')
    return null
  if (before !== null && before.did !== did) return null
  return {
    did,
    handle,
    accessJwt,
    refreshJwt,
    ...(typeof email === 'string' ? { email } : {}),
    ...(typeof emailConfirmed === 'boolean' ? { emailConfirmed } : {}),
    ...(typeof active === 'boolean' ? { active } : {}),
    ...(typeof status === 'string' ? { status } : {}),
  }
}

/** Reads a session as it was kept; null when it is none. */
export function parseSessionData(value: unknown): SessionData | null {
  const tokens = readTokens(value, null)
  const service: unknown = (value as { service?: unknown } | null)?.service
  if (tokens === null || typeof service !== 'string' || !URL.canParse(service)) return null
  return { ...tokens, service }
}

/** The PDS that the DID document of an answer names: an entryway answers for accounts that live elsewhere. */
export function pdsOf(answer: unknown): string | null {
  const services = (answer as { didDoc?: { service?: unknown } } | null)?.didDoc?.service
  if (!Array.isArray(services)) return null
  for (const entry of services as unknown[]) {
    const { id, type, serviceEndpoint } = (entry ?? {}) as Record<string, unknown>
    if (typeof id !== 'string' || !id.endsWith('#atproto_pds') || type !== 'AtprotoPersonalDataServer')
      continue
    if (typeof serviceEndpoint !== 'string' || !URL.canParse(serviceEndpoint)) return null
    const url = new URL(serviceEndpoint)
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.origin : null
  }
  return null
}

/** When a JWT says it ends, in milliseconds since the epoch; null when it does not say. Nothing is verified. */
export function tokenExpiry(jwt: string): number | null {
  const payload = jwt.split('.')[1]
  if (payload === undefined || payload.length > 16_384) return null
  try {
    const text = atob(payload.replaceAll('-', '+').replaceAll('_', '/'))
    const exp = (JSON.parse(text) as { exp?: unknown } | null)?.exp
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : null
  } catch {
    return null
  }
}
