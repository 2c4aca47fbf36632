// DID documents made to be costly: they are answered to whoever asks for an account.

import type { Fetch } from '@avocet/did'
import { createRandom, type Random } from '@avocet/testing'

/** As large as a document may be, and a byte more. */
const LARGEST = 256 * 1024

/** Gives the document of any did:web, always the same, mostly a small one. */
export const documentHost: Fetch = (url) => {
  const { hostname } = new URL(url)
  const random = createRandom(numberOf(hostname))
  const claimed = `"id":"did:web:${hostname}","alsoKnownAs":["at://${hostname}"]`
  const begin = `{${claimed},"verificationMethod":[],"service":[],"more":`
  const size = random.below(4) === 0 ? LARGEST - begin.length - 1 + random.below(2) : random.below(2000)
  return Promise.resolve(new Response(`${begin}${filler(size, random)}}`))
}

function numberOf(name: string): number {
  return Array.from(name).reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) >>> 0, 0)
}

/** A JSON value of about so many characters, never more. */
function filler(size: number, random: Random): string {
  const item = random.pick(['[]', '{}', '0', '""', '{"a":1}', '"\\u0001"', '1e-300', '[[[[[[]]]]]]'])
  switch (random.below(4)) {
    case 0:
      return '['.repeat(size >> 1) + ']'.repeat(size >> 1)
    case 1:
      return `{${Array.from({ length: Math.floor(size / 12) }, (_, i) => `"${i.toString(36)}":null`).join()}}`
    case 2:
      return `"${random.pick(['\\u0001', 'a', '\\"', 'é']).repeat(size >> 4)}"`
    default:
      return `[${Array.from({ length: Math.floor(size / (item.length + 1)) - 1 }, () => item).join()}]`
  }
}
