import type { Finding } from './finding.ts'
import { oauthChecks } from './oauth-checks.ts'
import { pageChecks } from './page-checks.ts'
import { createAsk, type Reach } from './reach.ts'
import { tlsChecks } from './tls-checks.ts'

/** The server as apps and browsers see it under its public URL: TLS, the documents and errors of OAuth, pages and their cookies. */
export async function publicChecks(reach: Reach): Promise<Finding[]> {
  const { origin } = reach
  const isSecure = origin.protocol === 'https:'
  const tls = isSecure ? await tlsChecks(reach) : []
  // Without a connection there is nothing else to see.
  if (tls.some(({ what }) => what === 'TLS')) return tls
  const ask = createAsk(reach)
  try {
    return [...tls, ...(await oauthChecks(ask, origin.origin)), ...(await pageChecks(ask, isSecure))]
  } catch (error) {
    const { message } = error as Error
    const next = 'look at the DNS record and the front server'
    return [
      ...tls,
      { level: 'bad', what: 'apps', detail: `${origin.origin} does not answer: ${message}`, next },
    ]
  }
}
