// Published clients that ask for a session without a page (`prompt=none`): they get it where somebody agreed before and is signed in, with
// what was agreed to and no more; else they are told what is missing.
import { hasChromium } from '@avocet/testing/chromium'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { atcuteNode } from '../support/stock-clients/atcute-node.ts'
import { atprotoNode } from '../support/stock-clients/atproto-node.ts'
import { SCOPE, type StockClient, type StockClientFactory } from '../support/stock-clients/client.ts'
import { inPage } from '../support/stock-clients/in-page.ts'
import { startStage, type Stage } from '../support/stock-clients/stage.ts'

const isHere = hasChromium('sign-in without a page')

let stage: Stage
beforeAll(async () => {
  if (isHere) stage = await startStage()
})
afterAll(() => stage?.[Symbol.asyncDispose]())

const AUTHORIZE = '/oauth/authorize'

/** Asks for a session without a page. @returns how the page of the request was answered, and where the browser is then */
async function silently(client: StockClient, page: Page): Promise<[string[], URLSearchParams]> {
  const url = await client.begin('none')
  stage.passed.length = 0
  await page.goto(url)
  await stage.comeBack(page)
  const { search, hash } = new URL(page.url())
  return [stage.lately(AUTHORIZE), new URLSearchParams(search || hash.slice(1))]
}
const withPage = async (
  name: string,
  create: StockClientFactory,
  run: (client: StockClient, page: Page, context: BrowserContext) => Promise<void>,
): Promise<void> => {
  const account = await stage.newAccount(name)
  const context = await stage.newContext()
  const page = await context.newPage()
  await run(await create(stage.world, account, page), page, context)
  await context.close()
}

describe.skipIf(!isHere).each([
  ['@atproto/oauth-client-node', 'a', atprotoNode('confidential')],
  ['@atcute/oauth-node-client', 'b', atcuteNode('confidential')],
] as const)('%s', (_name, letter, create) => {
  test('is let in without a page where somebody agreed before', async () => {
    await withPage(`agreed${letter}`, create, async (client, page) => {
      await page.goto(await client.begin())
      await stage.signIn(page)
      await client.finish()
      // As well after days, on a server that was restarted.
      await stage.clock.advance(6 * 24 * 60 * 60)
      await stage.server.restart()
      const [pages, back] = await silently(client, page)
      expect([pages, back.get('error')]).toEqual([[`${AUTHORIZE} 303`], null])
      await client.finish()
      expect([await client.scope(), await client.call()]).toEqual([SCOPE, 200])
      // A week after the password was typed it is asked for.
      await stage.clock.advance(2 * 24 * 60 * 60)
      const [, late] = await silently(client, page)
      expect(late.get('error')).toBe('login_required')
    })
  })

  test('what was unticked stays so', async () => {
    await withPage(`unticked${letter}`, create, async (client, page) => {
      await page.goto(await client.begin())
      await stage.signIn(page, /image\/png/)
      await client.finish()
      expect(await client.scope()).toBe('atproto repo:com.example.note')
      const [pages] = await silently(client, page)
      expect(pages).toEqual([`${AUTHORIZE} 303`])
      await client.finish()
      expect([await client.scope(), await client.call()]).toEqual(['atproto repo:com.example.note', 200])
    })
  })

  test('is told that nobody is signed in', async () => {
    await withPage(`nobody${letter}`, create, async (client, page) => {
      const [pages, back] = await silently(client, page)
      expect([
        pages,
        back.get('error'),
        back.get('error_description'),
        back.get('iss'),
        back.get('code'),
      ]).toEqual([[`${AUTHORIZE} 303`], 'login_required', 'Somebody has to sign in', stage.world.pds, null])
      await expect(client.finish()).rejects.toThrow('Somebody has to sign in')
    })
  })

  test('is told that the account has to agree', async () => {
    await withPage(`unasked${letter}`, atprotoNode('public'), async (other, page) => {
      await page.goto(await other.begin())
      await stage.signIn(page)
      const { did } = (await stage.server.pds.accounts.find(`unasked${letter}.good.example.com`))!
      const account = {
        did: did as `did:plc:${string}`,
        handle: `unasked${letter}.good.example.com`,
      } as const
      const client = await create(stage.world, account, page)
      const [pages, back] = await silently(client, page)
      expect([
        pages,
        back.get('error'),
        back.get('error_description'),
        back.get('iss'),
        back.get('code'),
      ]).toEqual([
        [`${AUTHORIZE} 303`],
        'consent_required',
        'The account has to agree',
        stage.world.pds,
        null,
      ])
      await expect(client.finish()).rejects.toThrow('The account has to agree')
    })
  })
})

describe.skipIf(!isHere).each([
  ['@atproto/oauth-client-node', 'c', atprotoNode('public')],
  ['@atproto/oauth-client-browser', 'd', inPage('atproto-page')],
  ['@atcute/oauth-browser-client', 'e', inPage('atcute-page')],
  ['@atcute/oauth-node-client', 'f', atcuteNode('public')],
] as const)('%s without keys', (_name, letter, create) => {
  test('is refused before it sends anybody anywhere', async () => {
    await withPage(`keyless${letter}`, create, async (client) => {
      stage.passed.length = 0
      await expect(client.begin('none')).rejects.toThrow(
        /consent_required|for clients that prove who they are/,
      )
      expect(stage.lately('/oauth/par')).toEqual(['/oauth/par use_dpop_nonce', '/oauth/par consent_required'])
    })
  })
})
