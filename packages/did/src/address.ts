// Which IP addresses a stranger's name may lead to.
// https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry

type Block = readonly [network: number, bits: number]

/** IPv4 blocks that are not globally reachable, and those that reach more than one host. */
const IPV4_BLOCKS: readonly Block[] = [
  block4('0.0.0.0', 8),
  block4('10.0.0.0', 8),
  block4('100.64.0.0', 10),
  block4('127.0.0.0', 8),
  block4('169.254.0.0', 16),
  block4('172.16.0.0', 12),
  block4('192.0.0.0', 24),
  block4('192.0.2.0', 24),
  block4('192.88.99.0', 24),
  block4('192.168.0.0', 16),
  block4('198.18.0.0', 15),
  block4('198.51.100.0', 24),
  block4('203.0.113.0', 24),
  block4('224.0.0.0', 4),
  block4('240.0.0.0', 4),
]

/**
 * Blocks that stay closed even where private hosts may be reached: no host, other than one's own, is there, or one that
 * tells secrets of the machine to whoever asks (the metadata services of clouds).
 */
const NEVER_IPV4: readonly Block[] = [
  block4('0.0.0.0', 8),
  block4('100.100.100.200', 32),
  block4('127.0.0.0', 8),
  block4('169.254.0.0', 16),
  block4('192.0.0.0', 24),
  block4('224.0.0.0', 4),
  block4('240.0.0.0', 4),
]
/** Metadata services among the unique local addresses. */
const METADATA_IPV6: readonly (readonly number[])[] = [
  [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
  [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254],
]

/** True for an address of the public internet: not private, loopback, link-local, multicast or reserved. */
export function isPublicAddress(address: string): boolean {
  const v4 = parseIpv4(address)
  if (v4 !== null) return isPublicIpv4(v4)
  const v6 = parseIpv6(address)
  if (v6 === null) return false
  const embedded = embeddedIpv4(v6)
  if (embedded !== null) return isPublicIpv4(embedded)
  const [first = 0, second = 0] = v6
  // Only 2000::/3 is global unicast; within it, protocol assignments with Teredo, documentation and 6to4 are not hosts.
  if (first >> 13 !== 1) return false
  if (first === 0x2001 && (second < 0x200 || second === 0xdb8)) return false
  if (first === 0x2002) return false
  return !(first === 0x3fff && second >> 12 === 0)
}

/**
 * True for an address of a host in a private network: of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, the blocks
 * for tests and documentation, fc00::/7. Not for loopback, link-local and multicast ones, nor those of metadata services.
 */
export function isPrivateAddress(address: string): boolean {
  const v4 = parseIpv4(address)
  if (v4 !== null) return isPrivateIpv4(v4)
  const v6 = parseIpv6(address)
  if (v6 === null) return false
  const embedded = embeddedIpv4(v6)
  if (embedded !== null) return isPrivateIpv4(embedded)
  const [first = 0, second = 0] = v6
  if (first === 0x2001 && second === 0xdb8) return true
  if (first === 0x3fff && second >> 12 === 0) return true
  if (first >> 9 !== 0xfc >> 1) return false
  return !METADATA_IPV6.some((known) => known.every((word, index) => word === v6[index]))
}

/** True for 127.0.0.0/8 and ::1. */
export function isLoopbackAddress(address: string): boolean {
  const v4 = parseIpv4(address)
  if (v4 !== null) return v4 >>> 24 === 127
  const v6 = parseIpv6(address)
  if (v6 === null) return false
  if (v6.every((word, index) => word === (index === 7 ? 1 : 0))) return true
  const embedded = embeddedIpv4(v6)
  return embedded !== null && embedded >>> 24 === 127
}

function isPublicIpv4(address: number): boolean {
  return !isIn(IPV4_BLOCKS, address)
}

function isPrivateIpv4(address: number): boolean {
  return isIn(IPV4_BLOCKS, address) && !isIn(NEVER_IPV4, address)
}

function isIn(blocks: readonly Block[], address: number): boolean {
  return blocks.some(([network, bits]) => (address ^ network) >>> (32 - bits) === 0)
}

/** The IPv4 address that a mapped (::ffff:0:0/96) or NAT64 (64:ff9b::/96) address leads to. */
function embeddedIpv4(words: readonly number[]): number | null {
  const [a, b, c, d, e, f, high = 0, low = 0] = words
  const isMapped = !a && !b && !c && !d && !e && f === 0xffff
  const isNat64 = a === 0x64 && b === 0xff9b && !c && !d && !e && !f
  return isMapped || isNat64 ? ((high << 16) | low) >>> 0 : null
}

function block4(network: string, bits: number): Block {
  return [parseIpv4(network) ?? 0, bits]
}

/** Only the four-part decimal form: URLs and resolvers give no other. */
function parseIpv4(text: string): number | null {
  const parts = text.split('.')
  if (parts.length !== 4) return null
  let address = 0
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return null
    address = (address << 8) | Number(part)
  }
  return address >>> 0
}

/** The eight words of an IPv6 address; a zone (`%eth0`) makes it none. */
function parseIpv6(text: string): number[] | null {
  if (text.length > 45 || !text.includes(':')) return null
  let rest = text
  const tail: number[] = []
  const dotted = text.slice(text.lastIndexOf(':') + 1)
  if (dotted.includes('.')) {
    const v4 = parseIpv4(dotted)
    if (v4 === null) return null
    tail.push(v4 >>> 16, v4 & 0xffff)
    rest = text.slice(0, -dotted.length)
    if (!rest.endsWith('::')) rest = rest.slice(0, -1)
  }
  const halves = rest.split('::')
  if (halves.length > 2) return null
  const words = halves.map((half) => (half === '' ? [] : half.split(':').map(parseWord)))
  const [head = [], end] = words
  const given = head.length + (end?.length ?? 0) + tail.length
  if (end === undefined ? given !== 8 : given > 7) return null
  const all = [...head, ...Array.from({ length: 8 - given }, () => 0), ...(end ?? []), ...tail]
  return all.every((word) => word !== null) ? all : null
}

function parseWord(text: string): number | null {
  return /^[0-9a-fA-F]{1,4}$/.test(text) ? Number.parseInt(text, 16) : null
}
