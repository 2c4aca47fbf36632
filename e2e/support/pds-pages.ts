// Everything that people see of a PDS in a browser: a walk through all its pages, for whoever looks at them.
import { NodeOAuthClient, type NodeSavedSession, type NodeSavedState } from '@atproto/oauth-client-node'
import type { Pds } from '@avocet/pds'
import { TOTP, URI } from 'otpauth'
import type { Page } from 'playwright-core'

import { typePassword } from './pds.ts'
import { createLock, inMemory } from './stock-clients/atproto-node.ts'
import type { Stage } from './stock-clients/stage.ts'
import { addVirtualAuthenticator } from './virtual-authenticator.ts'

/** The operator's. */
export const ADMIN_PASSWORD = 'the password of the operator'

/** Called at each page, by a name for it. */
export type Look = (name: string) => Promise<void>

const SCOPE = ['atproto', 'account:email', 'blob:image/*', 'repo:app.bsky.feed.post'].join(' ')

/** An app that sends its users to the pages. */
function createApp({ world }: Stage): {
  begin(handle: string, prompt?: 'create'): Promise<string>
  /** The user came back, by this URL. */
  finish(url: string): Promise<unknown>
} {
  const { app, pds, plcUrl, fetch, files } = world
  const client = new NodeOAuthClient({
    clientMetadata: {
      // A path by which a host is shown alone.
      client_id: `${app}/oauth-client-metadata.json`,
      redirect_uris: [`${app}/callback`],
      scope: SCOPE,
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      application_type: 'web',
      token_endpoint_auth_method: 'none',
      dpop_bound_access_tokens: true,
    },
    allowHttp: true,
    fetch,
    plcDirectoryUrl: plcUrl,
    handleResolver: pds,
    stateStore: inMemory<NodeSavedState>(),
    sessionStore: inMemory<NodeSavedSession>(),
    requestLock: createLock(),
  })
  files.set('/oauth-client-metadata.json', JSON.stringify(client.clientMetadata))
  return {
    begin: async (handle, prompt) => {
      const options = { scope: SCOPE, ...(prompt === undefined ? {} : { prompt }) }
      return (await client.authorize(handle, options)).href
    },
    finish: (url) => client.callback(new URL(url).searchParams),
  }
}

/** Gives an account an authenticator app. */
async function addAuthenticator({ accounts, factors }: Pds, did: string): Promise<void> {
  const visitor = { address: '127.0.0.1', binding: 'the browser of the test' }
  const account = (await accounts.find(did))!
  const { ticket, uri } = await factors.beginTotp(account, visitor)
  const code = (URI.parse(uri) as TOTP).generate({ timestamp: Date.now() })
  await factors.finishTotp(account.did, { ticket, code, name: 'phone' }, visitor)
}

const heading = (page: Page): Promise<string> => page.getByRole('heading', { level: 1 }).innerText()

/** Walks through the pages of owners. @param name of an account that is made for it */
export async function walkOwnerPages(stage: Stage, page: Page, name: string, look: Look): Promise<void> {
  const app = createApp(stage)
  const { pds } = stage.world
  const { handle } = await stage.newAccount(name)
  const guarded = await stage.newAccount(`${name}-2`)
  await addAuthenticator(stage.server.pds, guarded.did)
  await addVirtualAuthenticator(page)

  await page.goto(`${pds}/oauth/authorize`)
  await look('error')
  await page.goto(await app.begin(handle, 'create'))
  await look('sign-up')
  await page.getByRole('link', { name: 'I have an account' }).click()
  await page.getByRole('link', { name: 'Forgot your password?' }).click()
  await look('reset')
  await page.getByLabel('E-mail address').fill(`${name}@example.com`)
  await page.getByRole('button', { name: 'Mail me a code' }).click()
  await page.getByLabel('New password').waitFor()
  await look('reset-code')

  await page.goto(await app.begin(guarded.handle))
  await page.getByLabel('Keep me signed in').check()
  await typePassword(page)
  await page.getByLabel('Code').waitFor()
  await look('second-factor')
  await page.goto(await app.begin(handle))
  await look('sign-in')
  await typePassword(page, 'wrong')
  await page.getByRole('alert').waitFor()
  await look('sign-in-wrong')
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.getByRole('heading', { name: 'Sign in with a passkey' }).waitFor()
  await look('passkey')
  await page.getByRole('link', { name: 'Sign in with the password' }).click()
  await page.getByLabel('Handle or e-mail address').fill(handle)
  await page.getByLabel('Keep me signed in').check()
  await typePassword(page)
  await page.getByRole('heading', { name: 'Allow access' }).waitFor()
  await look('consent')
  await page.getByRole('link', { name: 'Use another account' }).click()
  await page.getByRole('heading', { name: 'Choose an account' }).waitFor()
  await look('accounts')
  await page.goBack()
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  await stage.comeBack(page)
  await app.finish(page.url())

  await page.goto(`${pds}/account`)
  const paths = await linksOf(page, 'nav .tabs a')
  for (const url of paths) {
    await page.goto(url)
    await look(nameOf(url))
  }
  // Who signed in a while ago proves themselves again, where a page is grave.
  await stage.clock.advance(11 * 60)
  for (const url of paths) {
    await page.goto(url)
    if ((await heading(page)) !== 'Is it you?') continue
    await look('prove')
    break
  }
}

/** Walks through the operator's pages. @param handle of an account to look at */
export async function walkAdminPages(stage: Stage, page: Page, handle: string, look: Look): Promise<void> {
  await page.goto(`${stage.world.pds}/admin`)
  await look('admin-sign-in')
  await page.getByLabel("Operator's password").fill(ADMIN_PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Sign out' }).waitFor()
  for (const url of await linksOf(page, 'nav.menu a')) {
    await page.goto(url)
    await look(nameOf(url))
    if (!url.endsWith('/accounts')) continue
    await page.getByRole('link', { name: handle }).click()
    await page.getByRole('heading', { name: handle }).waitFor()
    await look('admin-account')
  }
}

const linksOf = (page: Page, selector: string): Promise<string[]> =>
  page.locator(selector).evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).href))
const nameOf = (url: string): string => new URL(url).pathname.slice(1).replaceAll('/', '-')
