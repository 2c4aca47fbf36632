// https://www.rfc-editor.org/rfc/rfc6265
/** A cookie that no script reads, and that other sites send with nothing but links. */
export interface Cookie {
  readonly name: string
  readonly path: string
  /** Over https alone. */
  readonly secure: boolean
  /** Seconds. */
  readonly maxAge: number
}

/** The value of a cookie of a request; null where there is none, or it is there twice. */
export function readCookie(request: Request, name: string): string | null {
  const found = (request.headers.get('cookie') ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
  return found.length === 1 ? found[0]!.slice(name.length + 1) : null
}

/** The header that sets it. @param value of base64url */
export function writeCookie({ name, path, secure, maxAge }: Cookie, value: string): string {
  return `${name}=${value}; Path=${path}; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
}

/** The header that takes it back. */
export function clearCookie(cookie: Cookie): string {
  return writeCookie({ ...cookie, maxAge: 0 }, '')
}
