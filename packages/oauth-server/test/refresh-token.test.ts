// The texts of refresh tokens, what follows them, and what is durable before it is answered.
import { CompactSign } from 'jose'
import { describe, expect, it } from 'vitest'

import { readAccessToken, signAccessToken } from '../src/access-token.ts'
import { createOAuthKeys, type OAuthChange } from '../src/index.ts'
import { readRefreshToken, refreshHash, successorSecrets, writeRefreshToken } from '../src/refresh-token.ts'
import { AUDIENCE, ISSUER, SECRET, sessionOf } from './fixtures.ts'
import { createApp, createWorld } from './world.ts'

const keys = createOAuthKeys([SECRET])
const other = new Uint8Array(32).fill(9)
const token = { sessionId: 'a'.repeat(32), generation: 7, secret: 'S'.repeat(43) }

describe('a refresh token', () => {
  it('is read as it was written, by the secret that made it, also a former one', () => {
    const text = writeRefreshToken(keys, token)
    expect(text).toMatch(/^ref-a{32}\.7\.S{43}\.[\w-]{22}$/)
    expect(readRefreshToken(keys, text)).toEqual(token)
    expect(readRefreshToken(createOAuthKeys([other, SECRET]), text)).toEqual(token)
    expect(readRefreshToken(createOAuthKeys([other]), text)).toBeNull()
    for (const changed of [
      text.replace('.7.', '.8.'),
      text.replace('aa', 'ab'),
      text.replace('SS', 'ST'),
      `${text}x`,
    ]) {
      expect(readRefreshToken(keys, changed)).toBeNull()
    }
  })

  it('has one successor, which is known to nobody without it', () => {
    const [next] = successorSecrets(keys, token)
    expect(next).toMatch(/^[\w-]{43}$/)
    expect(successorSecrets(keys, token)).toEqual([next])
    expect(successorSecrets(keys, { ...token, secret: 'T'.repeat(43) })).not.toEqual([next])
    expect(successorSecrets(keys, { ...token, generation: 8 })).not.toEqual([next])
    expect(successorSecrets(createOAuthKeys([other]), token)).not.toEqual([next])
    expect(successorSecrets(createOAuthKeys([other, SECRET]), token)[1]).toBe(next)
    expect(refreshHash(token)).toMatch(/^[\w-]{43}$/)
    expect(refreshHash(token)).not.toBe(token.secret)
  })

  it('shown again after the secret of the server changed still gives its successor', async () => {
    const world = createWorld()
    const app = await createApp(world)
    const { refresh } = await app.signIn()
    const first = await app.refresh(refresh)
    const later = createWorld({ keys: createOAuthKeys([other, SECRET]), store: world.store })
    const again = await (await createApp(later)).refresh(refresh, {}, { by: app.device })
    expect(again.status).toBe(200)
    const secretOf = (text: unknown): string => String(text).split('.')[2]!
    expect(secretOf(again.body['refresh_token'])).toBe(secretOf(first.body['refresh_token']))
  })

  it('is answered again only once what was read is durable', async () => {
    const applied: (readonly OAuthChange[])[] = []
    const world = createWorld()
    const app = await createApp(world)
    const { refresh } = await app.signIn()
    await app.refresh(refresh)
    const store = {
      ...world.store,
      apply: (changes: readonly OAuthChange[]) => {
        applied.push(changes)
        return world.store.apply(changes)
      },
    }
    const watched = await createApp(createWorld({ store }))
    expect((await watched.refresh(refresh, {}, { by: app.device })).status).toBe(200)
    expect(applied).toEqual([[]])
  })
})

describe('an access token', () => {
  const parties = { issuer: ISSUER, audience: () => AUDIENCE }

  it('is the same text for the same generation, and another for the next', async () => {
    const session = sessionOf()
    const text = await signAccessToken(keys, parties, session, 900)
    expect(await signAccessToken(keys, parties, session, 900)).toBe(text)
    expect(await signAccessToken(keys, parties, { ...session, generation: 2 }, 900)).not.toBe(text)
  })

  it('is of its own type, and never longer than what is read', async () => {
    const payload = await keys.open(await signAccessToken(keys, parties, sessionOf(), 900))
    const { hkdfSync } = await import('node:crypto')
    const key = new Uint8Array(hkdfSync('sha256', SECRET, '', 'avocet oauth-server access-token', 32))
    const sign = (typ: string): Promise<string> =>
      new CompactSign(Buffer.from(payload!)).setProtectedHeader({ alg: 'HS256', typ }).sign(key)
    expect(await readAccessToken(keys, parties, await sign('at+jwt'))).not.toBeNull()
    expect(await readAccessToken(keys, parties, await sign('JWT'))).toBeNull()
    const long = sessionOf({ clientId: `http://localhost?scope=${'x'.repeat(4073)}` })
    expect(long.clientId).toHaveLength(4096)
    const text = await signAccessToken(keys, parties, long, 900)
    expect(await readAccessToken(keys, parties, text)).toMatchObject({ clientId: long.clientId })
  })
})
