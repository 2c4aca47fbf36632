import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { resolveConfig } from '../src/config/config.ts'
import { createGate } from '@avocet/repo-server'
import {
  ACTIVATE_LIMIT,
  createBypass,
  createSessionLimits,
  GLOBAL_LIMIT,
  MAIL_LIMITS,
  passwordResetLimits,
  UPDATE_HANDLE_LIMITS,
  UPLOAD_LIMIT,
  writeLimits,
} from '../src/limits/rate-limits.ts'
import { archiveOf } from './archives.ts'
import { ADMIN_PASSWORD, failure, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

let net: TestNetwork
let alice: TestAccount
beforeAll(async () => {
  net = await startNetwork({ config: { rateLimitsEnabled: true } })
  alice = await net.account()
})
afterAll(() => net[Symbol.asyncDispose]())

describe('limits', () => {
  test('of what an account does count by the account, wherever it is', () => {
    const context = { auth: { did: 'did:a' }, address: '203.0.113.1', input: {} } as never
    const rules = [...MAIL_LIMITS, ...UPDATE_HANDLE_LIMITS, ACTIVATE_LIMIT, UPLOAD_LIMIT, ...writeLimits(3)]
    for (const rule of rules) expect([rule.name, rule.key?.(context)]).toEqual([rule.name, 'did:a'])
  })

  test('of guesses count by the account that is spoken of, and the network', async () => {
    const accounts = { get: () => null, byHandle: () => null, byEmail: () => null } as never
    const context = (input: object) => ({ auth: undefined, address: '2001:db8::7', input }) as never
    for (const rule of [...createSessionLimits(accounts), ...passwordResetLimits(accounts)]) {
      const name = rule.name.startsWith('mail') ? 'email' : 'identifier'
      expect(await rule.key?.(context({ [name]: 'Who@example.com' }))).toMatch(/^who@example\.com 2001:db8:/)
    }
  })

  test('a batch of writes costs what its writes would cost one by one', async () => {
    const before = await net.account()
    const create = { $type: 'com.atproto.repo.applyWrites#create', collection: 'com.example.note' }
    const writes = [
      { ...create, rkey: 'a', value: {} },
      { ...create, rkey: 'b', value: {} },
    ]
    const send = async (list: object[]): Promise<number> => {
      const answer = await net.post('com.atproto.repo.applyWrites', {
        token: before.accessJwt,
        input: { repo: before.did, writes: list },
      })
      expect([answer.status, answer.headers.get('ratelimit-policy')]).toEqual([
        200,
        expect.stringContaining('name="write"'),
      ])
      return Number(answer.headers.get('ratelimit-remaining'))
    }
    expect(await send(writes)).toBe(5000 - 6)
    const change = (name: string, rkey: string, value?: object) => ({
      $type: `com.atproto.repo.applyWrites#${name}`,
      collection: 'com.example.note',
      rkey,
      ...(value === undefined ? {} : { value }),
    })
    expect(await send([change('update', 'a', { text: 'c' }), change('delete', 'b')])).toBe(5000 - 6 - 3)
  })

  test('exports, by either name, do not count towards the one of all methods', async () => {
    expect(GLOBAL_LIMIT.except).toEqual(['com.atproto.sync.getRepo', 'com.atproto.sync.getCheckout'])
    const left = async (): Promise<number> =>
      Number((await net.get('com.atproto.server.describeServer')).headers.get('ratelimit-remaining'))
    const before = await left()
    const params = { did: alice.did }
    for (const name of ['getRepo', 'getCheckout', 'getCheckout']) {
      expect((await net.get(`com.atproto.sync.${name}`, { params })).status).toBe(200)
    }
    expect(await left()).toBe(before - 1)
  })

  test('five mails an hour to one account', async () => {
    const account = await net.account()
    const ask = async (): Promise<string> =>
      failure(await net.post('com.atproto.server.requestAccountDelete', { token: account.accessJwt }))
    for (let n = 0; n < 5; n++) expect(await ask()).toBe('200 ')
    expect(await ask()).toBe('429 RateLimitExceeded')
  })

  test('are lifted by the key itself, and for the addresses of the settings', () => {
    const bypass = createBypass(
      resolveConfig({
        dataDirectory: 'x',
        rateLimitsEnabled: true,
        rateLimitBypassKey: 'open sesame',
        rateLimitBypassIps: ['192.0.2.0/24', '2001:db8::1'],
      }),
    )
    const passes = (key: string | null, address: string | null): boolean =>
      bypass({ header: () => key, address } as never)
    expect(passes('open sesame', '203.0.113.1')).toBe(true)
    for (const key of ['open sesamE', 'open sesam', 'open sesamee', '', null]) {
      expect([key, passes(key, '203.0.113.1')]).toEqual([key, false])
    }
    for (const [address, isOpen] of [
      ['192.0.2.255', true],
      ['192.0.3.0', false],
      ['2001:db8::1', true],
      ['2001:db8::2', false],
      [null, false],
    ] as const) {
      expect([address, passes(null, address)]).toEqual([address, isOpen])
    }
  })

  test('a gate that refuses by address leaves the account its place', async () => {
    const gate = createGate('things', { total: 9, perAccount: 1, perAddress: 1 })
    const held = Promise.withResolvers<void>()
    const running = gate.run({ did: 'a', address: '203.0.113.1' }, () => held.promise)
    for (let n = 0; n < 3; n++) {
      await expect(gate.run({ did: 'b', address: '203.0.113.1' }, () => Promise.resolve())).rejects.toThrow(
        'Too many things at once',
      )
    }
    expect(await gate.run({ did: 'b', address: '203.0.113.2' }, () => Promise.resolve('in'))).toBe('in')
    held.resolve()
    await running
  })
})

describe('the operator’s pages', () => {
  const basic = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
  const page = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${net.pds.url}${path}`, {
      ...init,
      headers: { authorization: basic, ...(init.headers as Record<string, string>) },
    })

  test('are kept by no cache, and shown to nobody else', async () => {
    for (const path of ['/metrics', '/audit', `/quota?account=${alice.did}`]) {
      const answer = await page(path)
      expect([path, answer.status, answer.headers.get('cache-control')]).toEqual([path, 200, 'no-store'])
      const other = await fetch(`${net.pds.url}${path}`)
      expect([other.status, other.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="operator"'])
    }
  })

  test('an act takes sixteen kilobytes, not one more', async () => {
    const act = async (size: number): Promise<number> => {
      const empty = JSON.stringify({ account: alice.did, pad: '' })
      const body = JSON.stringify({ account: alice.did, pad: 'x'.repeat(size - empty.length) })
      const headers = { 'content-type': 'application/json' }
      return (await page('/quota', { method: 'POST', headers, body })).status
    }
    expect([await act(16 * 1024), await act(16 * 1024 + 1)]).toEqual([200, 400])
  })

  test('an archive is imported by its type alone, and that is in the audit log', async () => {
    const account = await net.account()
    await net.post('com.atproto.server.deactivateAccount', { token: account.accessJwt, input: {} })
    const send = async (type: string, did = account.did): Promise<string> => {
      const body = await archiveOf(account.did, {})
      const answer = await page(`/import-repo?account=${did}`, {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      })
      return `${answer.status} ${((await answer.json()) as { error?: string }).error ?? ''}`
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      expect([type, await send(type)]).toEqual([type, '400 InvalidRequest'])
    }
    expect(await send('application/vnd.ipld.car')).toBe('200 ')
    expect(await send('application/vnd.ipld.car', alice.did)).toBe('400 InvalidRequest')
    const { entries } = (await (await page('/audit?limit=2')).json()) as {
      entries: Record<string, unknown>[]
    }
    expect(entries.map(({ action, did, error }) => [action, did, error])).toEqual([
      ['repository imported', alice.did, 'InvalidRequest'],
      ['repository imported', account.did, null],
    ])
  })

  test('what a stranger types as an account is not kept as one', async () => {
    for (const identifier of ['did:plc:zzzzzzzzzzzzzzzzzzzzzzzz', 'nobody.test', alice.did]) {
      const input = { identifier, password: 'wrong' }
      expect((await net.post('com.atproto.server.createSession', { input })).status).toBe(401)
    }
    const { entries } = (await (await page('/audit?limit=3')).json()) as {
      entries: Record<string, unknown>[]
    }
    expect(entries.map(({ did }) => did)).toEqual([alice.did, null, null])
  })
})
