// https://atproto.com/specs/oauth#clients

import type { Result } from '@avocet/syntax'

import { refuse, tooMany, unavailable, type OAuthFailure } from '../failure.ts'
import type { Attempt, Admission, ClientFetch } from '../options.ts'
import type { Awaitable } from '../store.ts'
import type { Client, PublishedKey } from './client.ts'
import { parseClientId } from './client-id.ts'
import { createDocumentCache, type DocumentCache, type DocumentFailure } from './document-cache.ts'
import { fetchJson } from './fetch-json.ts'
import { readKeys } from './jwks.ts'
import { readLoopbackClient } from './loopback.ts'
import { readClientMetadata } from './metadata.ts'

/** Who asks for a client. */
export interface Asker {
  readonly from: string | null
  /** Whether a host that cannot be reached is the client's fault, or has to be waited for: a session must not end on it. */
  readonly patient: boolean
}

/** The clients of the web, by their ids. */
export interface Clients {
  get(clientId: string, asker: Asker): Promise<Result<Client, OAuthFailure>>
  /** The key of this id that the client publishes now; null where there is none. */
  key(client: Client, kid: string, asker: Asker): Promise<Result<PublishedKey | null, OAuthFailure>>
}

/** What {@link createClients} needs. */
export interface ClientsOptions {
  readonly fetch: ClientFetch
  readonly admit: (attempt: Attempt) => Awaitable<Admission>
  readonly now: () => number
  readonly cacheBytes: number
  readonly maxFetches: number
}

/** How old the keys of a client are at least, in ms, when they are fetched anew for a key that is not among them. */
const KEYS_SETTLE = 30_000

/** Clients by their documents, which are fetched when they are asked for, and remembered for ten minutes. */
export function createClients(options: ClientsOptions): Clients {
  const { fetch, admit, now, cacheBytes, maxFetches } = options
  const shared = { now, maxBytes: Math.ceil(cacheBytes / 2), maxFetches: Math.ceil(maxFetches / 2) }
  const documents = createDocumentCache({
    ...shared,
    load: (url) => fetchJson(fetch, url, 'the document at client_id'),
    read: (url, document) => readClientMetadata(new URL(url), document),
  })
  const keySets = createDocumentCache<readonly PublishedKey[]>({
    ...shared,
    load: (url) => fetchJson(fetch, url, 'the document at jwks_uri'),
    read: (_, document) => {
      const keys = readKeys(document)
      return keys === null
        ? { ok: false, error: 'jwks_uri must lead to a set of up to 100 keys' }
        : { ok: true, value: keys }
    },
  })

  /** @param isEnough whether what is at hand will do */
  const find = async <T>(
    cache: DocumentCache<T>,
    url: string,
    clientId: string,
    { from, patient }: Asker,
    isEnough: (value: T, fetchedAt: number) => boolean = () => true,
  ): Promise<Result<T, OAuthFailure>> => {
    const known = cache.known(url)
    if (known?.ok === true && isEnough(known.value.value, known.value.fetchedAt)) {
      return { ok: true, value: known.value.value }
    }
    if (known?.ok === false) return refusal(known.error, patient)
    const admission = await admit({ what: 'client', clientId, from })
    if (!admission.ok) return tooMany('too many clients are asked for', admission.retryAfter)
    const found = await cache.fetch(url)
    return found.ok ? { ok: true, value: found.value.value } : refusal(found.error, patient)
  }

  return {
    get: async (clientId, asker) => {
      const id = parseClientId(clientId)
      if (!id.ok) return refuse('invalid_client_id', id.error)
      if (id.value.kind === 'document') return find(documents, clientId, clientId, asker)
      const client = readLoopbackClient(clientId, id.value.query)
      return client.ok ? client : refuse('invalid_client_id', client.error)
    },
    key: async ({ id, auth }, kid, asker) => {
      if (auth.method === 'none') return { ok: true, value: null }
      const byId = (keys: readonly PublishedKey[]): PublishedKey | undefined =>
        keys.find((key) => key.kid === kid)
      if (typeof auth.keys !== 'string') return { ok: true, value: byId(auth.keys) ?? null }
      // A client may have begun to use a new key a moment ago: its set is read again, but not for each made-up id.
      const keys = await find(
        keySets,
        auth.keys,
        id,
        asker,
        (known, fetchedAt) => byId(known) !== undefined || fetchedAt > now() - KEYS_SETTLE,
      )
      return keys.ok ? { ok: true, value: byId(keys.value) ?? null } : keys
    },
  }
}

function refusal({ code, message }: DocumentFailure, patient: boolean): { ok: false; error: OAuthFailure } {
  if (code === 'busy' || (code === 'unreachable' && patient)) return unavailable(message)
  return refuse('invalid_client_metadata', message)
}
