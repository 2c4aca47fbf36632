/** What the operator does is in the audit log, all of it; and who only claims to be the operator does not get far. */

import * as lexicons from '@avocet/lexicons/catalog'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ACTS } from '../src/audit/acts.ts'
import { createProgram } from '../src/commands/program.ts'
import {
  ADMIN_PASSWORD,
  failure,
  newHandle,
  post,
  startNetwork,
  type TestAccount,
  type TestNetwork,
} from './network.ts'
import { servedMethods } from './served.ts'

interface Entry {
  readonly action: string
  readonly actor: string
  readonly did: string | null
  readonly address: string | null
  readonly error: string | null
  readonly detail: Record<string, unknown>
}

let net: TestNetwork
let alice: TestAccount
beforeAll(async () => {
  net = await startNetwork({ config: { rateLimitsEnabled: true } })
  alice = await net.account()
})
afterAll(() => net[Symbol.asyncDispose]())

const basic = (password: string): string => `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`
const page = (path: string, password: string | null, from = '198.51.100.1'): Promise<Response> =>
  fetch(`${net.pds.url}${path}`, {
    headers: {
      'x-forwarded-for': from,
      ...(password === null ? {} : { authorization: basic(password) }),
    },
  })
const entries = async (limit: number): Promise<Entry[]> =>
  ((await (await page(`/audit?limit=${limit}`, ADMIN_PASSWORD)).json()) as { entries: Entry[] }).entries

describe('the audit log has', () => {
  test('every method by which the operator changes anything, and none that is not there', () => {
    const served = servedMethods()
    const procedures = served.filter((nsid) => lexicons.catalog.method(nsid)!.type === 'procedure')
    const guarded = procedures.filter((nsid) => /^com\.atproto\.(admin|server|identity)\./.test(nsid))
    expect(guarded.filter((nsid) => !ACTS.has(nsid))).toEqual([
      // Asks what the directory says anew.
      'com.atproto.identity.refreshIdentity',
      // Goes on with a session whose beginning is there.
      'com.atproto.server.refreshSession',
      // Mail a code to the address that is there; what it allows is in the log.
      'com.atproto.server.requestEmailConfirmation',
      'com.atproto.server.requestEmailUpdate',
      // Belongs to nobody yet.
      'com.atproto.server.reserveSigningKey',
    ])
    expect([...ACTS.keys()].filter((nsid) => !served.includes(nsid))).toEqual([])
  })

  test('each act of the operator, with the account, and from where', async () => {
    const { did } = alice
    const input = { repo: did, collection: 'app.bsky.feed.post', record: post('bad') }
    const { uri, cid } = (await net.post('com.atproto.repo.createRecord', { token: alice.accessJwt, input }))
      .body
    const handle = newHandle()
    const record = { $type: 'com.atproto.repo.strongRef', uri, cid }
    const repo = { $type: 'com.atproto.admin.defs#repoRef', did }
    const acts: readonly (readonly [string, object, string, string | null, object])[] = [
      ['server.createInviteCode', { useCount: 2 }, 'invite code created', null, { uses: 2 }],
      [
        'server.createInviteCodes',
        { codeCount: 2, useCount: 1 },
        'invite codes created',
        null,
        { codes: 2, uses: 1 },
      ],
      [
        'admin.disableInviteCodes',
        { codes: ['a'] },
        'invite codes disabled',
        null,
        { codes: 1, accounts: [] },
      ],
      ['admin.disableAccountInvites', { account: did }, 'invites disabled', did, {}],
      ['admin.enableAccountInvites', { account: did }, 'invites enabled', did, {}],
      [
        'admin.sendEmail',
        { recipientDid: did, content: 'the words', senderDid: 'did:web:example.com' },
        'mail sent',
        did,
        {},
      ],
      [
        'admin.updateAccountEmail',
        { account: did, email: 'new@example.com' },
        'e-mail address changed',
        did,
        { email: 'n…@example.com' },
      ],
      ['admin.updateAccountHandle', { did, handle }, 'handle changed', did, { handle }],
      ['admin.updateAccountPassword', { did, password: 'another one' }, 'password set', did, {}],
      [
        'admin.updateSubjectStatus',
        { subject: record, takedown: { applied: true, ref: 'case 1' } },
        'status changed',
        did,
        { uri, takedown: true, ref: 'case 1' },
      ],
      [
        'admin.updateSubjectStatus',
        { subject: repo, takedown: { applied: true } },
        'status changed',
        did,
        { takedown: true },
      ],
      ['admin.deleteAccount', { did }, 'account deleted', did, {}],
    ]
    for (const [name, body, action, about, detail] of acts) {
      const headers = { 'x-forwarded-for': '198.51.100.7' }
      const answer = await net.post(`com.atproto.${name}`, { admin: true, input: body, headers })
      expect([name, failure(answer)]).toEqual([name, '200 '])
      const [entry] = await entries(1)
      expect({ name, ...entry }).toMatchObject({
        name,
        action,
        actor: 'operator',
        did: about,
        address: '198.51.100.7',
        error: null,
        detail,
      })
    }
    expect(JSON.stringify(await entries(acts.length))).not.toMatch(/another one|the words|new@example/)
  })

  test('what a command does as the command’s, also where anybody may do it, and where it came from', async () => {
    const run = (...args: string[]): Promise<unknown> =>
      createProgram({
        env: { PDS_ADMIN_PASSWORD: ADMIN_PASSWORD },
        print: () => {},
        serve: () => Promise.resolve(),
      }).parseAsync([...args, '--port', String(net.pds.port)], { from: 'user' })
    const handle = newHandle()
    await run('account', 'create', handle, 'olga@example.com')
    await run('account', 'quota', handle, '1000')
    const [quota, created] = await entries(2)
    expect([created!.action, created!.actor, created!.detail]).toEqual([
      'account created',
      'command line',
      { handle },
    ])
    expect([quota!.action, quota!.actor, quota!.did]).toEqual(['quota set', 'command line', created!.did])
    expect(quota!.address).toMatch(/^(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)$/)
    await net.account(newHandle())
    expect((await entries(1))[0]).toMatchObject({ action: 'account created', actor: 'account' })
  })
})

describe('a wrong password at the pages of the operator', () => {
  test('is in the audit log, without itself', async () => {
    expect((await page('/metrics', 'a guess', '203.0.113.5')).status).toBe(401)
    const [entry] = await entries(1)
    expect(entry).toMatchObject({
      action: 'operator page refused',
      actor: 'stranger',
      did: null,
      address: '203.0.113.5',
      error: 'AuthenticationRequired',
      detail: { path: '/metrics' },
    })
    expect(JSON.stringify(entry)).not.toContain('guess')
  })

  test('may be tried thirty times by a network, at all pages together; no password is none', async () => {
    const paths = ['/metrics', '/audit', '/quota']
    const guess = async (i: number): Promise<number> =>
      (await page(paths[i % 3]!, 'a guess', `2001:db8:7::${i.toString(16)}`)).status
    for (let i = 0; i < 40; i++) expect((await page('/metrics', null, '2001:db8:7::1')).status).toBe(401)
    for (let i = 0; i < 29; i++) expect(await guess(i)).toBe(401)
    expect((await page('/metrics', ADMIN_PASSWORD, '2001:db8:7::1')).status).toBe(200)
    expect(await guess(29)).toBe(401)
    expect(await guess(30)).toBe(429)
    const right = await page('/metrics', ADMIN_PASSWORD, '2001:db8:7::1')
    expect([right.status, Number(right.headers.get('retry-after'))]).toEqual([429, expect.any(Number)])
    expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(200)
    expect((await page('/metrics', ADMIN_PASSWORD, '2001:db8:8::1')).status).toBe(200)
  })
})
