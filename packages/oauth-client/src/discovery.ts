// https://atproto.com/specs/oauth#authorization-server-discovery
import { isDid, isHandle, type AtIdentifier, type Did } from '@avocet/syntax'

import type { Account } from './account.ts'
import { remember, shown } from './bytes.ts'
import { MAX_ANSWER, type Core } from './core.ts'
import { OAuthClientError } from './error.ts'
import { exchange, readObject } from './http.ts'
import {
  isOrigin,
  readResourceMetadata,
  readServerMetadata,
  serverUrl,
  type ServerMetadata,
} from './server-metadata.ts'
import { within } from './within.ts'

/** Where somebody signs in. */
export interface Discovered {
  readonly server: ServerMetadata
  /** Null where a server was named. */
  readonly did: Did | null
  /** What the server's page is filled in with; null where a server was named. */
  readonly loginHint: string | null
}

const MAX_AGE_MS = 600_000
const MAX_SERVERS = 200
const MAX_INPUT = 2048

/**
 * Finds the authorization server behind what somebody typed: a handle, a DID, or the URL of a PDS or an authorization server.
 * @throws {OAuthClientError}
 */
export async function discover(core: Core, input: string, signal?: AbortSignal): Promise<Discovered> {
  const text = input.trim().replace(/^@|^at:\/\//, '')
  if (text.length <= MAX_INPUT && /^https?:\/\//.test(text)) {
    const url = serverUrl(text, core.allowLoopback)
    if (url === null || url.href !== `${url.origin}/`) {
      throw new OAuthClientError('invalid-input', `not the https origin of a server; input=${shown(text)}`)
    }
    return { server: await serverAt(core, url.origin, signal), did: null, loginHint: null }
  }
  const actor = text.startsWith('did:') ? text : text.toLowerCase()
  if (!isDid(actor) && !isHandle(actor)) {
    throw new OAuthClientError('invalid-input', `neither a handle, a DID nor a URL; input=${shown(text)}`)
  }
  const account = await resolveAccount(core, actor, false, signal)
  const server = await serverOfResource(core, account.pds, signal)
  return { server, did: account.did, loginHint: actor }
}

/** A PDS tells of its server; what tells of none may be one itself. */
async function serverAt(core: Core, origin: string, signal?: AbortSignal): Promise<ServerMetadata> {
  try {
    return await serverOfResource(core, origin, signal)
  } catch (error) {
    if (!(error instanceof OAuthClientError) || error.status !== 404) throw error
    return serverOf(core, origin, signal)
  }
}

/** @throws {OAuthClientError} `identity`, `timeout`, `aborted` */
export async function resolveAccount(
  core: Core,
  actor: AtIdentifier,
  fresh: boolean,
  signal?: AbortSignal,
): Promise<Account> {
  const patience = { timeoutMs: core.timeoutMs, signal }
  return within(patience, `account; actor=${actor}`, async (either) => {
    try {
      const account = await core.resolve(actor, { fresh, signal: either })
      if (isOrigin(account.pds, core.allowLoopback)) return account
      throw new OAuthClientError('identity', `the PDS is not an https origin; pds=${shown(account.pds)}`)
    } catch (cause) {
      if (cause instanceof OAuthClientError) throw cause
      throw new OAuthClientError('identity', `the account was not found; actor=${actor}`, { cause })
    }
  })
}

/** The authorization server of a PDS, which has to acknowledge it. @throws {OAuthClientError} */
export async function serverOfResource(
  core: Core,
  resource: string,
  signal?: AbortSignal,
): Promise<ServerMetadata> {
  const url = `${resource}/.well-known/oauth-protected-resource`
  const issuer = readResourceMetadata(await fetchDocument(core, url, signal), resource, core.allowLoopback)
  const server = await serverOf(core, issuer, signal)
  if (server.protectedResources !== null && !server.protectedResources.includes(resource)) {
    const message = `the issuer does not know the PDS; issuer=${issuer} pds=${resource}`
    throw new OAuthClientError('wrong-issuer', message)
  }
  return server
}

/** The metadata of an authorization server, up to ten minutes old; older where it cannot be reached. @throws {OAuthClientError} */
export async function serverOf(core: Core, issuer: string, signal?: AbortSignal): Promise<ServerMetadata> {
  const known = core.servers.get(issuer)
  if (known !== undefined && core.now() < known.at + MAX_AGE_MS) return known.metadata
  try {
    const document = await fetchDocument(core, `${issuer}/.well-known/oauth-authorization-server`, signal)
    const { token_endpoint_auth_method: method } = core.metadata
    const metadata = readServerMetadata(document, issuer, method, core.allowLoopback)
    remember(core.servers, issuer, { metadata, at: core.now() }, MAX_SERVERS)
    return metadata
  } catch (error) {
    if (known !== undefined && error instanceof OAuthClientError && error.isTransient) return known.metadata
    throw error
  }
}

async function fetchDocument(
  core: Core,
  url: string,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const bounds = { timeoutMs: core.timeoutMs, maxBytes: MAX_ANSWER, signal }
  const { status, headers, text } = await exchange(core.fetch, { url }, bounds)
  const type = headers.get('content-type') ?? ''
  if (status !== 200) {
    throw new OAuthClientError('invalid-metadata', `no document; url=${url} status=${status}`, { status })
  }
  const document = /^application\/json\s*(?:;|$)/i.test(type) ? readObject(text) : null
  if (document === null) {
    throw new OAuthClientError('invalid-metadata', `not JSON; url=${url} type=${shown(type)}`)
  }
  return document
}
