/** Headers that travel between a client and the service behind this server; all others stay where they are. */

const TO_SERVICE = [
  'accept-language',
  'atproto-accept-labelers',
  'x-bsky-topics',
  'content-type',
  'content-encoding',
]

const TO_CLIENT = [
  'atproto-repo-rev',
  'atproto-content-labelers',
  'cache-control',
  'content-language',
  'content-type',
  'etag',
  'ratelimit-limit',
  'ratelimit-policy',
  'ratelimit-remaining',
  'ratelimit-reset',
  'retry-after',
]

/** The request's headers that the service gets. */
export function headersToService(header: (name: string) => string | null): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of TO_SERVICE) {
    const value = header(name)
    if (value !== null) headers[name] = value
  }
  return headers
}

/** The service's headers that the client gets. */
export function headersToClient(headers: Headers): Headers {
  const kept = new Headers()
  for (const name of TO_CLIENT) {
    const value = headers.get(name)
    if (value !== null) kept.set(name, value)
  }
  return kept
}
