// https://www.rfc-editor.org/rfc/rfc9112#section-3.2

/** A whole URL as the target, which a server must take as well as a path. */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i

/** The path and query of a request target, from the slash on, whichever form it came in. */
export function pathOfTarget(target: string): string {
  if (target.startsWith('/')) return target
  const rest = target.replace(ABSOLUTE, '')
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** The host a request is for: that of a target which names one, whatever the Host header says. */
export function hostOfTarget(target: string | undefined, hostHeader: string | undefined): string | undefined {
  if (target === undefined || target.startsWith('/')) return hostHeader
  return ABSOLUTE.exec(target)?.[1]?.replace(/^[^@]*@/, '') ?? hostHeader
}

/** Whether there is more than one Host header: another server on the way may have read the other one. */
export function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  return hosts > 1
}
