// https://www.rfc-editor.org/rfc/rfc6749#section-5.2, https://www.rfc-editor.org/rfc/rfc9449#section-8
import { shown } from './bytes.ts'
import { MAX_ANSWER, type Core } from './core.ts'
import { createProof, thumbprint, type DpopKey } from './dpop-key.ts'
import { OAuthClientError } from './error.ts'
import { exchange, readObject } from './http.ts'
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

interface EndpointAnswer {
  readonly status: number
  readonly isGood: boolean
  readonly nonce: string | null
  readonly body: Readonly<Record<string, unknown>> | null
}

/**
 * Posts a form, with a proof and with the client's assertion. Where the server wants another nonce, once more.
 * @throws {OAuthClientError} `refused` with the server's word, `invalid-answer`, and what `exchange` throws
 */
export async function post(core: Core, request: EndpointRequest): Promise<Readonly<Record<string, unknown>>> {
  const { origin } = new URL(request.url)
  let iat = 0
  const send = async (): Promise<EndpointAnswer> => {
    iat = core.nonces.seconds(origin)
    const form = new URLSearchParams(await identityOf(core, request, origin))
    for (const [name, value] of Object.entries(request.fields)) if (value) form.set(name, value)
    const headers: Record<string, string> = {}
    if (request.key !== null) {
      const target = { method: 'POST', url: request.url, iat }
      headers['dpop'] = await createProof(request.key, { ...target, nonce: core.nonces.get(origin) })
    }
    const bounds = { timeoutMs: core.timeoutMs, maxBytes: MAX_ANSWER, signal: request.signal }
    const answer = await exchange(core.fetch, { url: request.url, headers, body: form }, bounds)
    const { status } = answer
    const nonce = core.nonces.take(origin, answer.headers)
    return { status, nonce, isGood: status > 199 && status < 300, body: readObject(answer.text) }
  }
  let answer = await send()
  const isRefused = !answer.isGood && answer.nonce !== null
  if (isRefused && (await mayRepeat(core.nonces, origin, answer.body?.['error'], iat))) answer = await send()
  const { status, isGood, body } = answer
  if (!isGood) throw refusal(request.url, status, body)
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
