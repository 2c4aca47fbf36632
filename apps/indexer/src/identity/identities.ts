// Who is who: signing keys for the verifier, documents and handles for the queries. Every fetch goes through the guard.

import {
  type DidDocument,
  type DidResolver,
  type HandleResolver,
  handleOf,
  pdsEndpoint,
  signingKey,
} from '@avocet/did'
import type { ResolveKey } from '@avocet/firehose'
import type { Did, Handle } from '@avocet/syntax'

const QUERY_TIMEOUT_MS = 4000

/** Identities as the indexer needs them. */
export type Identities = {
  /** For the verifier. The handle is only verified when `forceRefresh` asks for the newest state. */
  readonly resolveKey: ResolveKey
  /**
   * The document and the verified handle, for people; null when the directory does not answer in time. The handle is undefined when it
   * could not be looked up now.
   */
  describe(
    did: string,
    signal: AbortSignal,
  ): Promise<{ document: DidDocument; handle: Handle | null | undefined } | null>
  /** The DID of a handle, verified in both directions; null: it is nobody's. Undefined: it could not be looked up now. */
  resolveHandle(handle: string): Promise<string | null | undefined>
}

/** @param options.handles null: handles are not looked up (a replay without network) */
export function createIdentities(options: {
  readonly dids: DidResolver
  readonly handles: HandleResolver | null
  /** For questions of clients: bounded. Default: the same. */
  readonly asked?: { readonly dids: DidResolver; readonly handles: HandleResolver }
}): Identities {
  const { dids, handles } = options
  // What web clients ask for goes out so many times a second, whoever they are: the host is one that they name.
  const asked = options.asked ?? { dids, handles }

  /** The handle that the document claims, if it points back; undefined when that cannot be looked up now. */
  const verifiedHandle = async (
    document: DidDocument,
    lookups: HandleResolver | null,
    forceRefresh = false,
  ): Promise<Handle | null | undefined> => {
    const claimed = handleOf(document)
    if (claimed === null || lookups === null) return null
    const found = await lookups.resolve(claimed, { forceRefresh })
    if (found.ok) return found.value === document.id ? claimed : null
    return found.error.isTransient ? undefined : null
  }

  return {
    async resolveKey(did, { forceRefresh, signal }) {
      const result = await dids.resolve(did, { forceRefresh, ...(signal === undefined ? {} : { signal }) })
      if (!result.ok) {
        if (isGone(result.error.code)) return null
        throw result.error
      }
      const document = result.value
      return {
        key: signingKey(document),
        pds: pdsEndpoint(document),
        handle: forceRefresh ? await verifiedHandle(document, handles, true) : null,
      }
    },
    async describe(did, signal) {
      try {
        const limited = AbortSignal.any([signal, AbortSignal.timeout(QUERY_TIMEOUT_MS)])
        const result = await asked.dids.resolve(did as Did, { signal: limited })
        if (!result.ok) return null
        return { document: result.value, handle: await verifiedHandle(result.value, asked.handles) }
      } catch {
        return null
      }
    },
    async resolveHandle(handle) {
      if (asked.handles === null) return null
      const found = await asked.handles.resolve(handle as Handle)
      if (!found.ok) return found.error.isTransient ? undefined : null
      const document = await asked.dids.resolve(found.value, {})
      if (!document.ok && document.error.isTransient) return undefined
      return document.ok && handleOf(document.value)?.toLowerCase() === handle.toLowerCase()
        ? found.value
        : null
    },
  }
}

/** Whether a DID has no document for good, as against not now. */
function isGone(code: string): boolean {
  return code === 'not-found' || code === 'tombstoned'
}
