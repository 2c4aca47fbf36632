/**
 * Reads the address of a service.
 *
 * @param schemes which are taken; default `http(s)`
 * @throws {TypeError} that names what was given, and what was meant?
 */
export function serviceUrl(service: string | URL, schemes: RegExp = /^https?:/): URL {
  const text = String(service)
  if (schemes.test(text) && URL.canParse(text)) return new URL(text)
  const isLocal = /^(local|127\.)/.test(text)
  const hint = isLocal || /^[^/]+\./.test(text) ? `: http${isLocal ? '' : 's'}://${text} was meant?` : ''
  throw new TypeError(`not an http(s) URL${hint}; service=${text}`)
}
