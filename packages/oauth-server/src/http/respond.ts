import type { OAuthFailure } from '../failure.ts'

/** Any page may call these endpoints, without cookies; what it has to read is named. */
const CORS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
  'access-control-allow-headers': 'Content-Type, DPoP',
  'access-control-expose-headers': 'DPoP-Nonce, WWW-Authenticate, Retry-After',
  'access-control-max-age': '86400',
}

/** Longest `error_description`. */
const MAX_DESCRIPTION = 400

/** An answer of JSON that nobody keeps. */
export function answerJson(
  status: number,
  body: object,
  headers: Readonly<Record<string, string>>,
): Response {
  return Response.json(body, {
    status,
    headers: { ...CORS, 'cache-control': 'no-store', pragma: 'no-cache', ...headers },
  })
}

/** A document that is the same for everybody for five minutes. */
export function answerDocument(body: object): Response {
  return Response.json(body, { headers: { ...CORS, 'cache-control': 'max-age=300' } })
}

/** What browsers ask before a call from another origin. */
export function answerPreflight(): Response {
  return new Response(null, { status: 204, headers: CORS })
}

/** A refusal, with the words and headers that clients go by. */
export function answerFailure(failure: OAuthFailure, headers: Readonly<Record<string, string>>): Response {
  const { code, message, status, retryAfter } = failure
  return answerJson(
    status,
    { error: code, error_description: description(message) },
    retryAfter === undefined ? headers : { ...headers, 'retry-after': String(Math.ceil(retryAfter)) },
  )
}

/** A text of the characters that RFC 6749, section 5.2, allows there. */
function description(message: string): string {
  const text = message.replaceAll('"', "'").replaceAll(/[^\x20-\x7e]|\\/g, '?')
  return text.length > MAX_DESCRIPTION ? `${text.slice(0, MAX_DESCRIPTION)}...` : text
}
