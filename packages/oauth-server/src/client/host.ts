/** Names that no app on the web has: they are for one machine, one network, or for examples. RFC 6761, RFC 6762. */
const LOCAL = /(?:^|\.)(?:localhost|local|test|invalid|example|internal|onion|arpa)\.?$/

/** Whether a host (as `URL` gives it) is a name in the public DNS: no address, no name for one machine or network. */
export function isPublicName(host: string): boolean {
  return host.includes('.') && !isAddress(host) && !LOCAL.test(host) && !host.endsWith('.')
}

/** `URL` gives IPv4 addresses in their usual form, whatever form they were written in, and IPv6 in brackets. */
function isAddress(host: string): boolean {
  return host.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(host)
}

/** Whether a host is this machine. */
export function isLoopbackHost(host: string): boolean {
  return /^127\.\d+\.\d+\.\d+$/.test(host) || host === '[::1]' || /(?:^|\.)localhost\.?$/.test(host)
}

/** Whether a text is of printable ASCII, as URLs are: `URL` itself takes out tabs and line ends. */
export function isPrintable(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}
