// https://www.rfc-editor.org/rfc/rfc6749#section-5.2, https://www.rfc-editor.org/rfc/rfc9449#section-8
import { shown } from './bytes.ts'
import { MAX_ANSWER, type Core } from './core.ts'
import { createProof, thumbprint, type DpopKey } from './dpop-key.ts'
import { OAuthClientError } from './error.ts'
import { exchange, readObject, type Answer } from './http.ts'
import { mayRepeat } from './nonces.ts'
import type { ServerMetadata } from './server-metadata.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** A request to an endpoint of an authorization server. */
export interface EndpointRequest {
  readonly server: ServerMetadata
  readonly url: string
  /** What is null, undefined or empty is not sent. */
  readonly fields: Readonly<Record<string, string | null | undefined>>
  /** Null for the endpoint of revocation, where nothing is bound. */
  readonly key: DpopKey | null
  readonly clientKeyId: string | null
  readonly signal?: AbortSignal | undefined
}

/**
 * Posts a form, with a proof and with the client's assertion. Where the server wants another nonce, once more.
 * @throws {OAuthClientError} `refused` with the server's word, `invalid-answer`, and what `exchange` throws
 */
export async function post(core: Core, request: EndpointRequest): Promise<Readonly<Record<string, unknown>>> {
  const { origin } = new URL(request.url)
  let iat = 0
  const send = async (): Promise<Answer> => {
    iat = core.nonces.seconds(origin)
    const body = new URLSearchParams(await identityOf(core, request, origin))
    for (const [name, value] of Object.entries(request.fields)) if (value) body.set(name, value)
    const headers: Record<string, string> = {}
    if (request.key !== null) {
      const target = { method: 'POST', url: request.url, iat }
      headers['dpop'] = await createProof(request.key, { ...target, nonce: core.nonces.get(origin) })
    }
    const bounds = { timeoutMs: core.timeoutMs, maxBytes: MAX_ANSWER, signal: request.signal }
    return exchange(core.fetch, { url: request.url, headers, body }, bounds)
  }
  let answer = await send()
  const nonce = core.nonces.take(origin, answer.headers)
  if (nonce !== null && mayRepeat(core.nonces, origin, wordOf(answer), iat)) {
    answer = await send()
    core.nonces.take(origin, answer.headers)
  }
  const { status, text } = answer
  const body = readObject(text)
  if (status < 200 || status > 299) throw refusal(request.url, status, body)
  if (body === null) {
    throw new OAuthClientError('invalid-answer', `not JSON; url=${request.url} status=${status}`, { status })
  }
  return body
}

/** How the client says who it is. An assertion is good for one request. */
async function identityOf(
  core: Core,
  { server, key, clientKeyId }: EndpointRequest,
  origin: string,
): Promise<Record<string, string>> {
  const { client_id: clientId } = core.metadata
  if (core.auth === undefined) return { client_id: clientId }
  if (clientKeyId === null) throw new OAuthClientError('invalid-input', 'the session is of a public client')
  const assertion = await core.auth.assertion({
    keyId: clientKeyId,
    clientId,
    issuer: server.issuer,
    dpopThumbprint: key === null ? null : await thumbprint(key),
    iat: core.nonces.seconds(origin),
  })
  return { client_id: clientId, client_assertion_type: JWT_BEARER, client_assertion: assertion }
}

function wordOf({ status, text }: Answer): unknown {
  return status === 400 || status === 401 ? readObject(text)?.['error'] : null
}

function refusal(
  url: string,
  status: number,
  body: Readonly<Record<string, unknown>> | null,
): OAuthClientError {
  const { error, error_description: description } = body ?? {}
  const word = typeof error === 'string' ? shown(error) : undefined
  const more = typeof description === 'string' ? `: ${shown(description)}` : ''
  const message = `the server refused; url=${url} status=${status} error=${word ?? 'none'}${more}`
  return new OAuthClientError('refused', message, { status, oauthError: word })
}
