/** A change between two versions of a lexicon that matters to those who use the old one. */
export type Change = {
  /** Where in the new version, as a JSON pointer; of what is gone, where it was. */
  readonly path: string
  readonly message: string
  /** An `error` breaks the rules of evolution; a `warning` is against good practice. */
  readonly severity: 'error' | 'warning'
}

/** Notes changes. */
export type Note = (path: string, message: string, severity?: Change['severity']) => void

/** A pointer one step further. */
export function step(path: string, key: string): string {
  return `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
}
