import type { OAuthRefusal, RequestChange } from '../change.ts'
import type { AuthorizationRequest } from '../rows.ts'
import type { ChangesBy, Tables } from './change-tables.ts'

/** Changes of pushed requests. */
export const REQUEST_CHANGES: ChangesBy<RequestChange> = {
  addRequest: ({ requests }, { request, max, maxTotal, now }) => {
    if (requests.get(request.id) !== undefined) return 'id-taken'
    const living = [...requests.values()].filter(({ expiresAt }) => expiresAt > now)
    const same = living.filter((other) => isSameKind(other, request))
    if (living.length >= maxTotal || same.length >= max) return 'too-many-requests'
    requests.set(request.id, request)
    return null
  },
  openRequest: ({ requests }, { id, device, expiresAt, now }) => {
    const row = requests.get(id)
    const refusal = whyNot(row, device, now)
    if (refusal !== null) return refusal
    requests.set(id, { ...row!, device, expiresAt })
    return null
  },
  grantRequest: ({ requests }, { id, device, granted, expiresAt, now }) => {
    const row = requests.get(id)
    const refusal = whyNot(row, device, now)
    if (refusal !== null) return refusal
    if (row!.device === null) return 'request-elsewhere'
    const { codeHash } = granted
    if ([...requests.values()].some((other) => other.granted?.codeHash === codeHash)) return 'id-taken'
    requests.set(id, { ...row!, granted, expiresAt })
    return null
  },
  dropRequest: ({ requests }, { id }) => {
    requests.delete(id)
    return null
  },
  takeCode: ({ requests }: Tables, { codeHash, now }) => {
    const row = [...requests.values()].find(({ granted }) => granted?.codeHash === codeHash)
    if (row === undefined || row.expiresAt <= now) return 'code-gone'
    requests.delete(row.id)
    return null
  },
}

function isSameKind(one: AuthorizationRequest, other: AuthorizationRequest): boolean {
  if ((one.clientKey === null) !== (other.clientKey === null)) return false
  return one.clientKey === null ? one.from === other.from : one.clientId === other.clientId
}

/** What keeps a device from going on with a request. */
function whyNot(row: AuthorizationRequest | undefined, device: string, now: number): OAuthRefusal | null {
  if (row === undefined || row.expiresAt <= now || row.granted !== null) return 'request-gone'
  return row.device !== null && row.device !== device ? 'request-elsewhere' : null
}
