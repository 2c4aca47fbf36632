/** The networks behind addresses, for limits that count by who calls. */

/**
 * What an address counts as: an IPv4 address as itself, an IPv6 address as its /64, which is what one household or machine is
 * given: https://www.rfc-editor.org/rfc/rfc6177. Text that is no address is returned as it is.
 */
export function networkOf(address: string): string {
  if (!address.includes(':') || address.length > 64) return address
  const [before = '', after] = address.split('%')[0]!.toLowerCase().split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  // A trailing IPv4 part stands for two groups, which lie beyond the first four.
  const groups = tail.length + (tail.at(-1)?.includes('.') === true ? 1 : 0)
  const zeros = after === undefined ? 0 : Math.max(0, 8 - head.length - groups)
  const all = [...head, ...Array.from({ length: zeros }, () => '0'), ...tail]
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0{1,3}(?=.)/, ''))
    .join(':')}::/64`
}
