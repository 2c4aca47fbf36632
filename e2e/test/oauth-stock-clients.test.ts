// The clients that people use, at a PDS as people run it: behind TLS, under a name. Each signs its user in through the pages in a real
// browser, calls, goes on when the nonces change, renews, goes on after a restart, and signs out; then nothing that it had works.
import { hasChromium } from '@avocet/testing/chromium'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { typePassword } from '../support/pds.ts'
import { atcuteNode } from '../support/stock-clients/atcute-node.ts'
import { atprotoNode } from '../support/stock-clients/atproto-node.ts'
import { CREATE, SCOPE, type StockClientFactory } from '../support/stock-clients/client.ts'
import { inPage } from '../support/stock-clients/in-page.ts'
import { startStage, type Stage } from '../support/stock-clients/stage.ts'

const isHere = hasChromium('sign-in by published clients')

let stage: Stage
beforeAll(async () => {
  if (isHere) stage = await startStage()
})
afterAll(() => stage?.[Symbol.asyncDispose]())

const CLIENTS: readonly (readonly [string, string, StockClientFactory])[] = [
  ['@atproto/oauth-client-node, on a device', 'one', atprotoNode('public')],
  ['@atproto/oauth-client-node, with keys', 'two', atprotoNode('confidential')],
  ['@atproto/oauth-client-browser', 'three', inPage('atproto-page')],
  ['@atcute/oauth-browser-client', 'four', inPage('atcute-page')],
  ['@atcute/oauth-node-client, on a device', 'five', atcuteNode('public')],
  ['@atcute/oauth-node-client, with keys', 'six', atcuteNode('confidential')],
]

describe.skipIf(!isHere)('published clients', () => {
  test.each(CLIENTS)('%s', async (_name, name, create) => {
    const { world, server, clock, passed, lately } = stage
    const account = await stage.newAccount(name)
    const context = await stage.newContext()
    const page = await context.newPage()
    const client = await create(world, account, page)

    await page.goto(await client.begin())
    await stage.signIn(page)
    expect(await client.finish()).toBe(account.did)
    expect(await client.scope()).toBe(SCOPE)
    expect(await client.call()).toBe(200)

    // Nonces are good for three minutes. The client is told of a new one, and asks again.
    passed.length = 0
    await clock.advance(200)
    expect(await client.call()).toBe(200)
    expect(lately(CREATE, '/oauth/token')).toEqual([`${CREATE} use_dpop_nonce`, `${CREATE} 200`])

    // Access tokens are good for fifteen minutes; it is the client that knows, or that is told.
    await clock.advance(16 * 60)
    expect(await client.call()).toBe(200)
    const renewal = lately(CREATE, '/oauth/token')
    expect(renewal.filter((one) => one === '/oauth/token 200')).toHaveLength(1)
    expect(renewal.at(-1)).toBe(`${CREATE} 200`)
    const wrong = renewal.filter((one) => !/ (200|use_dpop_nonce|invalid_token)$/.test(one))
    expect(wrong).toEqual([])

    await server.restart()
    expect(await client.call()).toBe(200)
    expect(lately(CREATE, '/oauth/token', '/oauth/par')).toEqual([`${CREATE} 200`])
    await client.restore()
    expect(await client.call()).toBe(200)
    lately()
    await clock.advance(16 * 60)
    expect(await client.call()).toBe(200)

    const last = passed.findLast(({ path }) => path === CREATE)!
    passed.length = 0
    await client.signOut()
    expect(lately('/oauth/revoke')).toEqual(['/oauth/revoke 200'])
    // The same request as before, to the letter.
    const { authorization, dpop } = last.headers as { authorization: string; dpop: string }
    const again = await world.fetch(`${world.pds}${CREATE}`, {
      method: 'POST',
      headers: { authorization, dpop, 'content-type': 'application/json' },
      body: '{}',
    })
    expect([again.status, again.headers.get('www-authenticate')]).toEqual([
      401,
      'DPoP algs="ES256", error="invalid_token", error_description="Session ended"',
    ])
    await expect(client.useAgain()).rejects.toThrow(/its session ended|session was revoked/)
    expect(lately('/oauth/token')).toEqual(['/oauth/token invalid_grant'])
    await context.close()
  })

  test.each([
    ['@atproto/oauth-client-browser', 'seven', inPage('atproto-page')],
    ['@atcute/oauth-browser-client', 'eight', inPage('atcute-page')],
  ] as const)('%s in two tabs that renew at once', async (_name, name, create) => {
    const account = await stage.newAccount(name)
    stage.passed.length = 0
    const context = await stage.newContext()
    const pages = [await context.newPage(), await context.newPage()] as const
    const [first, second] = [
      await create(stage.world, account, pages[0]),
      await create(stage.world, account, pages[1]),
    ]
    await pages[0].goto(await first.begin())
    await stage.signIn(pages[0])
    await first.finish()
    await second.restore()
    for (let round = 0; round < 3; round++) {
      await stage.clock.advance(16 * 60)
      expect(await Promise.all([first.call(), second.call()])).toEqual([200, 200])
    }
    const asked = stage.lately('/oauth/token')
    expect(asked.filter((one) => !/ (200|use_dpop_nonce)$/.test(one))).toEqual([])
    // One for the code; each renewal at least by one of the tabs.
    expect(asked.filter((one) => one.endsWith(' 200')).length).toBeGreaterThanOrEqual(4)
    await context.close()
  })

  test('@atproto/oauth-client-browser signs in by a window, which closes', async () => {
    const account = await stage.newAccount('nine')
    const context = await stage.newContext()
    const page = await context.newPage()
    const client = await inPage('atproto-page')(stage.world, account, page)
    await page.goto(`${stage.world.app}/atproto-page`)
    await page.waitForFunction('globalThis.stock !== undefined')
    const opening = context.waitForEvent('page')
    const signedIn = page.evaluate('globalThis.stock.popup()')
    const popup = await opening
    await popup.waitForURL(/\/oauth\/authorize/)
    await typePassword(popup)
    await popup.getByRole('button', { name: 'Allow', exact: true }).click()
    expect(await signedIn).toBe(account.did)
    await expect.poll(() => context.pages().length).toBe(1)
    await client.restore()
    expect(await client.call()).toBe(200)
    await context.close()
  })
})
