/** Headers that travel between a client and the service behind this server; all others stay where they are. */

const TO_SERVICE = ['accept-language', 'atproto-accept-labelers', 'x-bsky-topics']
/** What services agree on with clients, without this server knowing. */
const TO_SERVICE_PREFIX = 'x-atproto-'
const OF_BODY_TO_SERVICE = ['content-type', 'content-encoding']

const TO_CLIENT = ['atproto-repo-rev', 'atproto-content-labelers', 'retry-after']
const OF_BODY_TO_CLIENT = ['content-language', 'content-type']

/** The request's headers that the service gets; those of a body only with one. */
export function headersToService(headers: Headers, hasBody: boolean): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of headers) {
    const known = TO_SERVICE.includes(name) || name.startsWith(TO_SERVICE_PREFIX)
    if (known || (hasBody && OF_BODY_TO_SERVICE.includes(name))) kept[name] = value
  }
  return kept
}

/**
 * The service's headers that the client gets. Whoever asked, the answer is theirs alone: no cache on the way may hand it
 * to somebody else.
 */
export function headersToClient(headers: Headers, withBody: boolean): Headers {
  const kept = new Headers({ 'cache-control': 'private', vary: 'Authorization' })
  for (const name of withBody ? [...TO_CLIENT, ...OF_BODY_TO_CLIENT] : TO_CLIENT) {
    const value = headers.get(name)
    if (value !== null) kept.set(name, value)
  }
  return kept
}
