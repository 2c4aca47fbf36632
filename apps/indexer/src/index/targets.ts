// What a text of a record points to, as Constellation takes it: an at:// URI, a DID, or a URI of any other scheme. Two texts that mean
// the same by their syntax alone are one target: https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2

/** Longest target in characters: what a URI of a lexicon may have. */
const MAX_TARGET = 8192
const MAX_DID = 2048

const SCHEME = /^[A-Za-z][A-Za-z\d+.-]*$/
/** What is as it is to be; `/.` aside, which may be a dot segment. Most links are such. */
const PLAIN_AT_URI = /^at:\/\/(?:did:[\w.:-]+|[a-z\d.-]+)(?:\/[\w:~-][\w.:~-]*)*$/
const PLAIN_URL = /^https?:\/\/[a-z\d.-]+(?:[/?][!$&-;=?-Z_a-z~]*)?(?:#[!$&-;=?-Z_a-z~]*)?$/
const AT = /^at:\/\//i
const DID = /^did:[a-z]*:[\w.:%-]+$/
/** A percent sign is of an escape; which characters may stand where is looked at later. */
const URI_CHARACTERS = /^[!#-;=?-[\]_a-z~]*$/
const BROKEN_ESCAPE = /%(?![\dA-Fa-f]{2})/
const ESCAPE = /%[\dA-Fa-f]{2}/g
const UNRESERVED = /[\w.~-]/
const ASCII = /^[\0-\x7f]*$/
/** What no path, query or fragment may hold, beside what no URI may. */
const BRACKET = /[[\]]/
const NAMED_HOST = /^([^:@[\]]*)(?::(\d*))?$/
const LITERAL_HOST = /^\[([^[\]]*)\](?::(\d*))?$/
const IPV6 = /^[\dA-Fa-f:.]+$/
const LATER_IP = /^v[\dA-Fa-f]+\.[!$&-.\d:;=A-Z_a-z~]+$/i

/** A text that is a DID or an `at://` URI as they are written: its own target. Others may be targets too, at a price. */
export function isUsual(text: string): boolean {
  return isDid(text) || (text.length <= MAX_TARGET && PLAIN_AT_URI.test(text))
}

/**
 * The target that a text is; null: it is none.
 * At most {@link MAX_TARGET} characters, looked at in time linear in them.
 */
export function targetOf(text: string): string | null {
  const colon = text.indexOf(':')
  if (colon < 1 || text.length > MAX_TARGET || !isLetter(text.charCodeAt(0))) return null
  if (isUsual(text)) return text
  if (PLAIN_URL.test(text) && !text.includes('/.')) return text
  return atUriOf(text) ?? uriOf(text, colon)
}

const isLetter = (code: number): boolean => (code | 32) >= 97 && (code | 32) <= 122

function isDid(text: string): boolean {
  return DID.test(text) && text.length <= MAX_DID && !text.endsWith(':')
}

/** Lenient in what stands in an authority, a query and a fragment, as Constellation is. */
function atUriOf(text: string): string | null {
  if (!AT.test(text) || !ASCII.test(text) || BROKEN_ESCAPE.test(text)) return null
  const [beforeFragment, fragment] = cut(unescaped(text.slice(5)), '#')
  const [hierarchy, query] = cut(beforeFragment, '?')
  const [authority, path = ''] = cut(hierarchy, '/')
  if (authority === '' || !URI_CHARACTERS.test(path) || BRACKET.test(path)) return null
  const name = authority.startsWith('did:') ? authority : authority.toLowerCase()
  const kept = withoutSlashes(withoutDots(`/${path}`))
  return `at://${name}${kept === '' ? '' : `/${kept}`}${tail(query, fragment)}`
}

function uriOf(text: string, colon: number): string | null {
  const scheme = text.slice(0, colon)
  if (!URI_CHARACTERS.test(text) || !SCHEME.test(scheme) || BROKEN_ESCAPE.test(text)) return null
  const [beforeFragment, fragment] = cut(text.slice(colon + 1), '#')
  const [hierarchy, query] = cut(beforeFragment, '?')
  const [beforePath, afterSlashes] = hierarchy.startsWith('//') ? cut(hierarchy.slice(2), '/') : [null]
  const rest = beforePath === null ? hierarchy : afterSlashes === undefined ? '' : `/${afterSlashes}`
  if (BRACKET.test(rest) || BRACKET.test(tail(query, fragment)) || fragment?.includes('#') === true)
    return null
  const authority = beforePath === null ? '' : authorityOf(beforePath)
  if (authority === null) return null
  const path = rest.startsWith('/') ? withoutDots(unescaped(rest)) : unescaped(rest)
  // Without an authority two slashes would begin one.
  const between = beforePath === null && path.startsWith('//') ? '/.' : ''
  return `${scheme.toLowerCase()}:${authority}${between}${path}${unescaped(tail(query, fragment))}`
}

/** With its slashes: `//user@host:port`. A port that is empty goes; the usual one of a scheme stays. */
function authorityOf(text: string): string | null {
  const at = text.indexOf('@')
  const [user, place] = at < 0 ? [null, text] : [text.slice(0, at), text.slice(at + 1)]
  if (user !== null && BRACKET.test(user)) return null
  const named = NAMED_HOST.exec(place)
  const parts = named ?? LITERAL_HOST.exec(place)
  if (parts === null) return null
  const [, name = '', port = ''] = parts
  const host = named === null ? literalOf(name) : unescaped(name.toLowerCase(), true)
  if (host === null) return null
  return `//${user === null ? '' : `${unescaped(user)}@`}${host}${port === '' ? '' : `:${port}`}`
}

/** An address in brackets, as https://www.rfc-editor.org/rfc/rfc5952 writes it. */
function literalOf(name: string): string | null {
  if (LATER_IP.test(name)) return `[${name.toLowerCase()}]`
  const url = IPV6.test(name) ? `http://[${name}]` : ''
  if (!URL.canParse(url)) return null
  // One that stands for an IPv4 address is written as `URL` does not.
  const mapped = /^\[::ffff:([\da-f]+):([\da-f]+)\]$/.exec(new URL(url).hostname)
  if (mapped === null) return new URL(url).hostname
  const bytes = mapped
    .slice(1)
    .flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255])
  return `[::ffff:${bytes.join('.')}]`
}

/** Escapes of characters that need none, as these; others in capitals. */
function unescaped(text: string, isLower = false): string {
  if (!text.includes('%')) return text
  return text.replace(ESCAPE, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    if (!UNRESERVED.test(character)) return escape.toUpperCase()
    return isLower ? character.toLowerCase() : character
  })
}

/** A path that begins with a slash, without `.` and `..`. */
function withoutDots(path: string): string {
  if (!path.includes('/.')) return path
  const segments = path.split('/')
  const kept: string[] = []
  for (const [i, segment] of segments.entries()) {
    if (segment !== '.' && segment !== '..') kept.push(segment)
    else {
      if (segment === '..' && kept.length > 1) kept.pop()
      if (i === segments.length - 1) kept.push('')
    }
  }
  return kept.join('/')
}

/** What stands before the first of a character, and behind it. */
function cut(text: string, character: string): [string, string?] {
  const at = text.indexOf(character)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

const tail = (query: string | undefined, fragment: string | undefined): string =>
  (query === undefined ? '' : `?${query}`) + (fragment === undefined ? '' : `#${fragment}`)

/** Without those at both ends. */
function withoutSlashes(path: string): string {
  let [from, to] = [0, path.length]
  while (path[from] === '/') from++
  while (to > from && path[to - 1] === '/') to--
  return path.slice(from, to)
}
