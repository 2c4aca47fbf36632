// What the pages are given, what becomes of an answer, and who gets none.
import { formatScopes } from '@avocet/oauth-scopes'
import { beforeEach, describe, expect, it } from 'vitest'

import { nameClient, redirectResponse, type AuthorizationRedirect, type PageFailure } from '../src/index.ts'
import { ALICE, BOB, ISSUER } from './fixtures.ts'
import {
  CONFIDENTIAL_ID,
  confidentialDocument,
  createApp,
  createSigner,
  createWorld,
  LOOPBACK_ID,
  PUBLIC_ID,
  publicDocument,
  REDIRECT,
  refusal,
  valueOf,
  WEB_REDIRECT,
  type App,
  type Fields,
  type World,
} from './world.ts'

let world: World
let app: App

beforeEach(async () => {
  world = createWorld()
  app = await createApp(world)
})

type Visit = ReturnType<App['visit']>

/** A pushed request, as a browser comes with it. */
async function pushed(changes: Fields = {}, by: App = app): Promise<Visit> {
  const { status, body } = await by.push(changes)
  if (status !== 201) throw new Error(JSON.stringify(body))
  return by.visit(body['request_uri'])
}

async function opened(changes: Fields = {}, by: App = app): Promise<Visit> {
  const visit = await pushed(changes, by)
  const page = await world.server.open(visit)
  if (!page.ok) throw new Error(page.error.message)
  return visit
}

/** The word of a failure, or `ok`. */
const wordOf = (result: { ok: true } | { ok: false; error: PageFailure }): string =>
  result.ok ? 'ok' : result.error.code

const agree = (visit: Visit, scope?: string, did: string = ALICE): ReturnType<World['server']['consent']> =>
  world.server.consent(visit, {
    did: did as typeof ALICE,
    ...(scope === undefined ? {} : { scope }),
  })

/** What the way back says: `code`, or its error. */
async function answerOf(answer: ReturnType<World['server']['consent']>): Promise<string> {
  const result = await answer
  if (!result.ok) return `page: ${result.error.code}`
  return valueOf(result.value, 'error') ?? (valueOf(result.value, 'code') === undefined ? 'none' : 'code')
}

describe('a request that has no page', () => {
  it.each([
    [
      'was not pushed',
      { response_type: 'code', redirect_uri: REDIRECT, client_id: PUBLIC_ID },
      'invalid_request',
    ],
    [
      'is unknown',
      { request_uri: `urn:ietf:params:oauth:request_uri:req-${'0'.repeat(32)}` },
      'request-gone',
    ],
    ['has another form', { request_uri: 'https://app.example.com/request.jwt' }, 'request-gone'],
    ['is of another client', { client_id: 'https://other.example.com/client.json' }, 'invalid_request'],
    ['has no client', { client_id: '' }, 'invalid_request'],
  ])('because it %s', async (_, changes, word) => {
    const visit = await pushed()
    for (const [name, value] of Object.entries(changes)) visit.parameters.set(name, value)
    if ('redirect_uri' in changes) visit.parameters.delete('request_uri')
    const result = await world.server.open(visit)
    expect(wordOf(result)).toBe(word)
    expect(result).not.toHaveProperty('value')
  })

  it('because a parameter is there twice', async () => {
    const visit = await pushed()
    visit.parameters.append('client_id', PUBLIC_ID)
    expect(wordOf(await world.server.open(visit))).toBe('invalid_request')
  })

  it('because it is over; a visit lets it live on', async () => {
    const visit = await pushed()
    world.clock.advance(299)
    expect(wordOf(await world.server.open(visit))).toBe('ok')
    world.clock.advance(299)
    expect(wordOf(await world.server.open(visit))).toBe('ok')
    world.clock.advance(300)
    expect(wordOf(await world.server.open(visit))).toBe('request-gone')
    expect(await answerOf(agree(visit, 'atproto'))).toBe('page: request-gone')
  })

  it('because it was answered', async () => {
    const visit = await opened()
    expect(await answerOf(agree(visit, 'atproto'))).toBe('code')
    expect(wordOf(await world.server.open(visit))).toBe('request-gone')
    expect(await answerOf(agree(visit, 'atproto'))).toBe('page: request-gone')
    expect(wordOf(await world.server.deny(visit))).toBe('request-gone')
  })

  it('because the client took its redirect back, or is gone', async () => {
    const visit = await pushed()
    for (const seconds of [299, 299]) {
      world.clock.advance(seconds)
      await world.server.open(visit)
    }
    world.clock.advance(2)
    world.hosted.set(PUBLIC_ID, publicDocument({ redirect_uris: [`${REDIRECT}2`] }))
    expect(wordOf(await world.server.open(visit))).toBe('invalid_redirect_uri')
    expect(await answerOf(agree(visit, 'atproto'))).toBe('page: invalid_redirect_uri')
    const other = await pushed({ redirect_uri: `${REDIRECT}2` })
    for (const seconds of [299, 299]) {
      world.clock.advance(seconds)
      await world.server.open(other)
    }
    world.clock.advance(2)
    world.hosted.delete(PUBLIC_ID)
    expect(wordOf(await world.server.open(other))).toBe('invalid_client')
    expect(wordOf(await world.server.deny(other))).toBe('invalid_client')
  })

  it('in a second browser, and then in none', async () => {
    const visit = await opened()
    const other = { ...visit, device: 'browser of mallory' }
    expect(wordOf(await world.server.open(other))).toBe('request-elsewhere')
    expect(wordOf(await world.server.open(visit))).toBe('request-gone')
    expect(await answerOf(agree(visit, 'atproto'))).toBe('page: request-gone')
  })

  it('for an answer from a browser that did not open it', async () => {
    const other = { ...(await opened()), device: 'browser of mallory' }
    expect(await answerOf(agree(other, 'atproto'))).toBe('page: request-elsewhere')
    const never = await pushed()
    expect(await answerOf(agree(never, 'atproto'))).toBe('page: request-elsewhere')
    const denied = { ...(await opened()), device: 'browser of mallory' }
    expect(wordOf(await world.server.deny(denied))).toBe('request-elsewhere')
  })
})

describe('a page', () => {
  it('has what the client asked for', async () => {
    const visit = await pushed({
      prompt: 'login',
      login_hint: 'Alice.Example.com',
      display: 'popup',
      ui_locales: 'de-DE en <script> xx',
      scope: 'atproto account:email repo:com.example.post',
    })
    const page = await world.server.open(visit)
    expect(page).toMatchObject({
      ok: true,
      value: {
        prompt: 'login',
        loginHint: 'alice.example.com',
        display: 'popup',
        languages: ['de-DE', 'en', 'xx'],
        scopes: [
          { text: 'atproto', scope: { resource: 'atproto' } },
          { text: 'account:email', scope: { resource: 'account' } },
          { text: 'repo:com.example.post', scope: { resource: 'repo' } },
        ],
      },
    })
  })

  it('names an app by its host, by its whole id, or as one on the device', async () => {
    const shown = async (clientId: string, redirect: string): Promise<unknown> => {
      const page = await world.server.open(await pushed({}, await createApp(world, { clientId, redirect })))
      return page.ok ? page.value.client : page.error
    }
    const evil = '<b>\u202eApp</b>\u0000'
    const texts = {
      client_name: evil,
      logo_uri: 'javascript:alert(1)',
      tos_uri: 'https://app.example.com/tos',
    }
    world.hosted.set(PUBLIC_ID, publicDocument(texts))
    expect(await shown(PUBLIC_ID, REDIRECT)).toEqual({
      clientId: PUBLIC_ID,
      kind: 'host',
      text: 'app.example.com',
      trusted: false,
      name: null,
      logoUri: null,
      termsUri: 'https://app.example.com/tos',
      policyUri: null,
    })
    const long = 'https://app.example.com/apps/one.json'
    world.hosted.set(long, publicDocument({ client_id: long }))
    expect(await shown(long, REDIRECT)).toMatchObject({ kind: 'url', text: long })
    const homograph = 'https://xn--80ak6aa92e.com/oauth-client-metadata.json'
    world.hosted.set(homograph, publicDocument({ client_id: homograph }))
    expect(await shown(homograph, REDIRECT)).toMatchObject({ kind: 'host', text: 'xn--80ak6aa92e.com' })
    expect(await shown(LOOPBACK_ID, 'http://127.0.0.1/cb')).toMatchObject({ kind: 'device', text: '' })
    // The same by the id alone.
    expect(nameClient(homograph)).toEqual({ kind: 'host', text: 'xn--80ak6aa92e.com' })
    expect(nameClient(LOOPBACK_ID)).toEqual({ kind: 'device', text: '' })
    const deep = 'https://host.example/apps/one.json'
    expect(nameClient(deep)).toEqual({ kind: 'url', text: deep })
    expect(nameClient('no client')).toEqual({ kind: 'url', text: 'no client' })
    world = createWorld({ trustedClients: [PUBLIC_ID] })
    world.hosted.set(PUBLIC_ID, publicDocument({ ...texts, client_name: `${evil}${'x'.repeat(10_000)}` }))
    const client = (await shown(PUBLIC_ID, REDIRECT)) as { name: string }
    expect(client).toMatchObject({ trusted: true, logoUri: null })
    expect(client.name).toMatch(/^<b>App<\/b>x{60,80}…$/)
  })

  it('asks for a public client each time', async () => {
    for (let n = 0; n < 2; n++) {
      const visit = await pushed()
      const page = await world.server.open(visit)
      expect(page.ok && (await page.value.consentOf(ALICE))).toEqual({ needed: true, declined: [] })
      expect(await answerOf(agree(visit, 'atproto transition:generic'))).toBe('code')
    }
    expect(await answerOf(agree(await opened()))).toBe('consent_required')
  })
})

describe('an answer', () => {
  it('goes back by a redirect with iss, state and code', async () => {
    const back = await agree(await opened({ state: 'a b&iss=evil\r\n#' }), 'atproto')
    if (!back.ok) throw new Error(back.error.message)
    const response = redirectResponse(back.value)
    expect(response.status).toBe(303)
    const url = new URL(response.headers.get('location')!)
    expect(url.origin + url.pathname).toBe(REDIRECT)
    expect([...url.searchParams.keys()]).toEqual(['iss', 'state', 'code'])
    expect(url.searchParams.getAll('iss')).toEqual([ISSUER])
    expect(url.searchParams.get('state')).toBe('a b&iss=evil\r\n#')
    expect(url.searchParams.get('code')).toMatch(/^cod-[0-9a-f]{64}$/)
    expect(response.headers.get('referrer-policy')).toBe('no-referrer')
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('goes back in a fragment, or by a form that posts itself', async () => {
    const fragment = await agree(await opened({ response_mode: 'fragment', state: undefined }), 'atproto')
    const location = redirectResponse((fragment as { value: AuthorizationRedirect }).value).headers.get(
      'location',
    )!
    expect(location).toMatch(/^https:\/\/app\.example\.com\/callback#iss=[^&]+&code=cod-[0-9a-f]+$/)
    const form = await agree(await opened({ response_mode: 'form_post', state: '"><script>' }), 'atproto')
    const response = redirectResponse((form as { value: AuthorizationRedirect }).value)
    expect(response.status).toBe(200)
    const html = await response.text()
    expect(html).toContain(`<form method="post" action="${REDIRECT}">`)
    expect(html).toContain('<input type="hidden" name="state" value="&quot;&gt;&lt;script&gt;">')
    expect(html).toContain(`<input type="hidden" name="iss" value="${ISSUER}">`)
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'sha256-/,
    )
    expect(response.headers.get('content-security-policy')).not.toContain('form-action')
  })

  it('keeps the query of the redirect', async () => {
    const redirect = `${REDIRECT}?a=%20b`
    world.hosted.set(PUBLIC_ID, publicDocument({ redirect_uris: [redirect] }))
    const back = await agree(await opened({}, await createApp(world, { redirect })), 'atproto')
    const location = redirectResponse((back as { value: AuthorizationRedirect }).value).headers.get(
      'location',
    )
    expect(location).toMatch(/^https:\/\/app\.example\.com\/callback\?a=%20b&iss=/)
  })

  it('of no says so, once', async () => {
    const visit = await opened()
    const back = await world.server.deny(visit)
    expect(back).toEqual({
      ok: true,
      value: {
        redirectUri: REDIRECT,
        mode: 'query',
        parameters: [
          ['iss', ISSUER],
          ['state', 'state'],
          ['error', 'access_denied'],
          ['error_description', 'The request was declined'],
        ],
      },
    })
    expect(wordOf(await world.server.deny(visit))).toBe('request-gone')
    const other = await world.server.deny(await opened(), 'login_required')
    expect(other.ok && valueOf(other.value, 'error')).toBe('login_required')
  })

  it('of an account that may not sign in is a no', async () => {
    for (const [did, status] of [
      [BOB, null],
      [ALICE, 'takendown'],
      [ALICE, 'deactivated'],
    ] as const) {
      world.accounts.set(did, status)
      const visit = await opened()
      expect(await answerOf(agree(visit, 'atproto', did))).toBe('access_denied')
      expect(wordOf(await world.server.open(visit))).toBe('request-gone')
    }
  })

  it('to fewer scopes grants these; to none that matter is a no', async () => {
    const code = await app.code(
      { scope: 'atproto account:email transition:generic' },
      'transition:generic atproto',
    )
    const { body } = await app.exchange(code)
    expect(body['scope']).toBe('atproto transition:generic')
    const scope = { scope: 'atproto account:email' }
    expect(await answerOf(agree(await opened(scope), 'account:email'))).toBe('access_denied')
    expect(await answerOf(agree(await opened(scope), ''))).toBe('access_denied')
  })

  it('to scopes in another way of writing grants them', async () => {
    const written = 'atproto repo?collection=com.example.post'
    world.hosted.set(PUBLIC_ID, publicDocument({ scope: written }))
    const visit = await pushed({ scope: written })
    const page = await world.server.open(visit)
    const shown = page.ok ? formatScopes(page.value.scopes.map((one) => one.scope)) : ''
    expect(shown).toBe('atproto repo:com.example.post')
    const back = await agree(visit, shown)
    const { body } = await app.exchange(back.ok ? valueOf(back.value, 'code')! : '')
    expect(body['scope']).toBe(shown)
    expect((await app.refresh(body['refresh_token'], { scope: written })).status).toBe(200)
  })

  it('to more scopes than were asked for grants what was asked for', async () => {
    const code = await app.code({ scope: 'atproto' }, 'atproto transition:generic account:email')
    expect((await app.exchange(code)).body['scope']).toBe('atproto')
  })

  it('by two at once counts once', async () => {
    const visit = await opened()
    const answers = await Promise.all([answerOf(agree(visit, 'atproto')), answerOf(agree(visit, 'atproto'))])
    expect(answers.toSorted()).toEqual(['code', 'page: request-gone'])
  })
})

describe('a client that proves who it is', () => {
  let web: App

  beforeEach(async () => {
    const signer = await createSigner()
    world.hosted.set(CONFIDENTIAL_ID, confidentialDocument({ keys: [signer.jwk] }))
    const redirect = WEB_REDIRECT
    web = await createApp(world, { clientId: CONFIDENTIAL_ID, redirect, signer })
  })

  const consentFor = async (scope: string): Promise<unknown> => {
    const page = await world.server.open(await pushed({ scope }, web))
    return page.ok ? page.value.consentOf(ALICE) : page.error
  }

  it('is remembered, with what was left out', async () => {
    const asked = 'atproto account:email transition:generic'
    expect(await consentFor(asked)).toEqual({ needed: true, declined: [] })
    const visit = await opened({ scope: asked }, web)
    expect(await answerOf(agree(visit, 'atproto transition:generic'))).toBe('code')
    expect(await consentFor(asked)).toEqual({ needed: false, declined: ['account:email'] })
    expect(await consentFor('atproto')).toEqual({ needed: false, declined: [] })
    expect(await consentFor('atproto repo:com.example.post')).toEqual({ needed: true, declined: [] })
    // Nobody is asked: what was left out stays out.
    const silent = await agree(await opened({ scope: asked, prompt: 'none' }, web))
    const code = silent.ok ? valueOf(silent.value, 'code')! : ''
    expect((await web.exchange(code)).body['scope']).toBe('atproto transition:generic')
    // Somebody is asked, and agrees now.
    expect(await answerOf(agree(await opened({ scope: asked }, web), asked))).toBe('code')
    expect(await consentFor(asked)).toEqual({ needed: false, declined: [] })
  })

  it('keeps what was agreed to before when it asks for less', async () => {
    await agree(
      await opened({ scope: 'atproto transition:generic account:email' }, web),
      'atproto transition:generic',
    )
    await agree(
      await opened({ scope: 'atproto repo:com.example.post' }, web),
      'atproto repo:com.example.post',
    )
    expect(world.store.consents.get(ALICE, CONFIDENTIAL_ID)).toEqual({
      did: ALICE,
      clientId: CONFIDENTIAL_ID,
      scope: 'transition:generic atproto repo:com.example.post',
      declined: 'account:email',
      updatedAt: world.clock.seconds(),
    })
  })

  it('gets no code in silence for what is new', async () => {
    await agree(await opened({ scope: 'atproto' }, web), 'atproto')
    const more = await opened({ scope: 'atproto account:email', prompt: 'none' }, web)
    expect(await answerOf(agree(more))).toBe('consent_required')
    const same = await opened({ scope: 'atproto', prompt: 'none' }, web)
    world.clock.advance(1)
    expect(await answerOf(agree(same))).toBe('code')
    // Nobody was asked, so nothing new is remembered.
    expect(world.store.consents.get(ALICE, CONFIDENTIAL_ID)?.updatedAt).toBe(world.clock.seconds() - 1)
    const other = await opened({ scope: 'atproto', prompt: 'none' }, web)
    world.accounts.set(BOB, 'active')
    expect(await answerOf(agree(other, undefined, BOB))).toBe('consent_required')
  })

  it('is asked anew once the account took it back', async () => {
    await agree(await opened({ scope: 'atproto' }, web), 'atproto')
    await world.store.apply([{ type: 'forgetConsents', did: ALICE, clientId: CONFIDENTIAL_ID }])
    expect(await consentFor('atproto')).toEqual({ needed: true, declined: [] })
  })
})

it('a request of a host that cannot be reached any more can be shown later', async () => {
  const visit = await pushed()
  world.clock.advance(299)
  await world.server.open(visit)
  world.clock.advance(299)
  await world.server.open(visit)
  world.clock.advance(10)
  world.hosted.set(PUBLIC_ID, new Error('down'))
  expect(wordOf(await world.server.open(visit))).toBe('temporarily_unavailable')
  world.hosted.set(PUBLIC_ID, publicDocument())
  expect(wordOf(await world.server.open(visit))).toBe('ok')
})

it('a push by a client that is not there is refused', async () => {
  world.hosted.delete(PUBLIC_ID)
  expect(refusal(await app.push())).toBe('400 invalid_client_metadata')
})
