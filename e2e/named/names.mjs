// Loaded before a program: the names of the network lead to servers on this machine, and nothing else can be reached. The program
// itself is as it would be on the internet.
import dns from 'node:dns/promises'
import { syncBuiltinESMExports } from 'node:module'
import { isIP, Socket } from 'node:net'

const { NAMES_PORT } = process.env
const connect = Object.getOwnPropertyDescriptor(Socket.prototype, 'connect').value

Socket.prototype.connect = function (...given) {
  // node:net hands its own arguments on as a list that it marks; the mark has to stay.
  const isList = Array.isArray(given[0])
  const options = isList ? given[0][0] : given[0]
  if (typeof options === 'object' && options !== null && 'port' in options && !isHere(options.host)) {
    if (Number(options.port) !== 443) {
      throw new Error(`nothing but https leads anywhere here; host=${options.host} port=${options.port}`)
    }
    const led = { ...options, host: '127.0.0.1', port: Number(NAMES_PORT) }
    given[0] = isList ? Object.assign([], given[0], { 0: led }) : led
  }
  return Reflect.apply(connect, this, given)
}

function isHere(host) {
  return host === undefined || host === 'localhost' || (isIP(host) !== 0 && /^(127\.|::1$)/.test(host))
}

const noAnswer = async () => {
  throw Object.assign(new Error('there is no such record'), { code: 'ENODATA' })
}
/** A handle has the same answer in the DNS as at its well-known address. */
async function resolveTxt(name) {
  const [, handle] = /^_atproto\.(.+\.example\.com)$/.exec(name) ?? (await noAnswer())
  const response = await fetch(`https://${handle}/.well-known/atproto-did`)
  return response.ok ? [[`did=${await response.text()}`]] : noAnswer()
}
for (const asked of [dns, dns.Resolver.prototype]) {
  Object.assign(asked, { resolveTxt, resolve4: noAnswer, resolve6: noAnswer })
}
syncBuiltinESMExports()
