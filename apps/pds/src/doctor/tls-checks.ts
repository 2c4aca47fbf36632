import { checkServerIdentity, connect, type PeerCertificate } from 'node:tls'

import type { Finding } from './finding.ts'
import type { Reach } from './reach.ts'

/** What a handshake showed. */
interface Handshake {
  readonly certificate: PeerCertificate
  readonly protocol: string | null
  /** Why the chain is not trusted; null when it is. */
  readonly untrusted: string | null
}

const TIMEOUT_MS = 5000
const DAY_MS = 24 * 60 * 60 * 1000
/** Certificates are ordered anew long before; one that ends so soon was not. */
const WARN_DAYS = 14

/** What is said elsewhere: of the name, and of the time. */
const OTHERWISE_TOLD: ReadonlySet<string> = new Set(['ERR_TLS_CERT_ALTNAME_INVALID', 'CERT_HAS_EXPIRED'])

/** The certificate of the public URL as clients see it: its chain, its names, its end; the version of TLS. */
export async function tlsChecks(reach: Reach, now: number = Date.now()): Promise<Finding[]> {
  const { hostname } = reach.origin
  let seen: Handshake
  try {
    seen = await shake(reach)
  } catch (error) {
    const detail = `no TLS connection to ${hostname}: ${(error as Error).message}`
    return [{ level: 'bad', what: 'TLS', detail, next: 'look at the DNS record and the front server' }]
  }
  const { certificate, protocol, untrusted } = seen
  const wrongName = checkServerIdentity(hostname, certificate)
  const days = Math.floor((Date.parse(certificate.valid_to) - now) / DAY_MS)
  const isModern = protocol === 'TLSv1.3' || protocol === 'TLSv1.2'
  return [
    untrusted === null
      ? { level: 'ok', what: 'TLS chain', detail: 'trusted' }
      : {
          level: 'bad',
          what: 'TLS chain',
          detail: `clients do not trust the certificate: ${untrusted}`,
          next: 'serve the whole chain (fullchain.pem) of a public authority, as Caddy orders it by itself',
        },
    wrongName === undefined
      ? { level: 'ok', what: 'TLS host name', detail: hostname }
      : {
          level: 'bad',
          what: 'TLS host name',
          detail: `the certificate is for ${certificate.subjectaltname ?? 'no name'}, not ${hostname}`,
          next: `order a certificate for ${hostname}`,
        },
    {
      level: days < 0 ? 'bad' : days < WARN_DAYS ? 'warn' : 'ok',
      what: 'TLS expiry',
      detail: days < 0 ? `the certificate ended ${-days} days ago` : `${days} days are left`,
      next: 'see in the log of the front server why it does not order a new certificate',
    },
    {
      level: isModern ? 'ok' : 'warn',
      what: 'TLS version',
      detail: protocol ?? 'unknown',
      next: 'let the front server offer TLS 1.2 and 1.3',
    },
  ]
}

function shake({ origin, via, ca }: Reach): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: via?.host ?? origin.hostname,
      port: via?.port ?? Number(origin.port || 443),
      servername: origin.hostname,
      // Looked at, not refused: what is wrong is to be told.
      rejectUnauthorized: false,
      ...(ca === undefined ? {} : { ca }),
    })
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no answer in time')))
    socket.on('error', reject)
    socket.on('secureConnect', () => {
      const { authorizationError: code } = socket as { authorizationError?: unknown }
      const reason = code instanceof Error ? ((code as { code?: string }).code ?? code.message) : code
      resolve({
        certificate: socket.getPeerCertificate(),
        protocol: socket.getProtocol(),
        untrusted: typeof reason === 'string' && !OTHERWISE_TOLD.has(reason) ? reason : null,
      })
      socket.destroy()
    })
  })
}
