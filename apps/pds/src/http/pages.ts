import type { AccountRows } from '@avocet/accounts'
import { Hono } from 'hono'

import type { PdsConfig } from '../config/config.ts'
import type { PublicAddress } from '../identity/address.ts'
import type { PageEnv } from '../operator/guard.ts'

/** What is served outside `/xrpc`: pages for people, and the well-known files of handles and of this service. */
export function createPages(
  config: PdsConfig,
  accounts: AccountRows,
  address: PublicAddress,
  operatorPages: Hono<PageEnv>,
  /** For people in a browser: with headers of their own. */
  guarded: readonly Hono<PageEnv>[],
): Hono<PageEnv> {
  const pages = new Hono<PageEnv>()
  // Before what lets other sites read an answer.
  for (const some of guarded) pages.route('/', some)
  pages.use(async (context, next) => {
    await next()
    context.header('access-control-allow-origin', '*')
    context.header('x-content-type-options', 'nosniff')
  })

  pages.get('/', async (context) => {
    context.header('content-security-policy', `default-src 'none'; style-src 'unsafe-inline'`)
    return context.html(welcome(config, address, await accounts.count()))
  })

  pages.get('/robots.txt', (context) =>
    context.text('# Crawling the public XRPC API is allowed.\nUser-agent: *\nAllow: /\n'),
  )

  pages.get('/.well-known/atproto-did', async (context) => {
    // What a front server says it was asked for counts: the URL is made of it.
    const host = new URL(context.req.url).hostname
    const local = config.handleDomains.some((domain) => host.endsWith(domain) || host === domain.slice(1))
    const account = local ? await accounts.byHandle(host) : null
    if (account === null || account.takedownRef !== null) return context.text('User not found', 404)
    return context.text(account.did)
  })

  pages.get('/.well-known/did.json', (context) => {
    const did = address.serviceDid()
    if (!did.startsWith('did:web:')) return context.json({ error: 'NotFound' }, 404)
    return context.json({
      '@context': ['https://www.w3.org/ns/did/v1'],
      id: did,
      service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: address.url() }],
    })
  })

  // For a front server that asks which certificates it may order (Caddy's `on_demand_tls`).
  pages.get('/tls-check', async (context) => {
    const domain = (context.req.query('domain') ?? '').toLowerCase()
    if (domain === config.hostname || (await accounts.byHandle(domain)) !== null)
      return context.json({ success: true })
    return context.json({ error: 'InvalidRequest', message: 'No account has this handle' }, 404)
  })

  pages.route('/', operatorPages)

  pages.notFound((context) => context.json({ error: 'NotFound', message: 'Not found' }, 404))
  return pages
}

function welcome(config: PdsConfig, address: PublicAddress, count: number): string {
  const name = escape(config.hostname)
  const sync = `${address.url().replace(/^http/, 'ws')}/xrpc/com.atproto.sync.subscribeRepos`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name} · Personal Data Server</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 40rem; margin: 3rem auto; padding: 0 1rem }
  code { font-size: .9em; overflow-wrap: anywhere }
  dt { font-weight: 600; margin-top: .75rem } dd { margin: 0 }
</style>
<h1>${name}</h1>
<p>This is a Personal Data Server of the <a href="https://atproto.com">AT Protocol</a>: it keeps the accounts and public
data of the people it hosts. Sign in here with any atproto client, using the address of this server.</p>
<dl>
  <dt>Accounts</dt><dd>${count}</dd>
  <dt>Handles</dt><dd>${config.handleDomains.map((domain) => `<code>name${escape(domain)}</code>`).join(', ')}</dd>
  <dt>New accounts</dt><dd>${config.inviteRequired ? 'by invitation' : 'open'}</dd>
  <dt>Service</dt><dd><code>${escape(address.serviceDid())}</code></dd>
  <dt>API</dt><dd><code>${escape(address.url())}/xrpc/</code></dd>
  <dt>Firehose</dt><dd><code>${escape(sync)}</code></dd>
</dl>
</html>
`
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
