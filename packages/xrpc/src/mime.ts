/**
 * Media types of request and response bodies.
 * @see https://atproto.com/specs/xrpc#lexicon-http-endpoints
 */

const json = 'application/json'

/** The type and subtype of a `Content-Type` value, lower case, parameters dropped. Null when malformed or absent. */
export function mimeEssence(contentType: string | null | undefined): string | null {
  if (contentType === json) return json
  if (contentType === null || contentType === undefined || contentType.length > 1024) return null
  const end = contentType.indexOf(';')
  const essence = (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
  return /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+$/.test(essence) ? essence : null
}

/**
 * Whether a body's MIME type is one that an encoding of a lexicon allows: an exact type, a range such as `image/*`, the
 * wildcard for any type, or several of these separated by commas.
 *
 * @param mime a `Content-Type` value; its parameters are ignored
 */
export function matchesMime(pattern: string, mime: string | null | undefined): boolean {
  const essence = mimeEssence(mime)
  if (essence === null) return false
  if (pattern === essence) return true
  for (const part of pattern.split(',')) {
    const wanted = part.trim().toLowerCase()
    if (wanted === '*/*' || wanted === essence) return true
    if (wanted.endsWith('/*') && essence.startsWith(wanted.slice(0, -1))) return true
  }
  return false
}

/** Whether the encoding of a lexicon names exactly one MIME type. */
export function isExactMime(encoding: string): boolean {
  return !encoding.includes('*') && !encoding.includes(',')
}
