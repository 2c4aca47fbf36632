// Sign-ins by apps on either database, beside the store in memory: the same changes give the same outcomes and the same rows.
import { createMemoryOAuthStore, type OAuthChange, type OAuthSession } from '@avocet/oauth-server'
import { startPostgres } from '@avocet/testing/postgres'
import * as fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import type { Stores } from '../src/stores/stores.ts'
import { accountChange, DID, openFixture, OTHER } from './store-fixture.ts'

const server = await startPostgres()
afterAll(() => server?.close())

const KEY = { id: 'key-1', alg: 'ES256', thumbprint: 'thumb' }
const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const id = pick('a', 'b', 'c')
const did = pick(DID, OTHER)
const client = pick('https://one.example.com/c.json', 'https://two.example.com/c.json')
const time = fc.integer({ min: 1, max: 9 })
const device = pick('d1', 'd2')
const code = pick('code1', 'code2', 'code3')
const nullable = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { nil: null })

const request = fc.record({
  id,
  clientId: client,
  clientKey: nullable(fc.constant(KEY)),
  dpopThumbprint: fc.constant('jkt'),
  parameters: fc.constant({
    redirectUri: 'https://one.example.com/callback',
    responseMode: 'query',
    scope: 'atproto repo:a.b.c',
    codeChallenge: 'challenge',
    state: 'a "state"',
    prompt: null,
    loginHint: null,
    display: null,
    uiLocales: null,
  } as const),
  from: nullable(pick('192.0.2.1', '192.0.2.2')),
  createdAt: time,
  expiresAt: time,
  device: nullable(device),
  granted: fc.constant(null),
})
const session: fc.Arbitrary<OAuthSession> = fc.record({
  id,
  did,
  clientId: client,
  clientKey: nullable(fc.constant(KEY)),
  dpopThumbprint: fc.constant('jkt'),
  scope: fc.constant('atproto include:a.b.c'),
  permissions: fc.constant('atproto repo:a.b.d'),
  codeHash: code,
  device: nullable(device),
  createdAt: time,
  generation: fc.constant(1),
  refreshHash: nullable(pick('refresh1', 'refresh2')),
  refreshedAt: time,
  expiresAt: time,
})
const type = <T extends OAuthChange['type']>(name: T): fc.Arbitrary<T> => fc.constant(name)
const change: fc.Arbitrary<OAuthChange> = fc.oneof(
  fc.record({
    type: type('addRequest'),
    request,
    max: pick(1, 2),
    maxTotal: pick(1, 2, 3),
    now: time,
  }),
  fc.record({ type: type('openRequest'), id, device, expiresAt: time, now: time }),
  fc.record({
    type: type('grantRequest'),
    id,
    device,
    granted: fc.record({
      codeHash: code,
      did,
      scope: fc.constant('atproto'),
      permissions: fc.constant('atproto'),
    }),
    expiresAt: time,
    now: time,
  }),
  fc.record({ type: type('dropRequest'), id }),
  fc.record({ type: type('takeCode'), codeHash: code, now: time }),
  fc.record({ type: type('addSession'), session, maxPerAccount: pick(1, 2), maxPerClient: pick(1, 2) }),
  fc.record({
    type: type('rotateSession'),
    id,
    generation: pick(1, 2),
    set: fc.record({
      refreshHash: pick('refresh2', 'refresh3'),
      refreshedAt: time,
      expiresAt: time,
      permissions: fc.constant('atproto'),
    }),
  }),
  fc.record({ type: type('endSession'), id }),
  fc.record({ type: type('endSessions'), did }),
  fc.record({ type: type('endSessions'), did, clientId: client, except: id }),
  fc.record({ type: type('endSessions'), did, except: id }),
  fc.record({
    type: type('keepConsent'),
    consent: fc.record({
      did,
      clientId: client,
      scope: pick('atproto', 'atproto repo:*'),
      declined: pick('', 'blob:*/*'),
      updatedAt: time,
    }),
  }),
  fc.record({ type: type('forgetConsents'), did }),
  fc.record({ type: type('forgetConsents'), did, clientId: client }),
  fc.record({ type: type('forgetAccount'), did }),
  fc.record({ type: type('forgetAccount'), did, clientId: client }),
  fc.record({ type: type('forgetExpired'), now: time, limit: pick(1, 2) }),
)

describe.each([
  ['sqlite', null],
  ['postgres', server?.url],
] as const)('%s', (_name, url) => {
  let stores: Stores
  // Not skipped in silence: `startPostgres` has said that there is none.
  beforeEach(async (context) => {
    if (url === undefined) context.skip()
    const fixture = await openFixture(url ?? null)
    stores = fixture.stores
    onTestFinished(() => fixture[Symbol.asyncDispose]())
    await stores.apply({ accounts: [accountChange(DID, 'a.test'), accountChange(OTHER, 'b.test')] })
  })

  /** Everything that can be read. */
  const read = async ({ requests, sessions, consents }: Stores['oauth']): Promise<unknown> => ({
    requests: await Promise.all(['a', 'b', 'c'].map((key) => requests.get(key))),
    codes: await Promise.all(['code1', 'code2', 'code3'].map((key) => requests.byCode(key))),
    sessions: await Promise.all(['a', 'b', 'c'].map((key) => sessions.get(key))),
    begun: await Promise.all(['code1', 'code2', 'code3'].map((key) => sessions.byCode(key))),
    lists: [await sessions.list(DID), await sessions.list(OTHER)],
    consents: [await consents.list(DID), await consents.list(OTHER)],
    consent: await consents.get(DID, 'https://one.example.com/c.json'),
  })

  test('whatever is changed, in whatever order, is as it is in memory', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 12 }),
        async (all) => {
          const memory = createMemoryOAuthStore()
          for (const who of [DID, OTHER]) {
            await stores.oauth.apply([{ type: 'forgetAccount', did: who }])
          }
          for (const key of ['a', 'b', 'c']) await stores.oauth.apply([{ type: 'dropRequest', id: key }])
          for (const changes of all) {
            expect(await stores.oauth.apply(changes)).toEqual(await memory.apply(changes))
          }
          expect(await read(stores.oauth)).toEqual(await read(memory))
        },
      ),
      { numRuns: process.env['AVOCET_FUZZ'] === undefined ? 40 : 2000 },
    )
  })

  const open = async (): Promise<void> => {
    const one = fc.sample(session, 1)[0]!
    const bounds = { maxPerAccount: 5, maxPerClient: 5 }
    const added = await stores.oauth.apply([
      { type: 'addSession', session: { ...one, id: 'a', did: DID, codeHash: 'code1' }, ...bounds },
      { type: 'addSession', session: { ...one, id: 'b', did: OTHER, codeHash: 'code2' }, ...bounds },
    ])
    expect(added).toEqual({ status: 'applied' })
  }
  const left = async (): Promise<readonly boolean[]> =>
    Promise.all(['a', 'b'].map(async (key) => (await stores.oauth.sessions.get(key)) !== null))

  test.each(['alone', 'with others'])(
    'what ends all sessions of an account ends those of apps: %s',
    async (how) => {
      await open()
      const changes = [{ type: 'endSessions', did: DID }] as const
      if (how === 'alone') await stores.accountStore.apply(changes)
      else await stores.apply({ accounts: changes })
      expect(await left()).toEqual([false, true])
    },
  )

  test('a factor that is removed ends all of apps, one that is added nothing', async () => {
    await open()
    const factor = { id: 'f', did: DID, kind: 'totp', name: 'phone', counter: 0, transports: [] } as const
    const createdAt = '2026-01-01T00:00:00.000Z'
    const secret = new Uint8Array(1)
    const add = { type: 'addFactor', factor: { ...factor, secret, createdAt }, max: 2 } as const
    expect(await stores.accountStore.apply([add])).toEqual({ status: 'applied' })
    expect(await left()).toEqual([true, true])
    const remove = { type: 'removeFactor', did: DID, id: 'f' } as const
    expect(await stores.accountStore.apply([remove, remove])).toMatchObject({ status: 'refused' })
    expect(await left()).toEqual([true, true])
    expect(await stores.accountStore.apply([remove])).toEqual({ status: 'applied' })
    expect(await left()).toEqual([false, true])
  })

  test('what ends some sessions of an account, or is refused, ends none of apps', async () => {
    await open()
    await stores.accountStore.apply([{ type: 'endSessions', did: DID, appPassword: null }])
    await stores.accountStore.apply([{ type: 'endSessions', did: DID, appPassword: 'one' }])
    const refused = await stores.accountStore.apply([
      { type: 'endSessions', did: DID },
      { type: 'updateAccount', did: DID, set: {}, expect: { emailConfirmedAt: 'never' } },
    ])
    expect(refused).toEqual({ status: 'stale' })
    expect(await left()).toEqual([true, true])
  })

  test('of two answers to one request at a time one is taken, and the other comes too late', async () => {
    const one = fc.sample(request, 1)[0]!
    for (let n = 0; n < 15; n++) {
      const key = `request-${n}`
      const made = { ...one, id: key, clientKey: null, device: 'd', expiresAt: 9 }
      await stores.oauth.apply([{ type: 'addRequest', request: made, max: 100, maxTotal: 100, now: 1 }])
      const grant = (codeHash: string): OAuthChange => ({
        type: 'grantRequest',
        id: key,
        device: 'd',
        granted: { codeHash, did: DID, scope: 'atproto', permissions: 'atproto' },
        expiresAt: 9,
        now: 1,
      })
      const outcomes = await Promise.all(
        [`${key} a`, `${key} b`].map((codeHash) => stores.oauth.apply([grant(codeHash)])),
      )
      expect(outcomes.toSorted((a, b) => a.status.localeCompare(b.status))).toEqual([
        { status: 'applied' },
        { status: 'refused', reason: 'request-gone' },
      ])
    }
  })

  test('an account that is removed leaves nothing', async () => {
    await open()
    await stores.apply({ accounts: [{ type: 'removeAccount', did: DID }] })
    expect(await left()).toEqual([false, true])
  })
})
