// Who stays signed in on a browser when what lets them in changes, on either database.
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import { createBrowsers, type Browser, type Browsers } from '../src/pages/browsers.ts'
import type { Stores } from '../src/stores/stores.ts'
import { accountChange, DID, openFixture, OTHER } from './store-fixture.ts'

const server = await startPostgres()
afterAll(() => server?.close())

const SIGHTING = { address: '192.0.2.1', userAgent: 'Browser' }

describe.each([
  ['sqlite', null],
  ['postgres', server?.url],
] as const)('%s', (_name, url) => {
  let stores: Stores
  let browsers: Browsers
  let now: number
  beforeEach(async (context) => {
    if (url === undefined) context.skip()
    const fixture = await openFixture(url ?? null)
    stores = fixture.stores
    onTestFinished(() => fixture[Symbol.asyncDispose]())
    await stores.apply({ accounts: [accountChange(DID, 'a.test'), accountChange(OTHER, 'b.test')] })
    now = Date.now()
    const { devices, accountStore: store } = stores
    browsers = createBrowsers({ devices, store, isSecure: true, now: () => now })
  })

  const read = (cookie: string | null): Promise<Browser> =>
    browsers.read(cookie === null ? null : /=([^;]*)/.exec(cookie)![1]!, SIGHTING)
  /** Signs in on a new browser. */
  const signIn = async (did = DID, remember = true): Promise<Browser> => {
    const account = (await stores.accounts.get(did))!
    const how = { request: null, remember }
    return read(await browsers.signIn(await read(null), account, how, SIGHTING))
  }
  const isIn = async (browser: Browser): Promise<boolean> => {
    return (await browsers.accounts(browser, null)).some(({ account }) => account.did === DID)
  }
  const set = (passwordHash: string) =>
    stores.accountStore.apply([{ type: 'updateAccount', did: DID, set: { passwordHash } }])
  const of = async (browser: Browser) => (await browsers.accounts(browser, null))[0]!

  test('a new password ends every sign-in but that of who chose it', async () => {
    const [here, elsewhere] = [await signIn(), await signIn()]
    const signedIn = await of(here)
    await set('new')
    expect([await isIn(here), await isIn(elsewhere)]).toEqual([false, false])
    await browsers.stay(here, signedIn, 'new')
    expect([await isIn(here), await isIn(elsewhere)]).toEqual([true, false])
    // It is the sign-in of before, no later one.
    expect((await of(here)).signIn).toMatchObject({
      signedInAt: signedIn.signIn.signedInAt,
      expiresAt: signedIn.signIn.expiresAt,
    })
  })

  test('a password that somebody else chose meanwhile ends it all the same', async () => {
    const here = await signIn()
    const signedIn = await of(here)
    await set('mine')
    await set('of somebody else')
    await browsers.stay(here, signedIn, 'mine')
    await browsers.stay(here, signedIn)
    expect(await isIn(here)).toBe(false)
  })

  test('another factor ends it, but for who changed that', async () => {
    const [here, elsewhere] = [await signIn(), await signIn()]
    const signedIn = await of(here)
    await stores.accountStore.apply([{ type: 'updateAccount', did: DID, set: { emailAuthFactor: true } }])
    await browsers.stay(here, signedIn)
    expect([await isIn(here), await isIn(elsewhere)]).toEqual([true, false])
  })

  test('who was signed out meanwhile stays so', async () => {
    const here = await signIn()
    const signedIn = await of(here)
    await browsers.signOut(here, DID)
    await set('new')
    await browsers.stay(here, signedIn, 'new')
    expect(await isIn(here)).toBe(false)
  })

  test('the browsers of an account are those where it is signed in now', async () => {
    const [first, second] = [await signIn(), await signIn()]
    const passing = await signIn(DID, false)
    await signIn(OTHER)
    const account = (await stores.accounts.get(DID))!
    const ids = async (): Promise<string[]> =>
      (await browsers.devices(account)).map(({ device }) => device.id)
    expect((await ids()).toSorted()).toEqual([first.id, second.id, passing.id].toSorted())
    now += 16 * 60_000
    expect((await ids()).toSorted()).toEqual([first.id, second.id].toSorted())
    await browsers.signOutElsewhere(first, DID)
    expect(await ids()).toEqual([first.id])
    await set('new')
    expect(await ids()).toEqual([])
  })
})
