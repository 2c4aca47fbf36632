// https://atproto.com/specs/handle#handle-resolution, https://atproto.com/specs/did
import { isDid, isHandle, normalizeHandle, type Did, type Handle } from '@avocet/syntax'
import type { DidResolver, ResolveOptions } from './did-resolver.ts'
import { handleOf, pdsEndpoint } from './document-fields.ts'
import type { DidDocument } from './document.ts'
import { fail, type DidResult } from './error.ts'
import type { HandleResolver } from './handle-resolver.ts'

/** What is shown in place of a handle that does not hold. */
export const INVALID_HANDLE = 'handle.invalid'

/** An account, and where it lives. */
export interface Account {
  readonly did: Did
  /** Verified both ways, in lower case; {@link INVALID_HANDLE} when the DID claims none or it does not lead back. */
  readonly handle: Handle
  /** The origin of the PDS; null when the document names none. */
  readonly pds: string | null
  readonly document: DidDocument
}

/** What is asked. */
export interface IdentityResolvers {
  readonly dids: DidResolver
  readonly handles: HandleResolver
}

/**
 * The account behind a handle or a DID. A handle must be the one its DID claims, else `handle-mismatch`; a DID whose
 * handle does not lead back to it resolves with `handle.invalid`. Reads no key: `resolveIdentity` does, and brings the curves into a
 * bundle.
 *
 * Fails with any code of the two resolvers, `handle-mismatch`, or `invalid-handle` for what is neither handle nor DID.
 */
export async function resolveAccount(
  actor: string,
  { dids, handles }: IdentityResolvers,
  options: ResolveOptions = {},
): Promise<DidResult<Account>> {
  if (isDid(actor)) {
    const document = await dids.resolve(actor, options)
    if (!document.ok) return document
    const claimed = handleOf(document.value)
    const back = claimed === null ? null : await handles.resolve(claimed, options)
    const holds = back !== null && back.ok && back.value === actor
    return { ok: true, value: account(document.value, holds ? claimed : null) }
  }
  if (!isHandle(actor)) return fail('invalid-handle', 'neither a handle nor a DID')
  const handle = normalizeHandle(actor)
  const did = await handles.resolve(handle, options)
  if (!did.ok) return did
  const document = await dids.resolve(did.value, options)
  if (!document.ok) return document
  if (handleOf(document.value) !== handle) {
    return fail('handle-mismatch', `DID does not claim the handle; handle=${handle} did=${did.value}`)
  }
  return { ok: true, value: account(document.value, handle) }
}

function account(document: DidDocument, handle: Handle | null): Account {
  return { did: document.id, handle: handle ?? INVALID_HANDLE, pds: pdsEndpoint(document), document }
}
