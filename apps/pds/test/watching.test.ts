import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { onPostgres, pdsDatabaseEnvironment } from '@avocet/testing/pds-store'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { createProgram } from '../src/commands/program.ts'
import type { Logger } from '../src/app.ts'
import { ADMIN_PASSWORD, failure, newHandle, post, startNetwork, type TestNetwork } from './network.ts'

interface Line {
  readonly level: string
  readonly message: string
  readonly data: any
}

const lines: Line[] = []
const level =
  (name: string) =>
  (data: object, message: string): void =>
    void lines.push({ level: name, message, data })
const log: Logger = { info: level('info'), warn: level('warn'), error: level('error'), debug: level('debug') }
const said = (message: string): Line[] => lines.filter((line) => line.message === message)

/** A port where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const config = { inviteRequired: false }
let net: TestNetwork
afterEach(() => net[Symbol.asyncDispose]())
beforeEach(() => void (lines.length = 0))

async function until(seen: () => boolean): Promise<void> {
  for (let i = 0; !seen() && i < 200; i++) await new Promise((resolve) => setTimeout(resolve, 10))
}

describe('failures leave a line, whatever the client was told', () => {
  test('mail: the cause, no full address, no code', async () => {
    const port = await closedPort()
    net = await startNetwork({
      log,
      config: { ...config, emailSmtpUrl: `smtp://user:hush@127.0.0.1:${port}` },
    })
    const { handle, accessJwt } = await net.account()
    const answer = await net.post('com.atproto.server.requestEmailConfirmation', { token: accessJwt })
    expect(failure(answer)).toBe('502 UpstreamFailure')
    const [line] = said('a mail could not be sent')
    expect(line!.data.cause).toMatch(/ECONNREFUSED/)
    expect(line!.data.to).toBe(`${handle.slice(0, 1)}…@example.com`)
    const text = JSON.stringify(lines)
    expect(text).not.toContain(`${handle.split('.')[0]}@example.com`)
    expect(text).not.toMatch(/hush|[A-Z0-9]{5}-[A-Z0-9]{5}/)
  })

  test('the directory: for whom, what was asked, why', async () => {
    net = await startNetwork({ log, config })
    net.directory.broken = true
    const input = { handle: newHandle(), email: 'a@example.com', password: 'correct horse' }
    expect(failure(await net.post('com.atproto.server.createAccount', { input }))).toBe('502 UpstreamFailure')
    expect(said('the did:plc directory failed')[0]!.data).toMatchObject({
      did: expect.stringMatching(/^did:plc:/),
      call: 'submit',
      status: 500,
    })
  })

  test('a service behind this server', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`
    net = await startNetwork({
      log,
      config: { ...config, appView: { url, did: 'did:web:view.example.com' } },
    })
    const { accessJwt, did } = await net.account()
    const answer = await net.get('app.bsky.feed.getTimeline', { token: accessJwt })
    expect(failure(answer)).toBe('502 UpstreamFailure')
    expect(said('a service behind this server failed')[0]!.data).toMatchObject({
      service: new URL(url).host,
      nsid: 'app.bsky.feed.getTimeline',
      cause: expect.stringMatching(/ECONNREFUSED|unreachable/),
    })
    const requests = () => said('request').filter(({ data }) => data.nsid === 'app.bsky.feed.getTimeline')
    // A client may have its answer before the line is written.
    await until(() => requests().length > 0)
    expect(requests()[0]!.data).toMatchObject({ caller: 'account', did, status: 502 })
  })

  test('a relay', async () => {
    const relay = `http://127.0.0.1:${await closedPort()}`
    net = await startNetwork({ log, config: { ...config, crawlers: [relay] } })
    await net.account()
    await until(() => said('a relay could not be asked to crawl').length > 0)
    expect(said('a relay could not be asked to crawl')[0]!.data.host).toBe(relay)
    const { text } = await operatorPage('/metrics')
    expect(text).toContain('pds_service_failures_total{service="relay"} 1')
  })
})

const basic = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
async function operatorPage(path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${net.pds.url}${path}`, { headers: { authorization: basic } })
  return { status: response.status, text: await response.text() }
}

describe('the request log', () => {
  test('one line a request: who, what, how long, how much; health checks at debug', async () => {
    net = await startNetwork({ log, config })
    const { accessJwt, did } = await net.account()
    await net.get('com.atproto.server.getSession', { token: accessJwt })
    await net.get('com.atproto.server.describeServer')
    await net.get('com.atproto.admin.searchAccounts', { admin: true })
    await net.get('com.atproto.server.getSession')
    await net.get('_health')
    await until(() => said('request').length >= 6)
    const infos = said('request').filter((line) => line.level === 'info')
    const rows = infos.map(({ data }) => [
      data.nsid,
      data.method,
      data.status,
      data.error,
      data.caller,
      data.did,
    ])
    expect(rows).toEqual([
      ['com.atproto.server.createAccount', 'POST', 200, undefined, 'public', undefined],
      ['com.atproto.server.getSession', 'GET', 200, undefined, 'account', did],
      ['com.atproto.server.describeServer', 'GET', 200, undefined, 'public', undefined],
      ['com.atproto.admin.searchAccounts', 'GET', 200, undefined, 'operator', undefined],
      ['com.atproto.server.getSession', 'GET', 401, 'AuthMissing', 'public', undefined],
    ])
    for (const { data } of infos) expect([data.ms > 0, data.bytes > 0]).toEqual([true, true])
    expect(
      said('request')
        .filter((line) => line.level === 'debug')
        .map(({ data }) => data.nsid),
    ).toEqual(['_health'])
    expect(JSON.stringify(lines)).not.toContain(accessJwt)
  })

  test('can be turned off; slow requests are told all the same, at the threshold', async () => {
    net = await startNetwork({
      log,
      config: { ...config, requestLog: false, slowRequestMs: 5, loginFloorMs: 30 },
    })
    const { did } = await net.account()
    lines.length = 0
    await net.get('com.atproto.server.describeServer')
    await net.post('com.atproto.server.createSession', {
      input: { identifier: did, password: 'correct horse' },
    })
    const told = () =>
      said('slow request').some(({ data }) => data.nsid === 'com.atproto.server.createSession')
    await until(told)
    expect(said('request')).toEqual([])
    const slow = said('slow request').map(({ level: at, data }) => [at, data.nsid, data.ms >= 30])
    expect(slow).toContainEqual(['warn', 'com.atproto.server.createSession', true])
  })
})

describe('the audit log', () => {
  const entries = async (query = ''): Promise<any[]> =>
    JSON.parse((await operatorPage(`/audit${query}`)).text).entries
  const shape = (entry: any): unknown[] => [entry.action, entry.actor, entry.error, entry.detail]

  test('what a stranger types as a DID is kept only if it is an account here', async () => {
    net = await startNetwork({ log, config })
    const { did } = await net.account()
    for (const identifier of [did, 'did:plc:zzzzzzzzzzzzzzzzzzzzzzzz', 'did:example:what-a-stranger-types']) {
      const input = { identifier, password: 'wrong password' }
      await net.post('com.atproto.server.createSession', { input })
    }
    expect((await entries()).slice(0, 3).map((entry) => [entry.action, entry.did])).toEqual([
      ['sign-in', null],
      ['sign-in', null],
      ['sign-in', did],
    ])
  })

  test('sign-ins, app passwords, addresses, handles, operator: newest first, no secret', async () => {
    net = await startNetwork({ log, config })
    const { accessJwt: token, did, handle } = await net.account()
    const signIn = (password: string, identifier = handle) =>
      net.post('com.atproto.server.createSession', { input: { identifier, password } })
    await signIn('wrong password')
    await signIn('wrong password', 'nobody.test')
    const session = (await signIn('correct horse')).body
    await net.post('com.atproto.server.deleteSession', { token: session.refreshJwt })
    const made = await net.post('com.atproto.server.createAppPassword', { token, input: { name: 'phone' } })
    await signIn(made.body.password)
    const email = 'new@example.com'
    await net.post('com.atproto.admin.updateAccountEmail', { admin: true, input: { account: did, email } })
    await net.post('com.atproto.admin.updateAccountEmail', {
      headers: { authorization: `Basic ${Buffer.from('admin:guess').toString('base64')}` },
      input: { account: did, email },
    })
    const password = 'another password'
    await net.post('com.atproto.admin.updateAccountPassword', { admin: true, input: { did, password } })
    const all = await entries()
    expect(all.map(shape)).toEqual([
      ['password set', 'operator', null, {}],
      ['e-mail address changed', 'stranger', 'AuthenticationRequired', {}],
      ['e-mail address changed', 'operator', null, { email: 'n…@example.com' }],
      ['sign-in', 'account', null, { kind: 'app password' }],
      ['app password created', 'account', null, { name: 'phone', privileged: false }],
      ['sign-out', 'account', null, {}],
      ['sign-in', 'account', null, { kind: 'password' }],
      ['sign-in', 'stranger', 'AuthenticationRequired', {}],
      ['sign-in', 'stranger', 'AuthenticationRequired', {}],
      ['account created', 'account', null, { handle }],
    ])
    expect(all.map((entry) => entry.did === did)).toEqual([
      true,
      false,
      true,
      true,
      true,
      true,
      true,
      false,
      true,
      true,
    ])
    expect(all.every((entry) => /127\.0\.0\.1|::1/.test(entry.address))).toBe(true)
    const kept = JSON.stringify(all)
    for (const secret of [made.body.password, password, email, session.refreshJwt, 'wrong password']) {
      expect(kept).not.toContain(secret)
    }
    expect((await entries(`?account=${handle}&limit=2`)).map(shape)).toEqual([shape(all[0]), shape(all[2])])
    expect((await entries(`?before=${all[8].id}`)).map(shape)).toEqual([shape(all[9])])
    expect(await entries('?since=2999-01-01')).toEqual([])
    expect((await operatorPage('/audit?limit=x')).status).toBe(400)
    expect((await fetch(`${net.pds.url}/audit`)).status).toBe(401)

    // It is there after a restart, and for the command beside the running server.
    await net.restart()
    const printed: string[] = []
    const program = createProgram({
      env: { PDS_ADMIN_PASSWORD: ADMIN_PASSWORD, ...pdsDatabaseEnvironment(net.folder) },
      print: (line) => void printed.push(line),
      serve: () => Promise.resolve(),
    })
    await program.parseAsync(['audit', '--account', handle, '--since', '1h', '--data', net.folder], {
      from: 'user',
    })
    expect(printed).toHaveLength(8)
    expect(printed[0]).toMatch(/^\d{4}-\S+Z\tpassword set\toperator\tdone\t/)
    expect(printed.at(-1)).toContain('account created')
  })

  test('a code in a mail names the account whose password it set', async () => {
    net = await startNetwork({ log, config })
    const { did, handle } = await net.account()
    const email = `${handle.split('.')[0]}@example.com`
    await net.post('com.atproto.server.requestPasswordReset', { input: { email } })
    const { mailedCode } = await import('./mail.ts')
    let code = ''
    for (let i = 0; code === '' && i < 100; i++) {
      code = await mailedCode(net, email).catch(() => '')
      if (code === '') await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const input = { token: code, password: 'second password' }
    expect((await net.post('com.atproto.server.resetPassword', { input })).status).toBe(200)
    const [reset, asked] = await entries()
    expect([reset.did, shape(reset)]).toEqual([did, ['password reset', 'account', null, {}]])
    expect([asked.did, asked.action]).toEqual([did, 'password reset asked for'])
    expect(JSON.stringify(await entries())).not.toContain(code)
  })
})

describe('metrics', () => {
  test('latency by method, and the names of strangers count as one', async () => {
    net = await startNetwork({ log, config })
    const { accessJwt: token, did } = await net.account()
    await net.post('com.atproto.repo.createRecord', {
      token,
      input: { repo: did, collection: 'app.bsky.feed.post', record: post('a') },
    })
    await net.post('com.atproto.repo.uploadBlob', { token, bytes: new Uint8Array(1234) })
    for (const name of ['one', 'two']) await net.get(`com.example.${name}`)
    const { text } = await operatorPage('/metrics')
    const value = (name: string): string | undefined =>
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length + 1)
    expect(value('pds_request_duration_seconds_count{method="com.atproto.repo.createRecord"}')).toBe('1')
    expect(value('pds_request_duration_seconds_bucket{le="30",method="com.atproto.repo.createRecord"}')).toBe(
      '1',
    )
    expect(text).toMatch(/^pds_requests_total\{method="other",kind="GET",status="\d+"\} 2$/m)
    expect(text).not.toContain('com.example')
    expect([value('pds_healthy'), value('pds_writes_waiting'), value('pds_accounts')]).toEqual([
      '1',
      // On Postgres connections that are at work, of which this answer has some.
      onPostgres ? expect.stringMatching(/^[0-8]$/) : '0',
      '1',
    ])
    expect(value('pds_stream_newest')).toBe('5')
    expect(value('pds_blob_bytes')).toBe('1234')
    expect(Number(value('pds_disk_free_bytes{folder="data"}'))).toBeGreaterThan(0)
    expect(Number(value('nodejs_eventloop_delay_p99_seconds'))).toBeGreaterThanOrEqual(0)
    expect((await fetch(`${net.pds.url}/metrics`)).status).toBe(401)
  })
})
