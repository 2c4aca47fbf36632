import { isDisallowedTld, isHandle, normalizeHandle, type Did, type Handle } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { ResolveHandle } from '../outbound/outbound.ts'
import { KNOWN_NAMES } from './known-names.ts'
import { RESERVED_NAMES } from './reserved-names.ts'
import { hasSlur } from './slurs.ts'

/** Which handles accounts here may have. */
export interface HandlePolicy {
  /** Whether a handle ends in one of the server's own domains. */
  isLocal(handle: string): boolean
  /**
   * The handle in its normal form, if an account may take it. A handle of the server's own domain has one label in
   * front of it; any other must already point at `did`.
   * @param reserved whether names kept for the operator, and words nobody may use, are allowed (an admin's call)
   * @throws PdsError `invalid-handle`, `handle-not-available`, `unsupported-domain`
   */
  check(handle: string, did: Did | null, reserved?: boolean): Promise<Handle>
}

const MIN_LABEL = 3
const MAX_LABEL = 18

/** The policy for the domains in `domains`, each with its leading dot. */
export function createHandlePolicy(domains: readonly string[], resolve: ResolveHandle): HandlePolicy {
  const domainOf = (handle: string): string | undefined => domains.find((domain) => handle.endsWith(domain))

  return {
    isLocal: (handle) => domainOf(handle.toLowerCase()) !== undefined,
    check: async (text, did, reserved = false) => {
      if (!isHandle(text)) throw new PdsError('invalid-handle', `Invalid handle (got "${text.slice(0, 64)}")`)
      const handle = normalizeHandle(text)
      if (!reserved && hasSlur(handle)) {
        throw new PdsError('invalid-handle', 'Inappropriate language in handle')
      }
      const domain = domainOf(handle)
      if (domain !== undefined) {
        checkLabel(handle.slice(0, -domain.length), reserved)
        return handle
      }
      if (isDisallowedTld(handle)) {
        throw new PdsError('invalid-handle', 'Handle TLD is invalid or disallowed')
      }
      if (did === null) throw new PdsError('unsupported-domain', 'Not a supported handle domain')
      if ((await resolve(handle)) !== did) {
        throw new PdsError('invalid-handle', 'External handle did not resolve to DID')
      }
      return handle
    },
  }
}

function checkLabel(label: string, reserved: boolean): void {
  if (label.includes('.')) throw new PdsError('invalid-handle', 'Invalid characters in handle')
  if (label.length < MIN_LABEL) throw new PdsError('invalid-handle', 'Handle too short')
  if (label.length > MAX_LABEL) throw new PdsError('invalid-handle', 'Handle too long')
  if (!reserved && isReserved(label)) throw new PdsError('handle-not-available', 'Reserved handle')
}

function isReserved(label: string): boolean {
  return RESERVED_NAMES.has(label) || KNOWN_NAMES.has(label) || KNOWN_NAMES.has(label.replaceAll('-', ''))
}
