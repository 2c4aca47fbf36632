// https://data.iana.org/TLD/tlds-alpha-by-domain.txt

import { NAMES } from './tld-names.ts'

/** Each name is written as how many letters it has of the one before (`A` for none, `B` for one, …), and the rest. */
function unpack(packed: string): ReadonlySet<string> {
  const names = new Set<string>()
  let last = ''
  for (const [, shared, rest] of packed.matchAll(/([A-Z])([a-z]+)/g)) {
    last = last.slice(0, shared!.charCodeAt(0) - 65) + rest
    names.add(last)
  }
  return names
}

const KNOWN = /* @__PURE__ */ unpack(NAMES)

/**
 * Whether a top-level domain exists, in lower case: one of the root zone, or any in the ASCII form of another script (`xn--…`). For
 * `detect` and `annotate`, where 3 kB more do not matter.
 */
export const isTld = (tld: string): boolean => KNOWN.has(tld) || tld.startsWith('xn--')
