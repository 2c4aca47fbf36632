import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import type { LookupTxt } from '@avocet/did'
import { describe, expect, onTestFinished, test } from 'vitest'

import { reachOf, resolveConfig, type PdsConfig } from '../src/config/config.ts'
import { SILENT } from '../src/logger.ts'
import { createOutbound, type Outbound } from '../src/outbound/outbound.ts'
import { ADMIN_PASSWORD, failure, startNetwork } from './network.ts'

/** An SMTP server that takes every mail. */
async function startSmtp(): Promise<{ url: string; mails: string[]; close: () => void }> {
  const mails: string[] = []
  const server = createServer((socket) => {
    let inBody = false
    let buffer = ''
    socket.write('220 tests\r\n')
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      buffer += chunk.toString()
      if (inBody) {
        const end = buffer.indexOf('\r\n.\r\n')
        if (end < 0) return
        mails.push(buffer.slice(0, end))
        buffer = buffer.slice(end + 5)
        inBody = false
        socket.write('250 taken\r\n')
      }
      for (let at = buffer.indexOf('\r\n'); at >= 0 && !inBody; at = buffer.indexOf('\r\n')) {
        const command = buffer.slice(0, at).toUpperCase()
        buffer = buffer.slice(at + 2)
        inBody = command === 'DATA'
        socket.write(inBody ? '354 go on\r\n' : command === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n')
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails,
    close: () => server.close(),
  }
}

test('mail goes out by SMTP; a server that is down is told as what it is', async () => {
  const smtp = await startSmtp()
  await using net = await startNetwork({
    config: { emailSmtpUrl: smtp.url, emailFromAddress: 'pds@example.com' },
  })
  const account = await net.account()
  const ask = () => net.post('com.atproto.server.requestEmailConfirmation', { token: account.accessJwt })
  expect((await ask()).status).toBe(200)
  const [mail] = smtp.mails
  expect(mail).toContain('From: pds@example.com')
  expect(mail).toContain(`To: ${account.handle.split('.')[0]}@example.com`)
  const token = /^ {4}([A-Z0-9]{5}-[A-Z0-9]{5})\s*$/m.exec(mail!)![1]!
  const input = { email: `${account.handle.split('.')[0]}@example.com`, token }
  expect(
    (await net.post('com.atproto.server.confirmEmail', { token: account.accessJwt, input })).status,
  ).toBe(200)
  const sent = await net.post('com.atproto.admin.sendEmail', {
    admin: true,
    input: { recipientDid: account.did, senderDid: account.did, subject: 'News', content: 'Hello there' },
  })
  expect(sent.body).toEqual({ sent: true })
  expect(smtp.mails[1]).toContain('Hello there')
  smtp.close()
  expect(failure(await ask())).toBe('502 UpstreamFailure')
})

test('relays are asked to crawl at the first event, and not at every one', async () => {
  const asked: { url: string; body: unknown }[] = []
  const relay = createHttp((request, response) => {
    void text(request).then((body) => {
      asked.push({ url: request.url!, body: JSON.parse(body) })
      response.end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  const crawlers = [`http://127.0.0.1:${(relay.address() as AddressInfo).port}`]
  await using net = await startNetwork({ config: { crawlers } })
  await net.account()
  await net.account()
  await expect
    .poll(() => asked)
    .toEqual([
      { url: '/xrpc/com.atproto.sync.requestCrawl', body: { hostname: `localhost:${net.pds.port}` } },
    ])
  relay.closeAllConnections()
  relay.close()
})

test('what is served outside /xrpc', async () => {
  await using net = await startNetwork()
  const { handle, did } = await net.account()
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const { promise, resolve } = Promise.withResolvers<{ status: number; body: string; type: string }>()
    const { get: send } = await import('node:http')
    send(`${net.pds.url}${path}`, { headers }, (response) => {
      void text(response).then((body) =>
        resolve({ status: response.statusCode!, body, type: response.headers['content-type'] ?? '' }),
      )
    })
    return promise
  }
  expect(await get('/xrpc/_health')).toMatchObject({
    status: 200,
    body: expect.stringContaining('"version"'),
  })
  const page = await get('/')
  expect([page.status, page.type]).toEqual([200, expect.stringContaining('text/html')])
  expect(page.body).toContain('Personal Data Server')
  expect((await get('/robots.txt')).body).toContain('User-agent: *')
  expect(await get('/.well-known/atproto-did', { host: handle })).toMatchObject({ status: 200, body: did })
  expect((await get('/.well-known/atproto-did', { host: 'nobody.test' })).status).toBe(404)
  expect(JSON.parse((await get('/.well-known/did.json')).body)).toMatchObject({
    id: `did:web:localhost%3A${net.pds.port}`,
  })
  expect((await get(`/tls-check?domain=${handle}`)).status).toBe(200)
  expect((await get('/tls-check?domain=localhost')).status).toBe(200)
  expect((await get('/tls-check?domain=nobody.test')).status).toBe(404)
  expect((await get('/nowhere')).status).toBe(404)
  expect((await get('/metrics')).status).toBe(401)
  await net.get('com.atproto.sync.getRepoStatus', { params: { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' } })
  await net.get('com.example.madeup')
  const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
  const { body } = await get('/metrics', { authorization })
  expect(body).toContain(
    'pds_requests_total{method="com.atproto.server.createAccount",kind="POST",status="200"} 1\n',
  )
  expect(body).toContain(
    'pds_requests_total{method="com.atproto.sync.getRepoStatus",kind="GET",status="400"} 1\n',
  )
  expect(body).toContain('pds_stream_newest 4\n')
  expect(body).toContain('pds_accounts 1\n')
})

describe('what this server asks strangers for', () => {
  const CONFIG = { dataDirectory: '/nonexistent', hostname: 'localhost' }
  const noNames: LookupTxt = async () => ({ ok: true, value: [] })
  const COUNTS = { failed: () => {}, mail: () => {} }
  const ways = (config: Partial<PdsConfig>): Outbound =>
    createOutbound(resolveConfig({ ...CONFIG, ...config }), { lookupTxt: noNames }, SILENT, COUNTS)

  test('is read up to 10 MiB', async () => {
    const server = createHttp((request, response) => {
      response.end(Buffer.alloc(10 * 1024 * 1024 + Number(request.url!.slice(1))))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const read = async (more: number): Promise<unknown> => {
      const response = await ways({ devMode: true }).fetch(`http://127.0.0.1:${port}/${more}`)
      return response.arrayBuffer().then(
        ({ byteLength }) => byteLength,
        (error: { code?: string; cause?: { code?: string } }) => error.code ?? error.cause?.code,
      )
    }
    expect(await read(0)).toBe(10 * 1024 * 1024)
    expect(await read(1)).toBe('too-large')
  })

  test.each([
    ['a server', { hostname: 'pds.example.com' }, false, false],
    ['one in dev mode', { devMode: true }, true, false],
    ['one without the protection', { disableSsrfProtection: true, devMode: false }, true, true],
  ])('%s: loopback addresses %o and private ones', (_name, config, allowLoopback, allowPrivate) => {
    expect(reachOf(resolveConfig({ ...CONFIG, ...config }))).toEqual({ allowLoopback, allowPrivate })
  })
})
