// https://atproto.com/specs/lexicon#ref

/** A reference taken apart: `name` is `main` where there is no fragment. */
export type RefParts = { readonly nsid: string; readonly name: string }

/** Takes a reference apart: `#name` is one within `base`. */
export function splitRef(ref: string, base: string): RefParts {
  const hash = ref.indexOf('#')
  if (hash < 0) return { nsid: ref, name: 'main' }
  return { nsid: hash === 0 ? base : ref.slice(0, hash), name: ref.slice(hash + 1) }
}

/** The `$type` of a definition: the NSID alone for `main`. */
export function typeName(nsid: string, name: string): string {
  return name === 'main' ? nsid : `${nsid}#${name}`
}
