// What is served outside /xrpc: pages for people, well-known files, and the operator's pages.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ADMIN_PASSWORD, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

const OPERATOR = { authorization: `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}` }

let net: TestNetwork
let alice: TestAccount
beforeAll(async () => {
  net = await startNetwork({ config: { inviteRequired: false, handleDomains: ['.test', '.a"b<c>&d'] } })
  alice = await net.account()
})
afterAll(() => net[Symbol.asyncDispose]())

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${net.pds.url}${path}`, { headers })

async function ask(
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<[number, unknown]> {
  const response = await fetch(`${net.pds.url}${path}`, {
    method: 'POST',
    headers: { ...OPERATOR, 'content-type': 'application/json', ...headers },
    body,
  })
  const text = await response.text()
  return [response.status, text.startsWith('{') ? JSON.parse(text) : text]
}

describe('pages for people', () => {
  test('the first page says what is here, and what comes from settings is escaped', async () => {
    const response = await get('/')
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=UTF-8'])
    expect(response.headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'unsafe-inline'",
    )
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    const terms = [...(await response.text()).matchAll(/<dt>(.*?)<\/dt><dd>(.*?)<\/dd>/g)]
    const { port } = net.pds
    expect(terms.map(([, term, text]) => [term, text])).toEqual([
      ['Accounts', '1'],
      ['Handles', '<code>name.test</code>, <code>name.a&quot;b&lt;c&gt;&amp;d</code>'],
      ['New accounts', 'open'],
      ['Service', `<code>did:web:localhost%3A${port}</code>`],
      ['API', `<code>http://localhost:${port}/xrpc/</code>`],
      ['Firehose', `<code>ws://localhost:${port}/xrpc/com.atproto.sync.subscribeRepos</code>`],
    ])
  })

  test('robots may crawl, and what is not there is not found', async () => {
    const robots = await get('/robots.txt')
    expect([robots.status, await robots.text()]).toEqual([
      200,
      '# Crawling the public XRPC API is allowed.\nUser-agent: *\nAllow: /\n',
    ])
    const nowhere = await get('/nowhere')
    expect([nowhere.status, await nowhere.json()]).toEqual([404, { error: 'NotFound', message: 'Not found' }])
  })

  test('the document of a did:web, and none of another kind', async () => {
    const { port } = net.pds
    const response = await get('/.well-known/did.json')
    expect([response.status, await response.json()]).toEqual([
      200,
      {
        '@context': ['https://www.w3.org/ns/did/v1'],
        id: `did:web:localhost%3A${port}`,
        service: [
          {
            id: '#atproto_pds',
            type: 'AtprotoPersonalDataServer',
            serviceEndpoint: `http://localhost:${port}`,
          },
        ],
      },
    ])
    await using other = await startNetwork({
      config: { inviteRequired: true, serviceDid: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz' },
    })
    const none = await fetch(`${other.pds.url}/.well-known/did.json`)
    expect([none.status, await none.json()]).toEqual([404, { error: 'NotFound' }])
    expect(await (await fetch(other.pds.url)).text()).toContain('<dd>by invitation</dd>')
  })

  test('certificates are for this host and the handles of accounts, in any case of letters', async () => {
    const may = async (query: string): Promise<number> => (await get(`/tls-check${query}`)).status
    expect(await may('?domain=localhost')).toBe(200)
    expect(await may(`?domain=${alice.handle.toUpperCase()}`)).toBe(200)
    const refused = await get('/tls-check?domain=nobody.test')
    expect([refused.status, await refused.json()]).toEqual([
      404,
      { error: 'InvalidRequest', message: 'No account has this handle' },
    ])
    expect(await may('')).toBe(404)
  })
})

describe("the operator's pages", () => {
  test.each(['/metrics', '/audit', '/quota'])('%s is for the operator, and kept by nobody', async (path) => {
    for (const headers of [{}, { authorization: `Bearer ${alice.accessJwt}` }]) {
      const refused = await get(path, headers)
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
        401,
        'Basic realm="operator"',
      ])
      expect(await refused.text()).toBe('For the operator')
    }
    const shown = await get(`${path}?account=${alice.did}`, OPERATOR)
    expect([shown.status, shown.headers.get('cache-control')]).toEqual([200, 'no-store'])
  })

  test('an act takes a JSON object of 16 KB, and nothing that a form could send', async () => {
    const expected = [400, { error: 'InvalidRequest', message: 'Expected a JSON object' }]
    const good = JSON.stringify({ account: alice.did })
    const padded = (size: number): string => good + ' '.repeat(size - good.length)
    for (const [body, headers] of [
      ['no json', {}],
      ['null', {}],
      ['"text"', {}],
      [good, { 'content-type': 'text/plain' }],
      [good, { 'content-type': 'application/x-www-form-urlencoded' }],
      [padded(16 * 1024 + 1), {}],
    ] as const) {
      expect(await ask('/quota', body, headers)).toEqual(expected)
    }
    const [status] = await ask('/quota', padded(16 * 1024))
    expect(status).toBe(200)
    expect((await ask('/quota', good, { authorization: 'Basic x' }))[0]).toBe(401)
  })

  test('acts on nobody, with bad values: refused by name, and what was understood is in the audit log', async () => {
    const unknown = [400, { error: 'AccountNotFound', message: 'Account not found' }]
    for (const path of ['/quota', '/rotate-keys', '/announce', '/repair-rev', '/rebuild-repo']) {
      expect([path, ...(await ask(path, '{"account":"nobody.test"}'))]).toEqual([path, ...unknown])
      expect([path, ...(await ask(path, '{}'))]).toEqual([path, ...unknown])
    }
    const none = await get('/quota', OPERATOR)
    expect([none.status, await none.json()]).toEqual(unknown)
    for (const value of [-1, 1.5, '5', true]) {
      expect(await ask('/quota', JSON.stringify({ account: alice.did, records: value }))).toEqual([
        400,
        {
          error: 'InvalidRequest',
          message: 'Expected a whole number, or null for the setting; records',
        },
      ])
    }
    for (const to of [undefined, 7, 'nobody', 'a b@example.com', `${'x'.repeat(65)}@example.com`]) {
      expect(await ask('/send-test', JSON.stringify({ to }))).toEqual([
        400,
        { error: 'InvalidRequest', message: 'Expected the address of a mailbox' },
      ])
    }
    expect(await ask('/send-test', JSON.stringify({ to: `${'x'.repeat(64)}@example.com` }))).toEqual([
      200,
      {},
    ])
    const plain = await fetch(`${net.pds.url}/import-repo?account=${alice.did}`, {
      method: 'POST',
      headers: { ...OPERATOR, 'content-type': 'text/plain' },
      body: 'x',
    })
    expect([plain.status, await plain.json()]).toEqual([
      400,
      { error: 'InvalidRequest', message: 'Expected an archive' },
    ])
    const answer = await ask('/quota', JSON.stringify({ account: alice.did, records: 5, blobBytes: null }), {
      'user-agent': 'avocet-pds-command',
    })
    expect(answer).toEqual([200, { quota: { blobBytes: 0, records: 5 }, used: { blobBytes: 0, records: 0 } }])
    const { entries } = (await (await get('/audit', OPERATOR)).json()) as { entries: any[] }
    const acts = entries.filter(({ action }) => action !== 'operator page refused')
    expect(acts.map(({ action, actor, did, detail }) => [action, actor, did, detail])).toEqual([
      ['quota set', 'command line', alice.did, { blobBytes: null, records: 5 }],
      ['test mail sent', 'operator', null, { to: 'x…@example.com' }],
      ['quota set', 'operator', alice.did, {}],
      ['account created', 'account', alice.did, { handle: alice.handle }],
    ])
  })

  test('an import of what is no archive is refused by name, and in the audit log', async () => {
    const send = async (query: string): Promise<[number, any]> => {
      const response = await fetch(`${net.pds.url}/import-repo${query}`, {
        method: 'POST',
        headers: { ...OPERATOR, 'content-type': 'application/vnd.ipld.car' },
        body: new Uint8Array([1, 2, 3]),
      })
      return [response.status, await response.json()]
    }
    expect(await send('?account=nobody.test')).toEqual([
      400,
      { error: 'AccountNotFound', message: 'Account not found' },
    ])
    const { status } = await net.post('com.atproto.server.deactivateAccount', {
      token: alice.accessJwt,
      input: {},
    })
    expect(status).toBe(200)
    const [code, { error }] = await send(`?account=${alice.handle}&skip=true`)
    expect([code, error]).toEqual([400, 'InvalidRequest'])
    const { entries } = (await (await get('/audit?limit=1', OPERATOR)).json()) as { entries: any[] }
    expect(entries.map((entry) => [entry.action, entry.error, entry.did, entry.detail])).toEqual([
      ['repository imported', 'InvalidRequest', alice.did, { skip: true }],
    ])
  })
})
