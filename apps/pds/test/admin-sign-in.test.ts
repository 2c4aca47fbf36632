// Who gets into the operator's page, and how long.
import { createMemoryRateLimitStore } from '@avocet/xrpc-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createAdminSignInLimits } from '../src/admin/sign-in-limits.ts'
import { createCodeLimits, NO_CODE_LIMITS } from '../src/factors/code-limits.ts'
import { totpCode, totpStep } from '../src/factors/totp.ts'
import { SILENT } from '../src/logger.ts'
import { createAdminBrowser, runCommand, type AdminBrowser } from './admin-browser.ts'
import { fromBase32 } from './authenticator-app.ts'
import { ADMIN_PASSWORD, startNetwork, type TestNetwork } from './network.ts'

let net: TestNetwork
const origin = (): string => `http://localhost:${net.pds.port}`
const browse = (): AdminBrowser => createAdminBrowser(origin)

const entries = async (of: TestNetwork = net): Promise<any[]> => {
  const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
  const response = await fetch(`${of.pds.url}/audit?limit=1000`, { headers: { authorization } })
  return ((await response.json()) as { entries: any[] }).entries
}
const isIn = async (admin: AdminBrowser): Promise<boolean> =>
  (await admin.visit('/admin')).text.includes('Sign out')

beforeAll(async () => {
  net = await startNetwork()
})
afterAll(() => net[Symbol.asyncDispose]())

describe('without a factor', () => {
  test('the password opens the page that was asked for, and the page says that it stands alone', async () => {
    const admin = browse()
    const asked = await admin.visit('/admin')
    expect([asked.status, asked.title, asked.text.includes('Sign out')]).toEqual([
      200,
      "Operator's page",
      false,
    ])
    const signedIn = await admin.submit(asked, 'sign-in', { password: ADMIN_PASSWORD })
    expect([signedIn.status, signedIn.headers['location']]).toEqual([303, '/admin'])
    expect(signedIn.cookies).toEqual([
      expect.stringMatching(/^avocet-admin=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/),
    ])
    const page = await admin.visit('/admin')
    expect([page.status, page.text.includes('Sign out')]).toEqual([200, true])
    expect(page.text).toContain('No second factor guards this page')
    expect((await entries())[0]).toMatchObject({
      action: 'operator sign-in',
      actor: 'operator',
      address: '127.0.0.1',
      error: null,
      detail: { via: 'page' },
    })
  })

  test('another password opens nothing, and is in the audit log', async () => {
    const admin = browse()
    const refused = await admin.signIn({ password: 'guess' })
    expect([refused.status, refused.text.includes('This is not right.')]).toEqual([400, true])
    expect(refused.cookies).toEqual([])
    expect(await isIn(admin)).toBe(false)
    expect((await entries())[0]).toMatchObject({
      action: 'operator sign-in',
      actor: 'stranger',
      error: 'AuthenticationRequired',
    })
    expect((await admin.signIn({ password: 'x'.repeat(513) })).status).toBe(400)
  })

  test('strict headers', async () => {
    const { headers } = await browse().visit('/admin')
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; img-src 'self' https:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'$/,
    )
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      vary: 'Cookie',
    })
    expect(headers).not.toHaveProperty('access-control-allow-origin')
  })

  test('on the main host alone', async () => {
    const seen = await browse().visit('/admin', { headers: { host: `alice.test:${net.pds.port}` } })
    expect(seen.status).toBe(404)
  })

  test('not inside another page, and no form of another site, browser or sign-in', async () => {
    const admin = browse()
    expect((await admin.visit('/admin', { headers: { 'sec-fetch-dest': 'iframe' } })).status).toBe(403)
    const page = await admin.visit('/admin')
    const typed = { password: ADMIN_PASSWORD }
    const from = (site: string) => ({ headers: { 'sec-fetch-site': site } })
    expect((await admin.submit(page, 'sign-in', typed, from('cross-site'))).status).toBe(403)
    expect((await admin.submit(page, 'sign-in', typed, from('same-site'))).status).toBe(403)
    const elsewhere = { headers: { origin: 'https://evil.example', 'sec-fetch-site': null } }
    expect((await admin.submit(page, 'sign-in', typed, elsewhere)).status).toBe(403)
    const unnamed = { headers: { origin: null, 'sec-fetch-site': null } }
    expect((await admin.submit(page, 'sign-in', typed, unnamed)).status).toBe(403)
    const other = browse()
    await other.visit('/admin')
    expect((await other.submit(page, 'sign-in', typed)).status).toBe(403)
    expect((await browse().submit(page, 'sign-in', typed)).status).toBe(403)
    expect((await admin.submit(page, 'sign-in', { ...typed, form: '' })).status).toBe(403)
    // The form of before the sign-in is none of after it.
    expect((await admin.submit(page, 'sign-in', typed)).status).toBe(303)
    expect((await admin.submit(page, 'sign-in', typed)).status).toBe(403)
  })

  test('where to go on to is a page of ours', async () => {
    for (const next of [
      'https://evil.example/',
      '//evil.example',
      '/admin\\@evil',
      '/administer',
      '/admin/ x',
    ]) {
      const signedIn = await browse().signIn({ next })
      expect(signedIn.headers['location']).toBe('/admin')
    }
    expect((await browse().signIn({ next: '/admin/audit?since=1d' })).headers['location']).toBe(
      '/admin/audit?since=1d',
    )
  })

  test('signing out ends the sign-in at the server, and those elsewhere if that is wanted', async () => {
    const [admin, other, third] = [browse(), browse(), browse()]
    for (const one of [admin, other, third]) await one.signIn()
    const stolen = createAdminBrowser(origin)
    for (const [name, value] of admin.browser.cookies) stolen.browser.cookies.set(name, value)
    const out = await admin.submit(await admin.visit('/admin'), 'sign-out')
    expect([out.status, out.cookies[0]]).toEqual([303, expect.stringContaining('Max-Age=0')])
    expect(await isIn(stolen)).toBe(false)
    expect([await isIn(other), await isIn(third)]).toEqual([true, true])
    await other.submit(await other.visit('/admin'), 'sign-out-all')
    expect([await isIn(other), await isIn(third)]).toEqual([false, false])
    expect((await entries())[0].action).toBe('operator sign-out')
  })

  test('a sign-in outlives a restart, but not another password', async () => {
    await using own = await startNetwork()
    const there = createAdminBrowser(() => `http://localhost:${own.pds.port}`)
    await there.signIn()
    await own.restart()
    expect(await isIn(there)).toBe(true)
    await own.pds.close()
    await using changed = await startNetwork({
      folder: own.folder,
      directory: own.directory,
      config: { adminPassword: 'another one' },
    })
    const same = createAdminBrowser(() => `http://localhost:${changed.pds.port}`)
    for (const [name, value] of there.browser.cookies) same.browser.cookies.set(name, value)
    expect(await isIn(same)).toBe(false)
    expect((await same.signIn({ password: 'another one' })).status).toBe(303)
  })
})

test('over https the cookies are ones that no other host can set', async () => {
  await using secure = await startNetwork({
    config: {
      hostname: 'pds.example.com',
      publicUrl: 'https://pds.example.com',
      handleDomains: ['.pds.example.com'],
    },
  })
  const admin = createAdminBrowser(() => `http://pds.example.com:${secure.pds.port}`)
  const headers = { host: 'pds.example.com', 'x-forwarded-proto': 'https', origin: 'https://pds.example.com' }
  const page = await admin.visit('/admin', { headers })
  expect(page.cookies).toEqual([
    expect.stringMatching(/^__Host-avocet-admin-form=[\w-]{22}; Path=\/; HttpOnly; SameSite=Strict; Secure$/),
  ])
  expect(page.headers['strict-transport-security']).toBe('max-age=63072000')
  const signedIn = await admin.submit(page, 'sign-in', { password: ADMIN_PASSWORD }, { headers })
  expect(signedIn.cookies).toEqual([
    expect.stringMatching(/^__Host-avocet-admin=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/),
  ])
})

describe('with a factor', () => {
  let own: TestNetwork
  let code: (offset: number) => string
  let recovery: string[]
  const there = (): AdminBrowser => createAdminBrowser(() => `http://localhost:${own.pds.port}`)
  const first = (lines: string[], begin: string): string =>
    lines.find((line) => line.startsWith(begin))!.slice(begin.length)

  beforeAll(async () => {
    own = await startNetwork({ config: { rateLimitsEnabled: true } })
  })
  afterAll(() => own[Symbol.asyncDispose]())

  test('a command adds it, once it shows a code; that ends the sign-ins there are', async () => {
    const before = there()
    await before.signIn()
    expect(await runCommand(own, 'operator', 'factor')).toEqual([expect.stringMatching(/^no factor/)])
    const added = await runCommand(own, 'operator', 'factor', '--add')
    const secret = fromBase32(first(added, 'secret '))
    expect(first(added, 'url ')).toMatch(/^otpauth:\/\/totp\/localhost:operator\?secret=[A-Z2-7]{32}&/)
    code = (offset) => totpCode(secret, totpStep(Date.now()) + offset)
    // Until then the password alone opens the page.
    expect(await isIn(before)).toBe(true)
    await expect(runCommand(own, 'operator', 'factor', '--confirm', '000000')).rejects.toThrow(
      'The code is wrong',
    )
    const lines = await runCommand(own, 'operator', 'factor', '--confirm', code(0))
    recovery = lines.filter((line) => /^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/.test(line))
    expect(recovery).toHaveLength(10)
    expect(await isIn(before)).toBe(false)
    expect(await runCommand(own, 'operator', 'factor')).toEqual([
      expect.stringMatching(/^authenticator app\tadded 2.*\tused never$/),
      'recovery-codes\t10 left',
    ])
    const actions = (await entries(own)).map(({ action, error }) => [action, error])
    expect(actions.slice(0, 3)).toEqual([
      ['operator factor added', null],
      ['operator factor added', 'InvalidToken'],
      ['operator factor proposed', null],
    ])
  })

  test('the page asks for its code, and takes each once; the one that confirmed it is used', async () => {
    const admin = there()
    const wrong = 'The password or the code is not right'
    for (const typed of [
      { code: '' },
      { code: code(0) },
      { code: '123456' },
      { password: 'x', code: code(1) },
    ]) {
      const refused = await admin.signIn(typed)
      expect([typed, refused.status, refused.text.includes(wrong)]).toEqual([typed, 400, true])
    }
    const used = code(1)
    expect((await admin.signIn({ code: used })).status).toBe(303)
    const page = await admin.visit('/admin')
    expect([page.text.includes('Sign out'), page.text.includes('No second factor')]).toEqual([true, false])
    expect((await there().signIn({ code: used })).status).toBe(400)
    // One code, typed twice at once.
    const [one, other] = [there(), there()]
    const both = await Promise.all([one, other].map((it) => it.signIn({ code: recovery[0]! })))
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 400])
    expect(await runCommand(own, 'operator', 'factor')).toContain('recovery-codes\t9 left')
  })

  test('the password alone does not change it', async () => {
    const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
    const ask = async (body: object): Promise<[number, string]> => {
      const headers = { authorization, 'content-type': 'application/json' }
      const text = JSON.stringify(body)
      const response = await fetch(`${own.pds.url}/operator/factor`, { method: 'POST', headers, body: text })
      return [response.status, ((await response.json()) as { error: string }).error]
    }
    for (const change of ['add', 'remove', 'recovery-codes', 'confirm']) {
      expect(await ask({ change })).toEqual([401, 'AuthenticationRequired'])
      const proof = { at: Date.now(), mac: 'A'.repeat(43) }
      expect(await ask({ change, proof })).toEqual([401, 'AuthenticationRequired'])
    }
    expect(await ask({ change: 'other' })).toEqual([400, 'InvalidRequest'])
    expect((await runCommand(own, 'operator', 'factor'))[0]).toMatch(/^authenticator app/)
  })

  test('new recovery codes, and the end of the factor', async () => {
    const lines = await runCommand(own, 'operator', 'factor', '--recovery-codes')
    expect((await there().signIn({ code: recovery[1]! })).status).toBe(400)
    recovery = lines.filter((line) => /^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/.test(line))
    const admin = there()
    expect((await admin.signIn({ code: recovery[0]! })).status).toBe(303)
    await runCommand(own, 'operator', 'factor', '--remove')
    expect(await isIn(admin)).toBe(false)
    expect((await there().signIn()).status).toBe(303)
    await expect(runCommand(own, 'operator', 'factor', '--remove')).rejects.toThrow('There is no such factor')
    await expect(runCommand(own, 'operator', 'factor', '--add', '--remove')).rejects.toThrow('one at a time')
  })
})

describe('limits', () => {
  /** A server with limits, and browsers at addresses of their own: the front server that tells them is believed. */
  const limited = async () => {
    const own = await startNetwork({ config: { rateLimitsEnabled: true }, log: SILENT })
    const at = (address: string) => ({ headers: { 'x-forwarded-for': address } })
    const attempt = async (address: string, typed: Record<string, string>): Promise<number> => {
      const admin = createAdminBrowser(() => `http://localhost:${own.pds.port}`)
      return (await admin.signIn(typed, at(address))).status
    }
    return { own, attempt }
  }

  test('one network: twenty tries in five minutes; that is in the audit log once', async () => {
    const { own, attempt } = await limited()
    await using _ = own
    for (let n = 0; n < 20; n++) expect(await attempt('192.0.2.1', { password: 'guess' })).toBe(400)
    expect(await attempt('192.0.2.1', {})).toBe(429)
    expect(await attempt('192.0.2.1', {})).toBe(429)
    expect(await attempt('198.51.100.1', {})).toBe(303)
    const refused = (await entries(own)).filter(({ error }) => error === 'RateLimitExceeded')
    expect(refused).toEqual([expect.objectContaining({ actor: 'stranger', address: '192.0.2.1' })])
    // The page tells whom limits refused, those of methods too.
    const input = { identifier: 'nobody.test', password: 'guess' }
    const headers = { 'x-forwarded-for': '2001:db8:1:2::7' }
    for (let n = 0; n < 32; n++) await own.post('com.atproto.server.createSession', { input, headers })
    expect(await runCommand(own, 'limits')).toEqual([
      'admin-sign-in\t192.0.2.1\t2',
      'createSession\t2001:db8:1:2::/64\t2',
    ])
    const operator = createAdminBrowser(() => `http://localhost:${own.pds.port}`)
    await operator.signIn()
    const shown = (await operator.visit('/admin/limits')).text
    expect(shown).toContain('<th scope="row">2001:db8:1:2::/64</th>')
  })

  test('all networks: beyond the bound two tries each, and a known one as before', async () => {
    const limits = createAdminSignInLimits({
      counts: createMemoryRateLimitStore(),
      codes: NO_CODE_LIMITS,
      isKnown: (address) => Promise.resolve(address === '198.51.100.1'),
    })
    const waits = async (address: string): Promise<boolean> => (await limits.count(address)) !== null
    for (let n = 0; n < 300; n++) expect(await waits(`10.${n % 200}.${n}.1`)).toBe(false)
    expect(await waits('203.0.113.1')).toBe(false)
    expect(await waits('203.0.113.1')).toBe(false)
    expect(await limits.count('203.0.113.1')).toEqual({ seconds: 3600, isFirst: true })
    expect(await limits.count('203.0.113.1')).toEqual({ seconds: expect.any(Number), isFirst: false })
    // Nobody is shut out: neither the operator who was there lately, nor one from elsewhere.
    for (let n = 0; n < 20; n++) expect(await waits('198.51.100.1')).toBe(false)
    expect(await waits('198.51.100.1')).toBe(true)
    expect(await waits('203.0.113.77')).toBe(false)
  })

  test('codes with wrong passwords use up no tries of who has the right one', async () => {
    const counts = createMemoryRateLimitStore()
    const isKnown = (): Promise<boolean> => Promise.resolve(false)
    const codes = createCodeLimits({ counts, isTrusted: isKnown, onFlood: () => {} })
    const limits = createAdminSignInLimits({ counts, codes, isKnown })
    for (let n = 0; n < 30; n++) expect(await limits.code('192.0.2.1', false)).toBe(n < 20)
    for (let n = 0; n < 20; n++) expect(await limits.code('192.0.2.2', true)).toBe(true)
    expect(await limits.code('192.0.2.3', true)).toBe(false)
  })

  test('codes: twenty an hour with the right password; then a recovery code still opens, and a known network', async () => {
    const { own, attempt } = await limited()
    await using _ = own
    const added = await runCommand(own, 'operator', 'factor', '--add')
    const secret = fromBase32(added[0]!.slice('secret '.length))
    const code = (offset: number): string => totpCode(secret, totpStep(Date.now()) + offset)
    const lines = await runCommand(own, 'operator', 'factor', '--confirm', code(-1))
    expect(await attempt('198.51.100.1', { code: code(0) })).toBe(303)
    for (let n = 0; n < 20; n++) expect(await attempt(`10.1.${n}.1`, { code: '123456' })).toBe(400)
    expect(await attempt('203.0.113.1', { code: code(1) })).toBe(400)
    expect(await attempt('203.0.113.1', { code: lines.at(-1)! })).toBe(303)
    expect(await attempt('198.51.100.1', { code: code(1) })).toBe(303)
  })
})
