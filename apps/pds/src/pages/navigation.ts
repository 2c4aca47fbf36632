// Which requests may see a page, or post a form. https://www.w3.org/TR/fetch-metadata/

/** The headers of a request, by their lower-case names. */
type Header = (name: string) => string | undefined

/**
 * Whether a page may be shown: to somebody who goes there, from wherever, but not inside another page, not to a script, and not ahead of
 * time (a page that is fetched ahead would tie the request to a browser in which nobody opened it).
 */
export function isVisit(header: Header): boolean {
  const ahead = header('sec-purpose') ?? header('purpose')
  if (ahead !== undefined) return false
  const [mode, destination] = [header('sec-fetch-mode'), header('sec-fetch-dest')]
  return (
    (mode === undefined || mode === 'navigate') && (destination === undefined || destination === 'document')
  )
}

/** Whether a form was posted by a page of this server: as the browser says, or else by the origin that it names. */
export function isOwnPost(header: Header, origin: string): boolean {
  if (!isVisit(header)) return false
  const site = header('sec-fetch-site')
  const named = header('origin')
  if (site !== undefined && site !== 'same-origin') return false
  if (named !== undefined && named !== origin) return false
  return site !== undefined || named !== undefined
}
