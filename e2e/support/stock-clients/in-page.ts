// Clients that are in a page themselves.
import { fileURLToPath } from 'node:url'

import { bundlePage } from '@avocet/testing/chromium'

import { SCOPE, type StockClient, type StockClientFactory } from './client.ts'

/** What such a page has as `stock`. */
export interface StockPage {
  begin(prompt: string | null): Promise<string>
  finish(): Promise<string>
  call(): Promise<number>
  scope(): Promise<string | undefined>
  signOut(): Promise<void>
  useAgain(): Promise<void>
}

/** @param name of the page and of its module beside this one */
export const inPage =
  (name: 'atproto-page' | 'atcute-page'): StockClientFactory =>
  async ({ pds, plcUrl, app, files }, account, page) => {
    const query = new URLSearchParams({ pds, plc: plcUrl, account: JSON.stringify(account) })
    files.set(`/${name}.js`, await bundlePage(fileURLToPath(new URL(`./${name}.ts`, import.meta.url))))
    files.set(
      `/${name}`,
      `<!doctype html><title>app</title><script type="module" src="/${name}.js?${query.toString().replaceAll('&', '&amp;')}"></script>`,
    )
    const metadata = {
      client_id: `${app}/${name}.json`,
      redirect_uris: [`${app}/${name}`],
      scope: SCOPE,
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      application_type: 'web',
      token_endpoint_auth_method: 'none',
      dpop_bound_access_tokens: true,
    }
    files.set(`/${name}.json`, JSON.stringify(metadata))
    const ask = async <T>(call: string): Promise<T> => {
      await page.waitForFunction('globalThis.stock !== undefined')
      // As text: the test's own transformation knows nothing of pages.
      return page.evaluate(`globalThis.stock.${call}`)
    }
    const client: StockClient = {
      begin: async (prompt) => {
        if (!page.url().startsWith(app)) await page.goto(`${app}/${name}`)
        return ask(`begin(${JSON.stringify(prompt ?? null)})`)
      },
      finish: () => ask('finish()'),
      call: () => ask('call()'),
      restore: async () => {
        await page.goto(`${app}/${name}`)
        await ask('finish()')
      },
      scope: () => ask('scope()'),
      signOut: () => ask('signOut()'),
      useAgain: () => ask('useAgain()'),
    }
    return client
  }
