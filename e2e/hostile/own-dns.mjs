// Loaded before the server: its questions to the DNS go to the server named by the environment, and to no other.
import dns from 'node:dns/promises'
import { syncBuiltinESMExports } from 'node:module'

const { Resolver } = dns
dns.Resolver = class extends Resolver {
  constructor(options) {
    super(options)
    this.setServers([process.env.HOSTILE_DNS])
  }
}
syncBuiltinESMExports()
