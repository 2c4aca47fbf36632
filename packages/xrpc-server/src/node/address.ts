import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { hostOfTarget } from './target.ts'

/**
 * Which proxies are believed about who calls: none (`false`), the one directly in front (`true`), that many in a row,
 * or those of these addresses and CIDR ranges.
 */
export type TrustProxy = boolean | number | readonly string[]

/**
 * Makes the function that tells a caller's address. `X-Forwarded-For` is read from its right end, as far as the proxies
 * are trusted: what a caller wrote there itself is never believed.
 *
 * @throws {TypeError} for a range that is not one
 */
export function createAddressReader(trust: TrustProxy): (message: IncomingMessage) => string | null {
  const trusted = trustTest(trust)
  return (message) => {
    let address = plain(message.socket.remoteAddress)
    if (trusted === null || address === null) return address
    const header = message.headers['x-forwarded-for']
    if (header === undefined) return address
    const hops = (typeof header === 'string' ? header : header.join(',')).split(',')
    for (let hop = 0; hops.length > 0 && trusted(address, hop); hop += 1) {
      const next = plain(hops.pop()!.trim())
      if (next === null) return address
      address = next
    }
    return address
  }
}

/**
 * Makes the function that tells the host a caller asked for: what a trusted proxy directly in front says in
 * `X-Forwarded-Host`, the last one if there are several; else what the request itself says.
 *
 * @throws {TypeError} for a range that is not one
 */
export function createHostReader(trust: TrustProxy): (message: IncomingMessage) => string | undefined {
  const trusted = trustTest(trust)
  return (message) => {
    const { host: header, 'x-forwarded-host': forwarded } = message.headers
    const host = hostOfTarget(message.url, header)
    const address = plain(message.socket.remoteAddress)
    if (forwarded === undefined || trusted === null || address === null || !trusted(address, 0)) return host
    return (typeof forwarded === 'string' ? forwarded : forwarded.join(',')).split(',').pop()!.trim()
  }
}

function trustTest(trust: TrustProxy): ((address: string, hop: number) => boolean) | null {
  if (trust === false || trust === 0) return null
  if (typeof trust === 'boolean') return (_, hop) => hop === 0
  if (typeof trust === 'number') return (_, hop) => hop < trust
  const list = new BlockList()
  for (const range of trust) {
    const [address, bits] = range.split('/')
    const family = isIP(address!)
    if (family === 0) throw new TypeError(`not an address or range; trustProxy=${range}`)
    const type = family === 4 ? 'ipv4' : 'ipv6'
    if (bits === undefined) list.addAddress(address!, type)
    else list.addSubnet(address!, Number(bits), type)
  }
  return (address) => list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
}

function plain(address: string | undefined): string | null {
  if (address === undefined) return null
  const text = address.startsWith('::ffff:') ? address.slice(7) : address
  return isIP(text) === 0 ? null : text
}
