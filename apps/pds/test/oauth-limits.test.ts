// How often one network may ask: at every endpoint of OAuth and on every page there is an end, and it says when to come again, and no more.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { PATHS } from '@avocet/oauth-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { RESET_PATH } from '../src/accounts/password-resets.ts'
import { createBrowser, type Seen } from './browser.ts'
import { startNetwork, type TestNetwork } from './network.ts'
import { createApp } from './oauth-app.ts'

const TRUSTED = '192.0.2.7'
let net: TestNetwork
beforeAll(async () => {
  net = await startNetwork({
    config: { inviteRequired: false, rateLimitsEnabled: true, rateLimitBypassIps: [TRUSTED] },
  })
})
afterAll(() => net[Symbol.asyncDispose]())

const origin = (): string => `http://localhost:${net.pds.port}`
/** As the front server says it, which is on this machine. */
const from = (address: string) => ({ 'x-forwarded-for': address })
const endpoints = Object.values(PATHS).filter((path) => path !== PATHS.authorize)
const posted: readonly string[] = [PATHS.par, PATHS.token, PATHS.revoke]

const ask = (path: string, address: string): Promise<Response> => {
  const headers = { ...from(address), 'content-type': 'application/json' }
  const init = posted.includes(path) ? { method: 'POST', body: '{}' } : {}
  return fetch(origin() + path, { ...init, headers })
}

/** Asks so many times, fifty at once. @returns the statuses that there were */
async function times(count: number, one: () => Promise<number>): Promise<Set<number>> {
  const seen = new Set<number>()
  for (let left = count; left > 0; left -= 50) {
    for (const status of await Promise.all(Array.from({ length: Math.min(50, left) }, one))) seen.add(status)
  }
  return seen
}

test('every endpoint answers one network 3000 times in five minutes, all together, and then says when to come again', async () => {
  const busy = '198.51.100.1'
  const one = async (): Promise<number> => {
    const answer = await ask(PATHS.jwks, busy)
    await answer.arrayBuffer()
    return answer.status
  }
  expect(await times(2999, one)).toEqual(new Set([200]))
  expect([await one(), await one()]).toEqual([200, 429])
  for (const path of endpoints) {
    const refused = await ask(path, busy)
    expect([path, refused.status]).toEqual([path, 429])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await refused.json()).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'too many requests',
    })
    // Other networks, and those whom the settings trust, are answered.
    for (const address of ['203.0.113.9', TRUSTED]) {
      expect((await ask(path, address)).status).toBe(posted.includes(path) ? 400 : 200)
    }
  }
})

test('60 pushes a minute are taken of one network, of whatever apps they are', async () => {
  const statuses: number[] = []
  for (let i = 0; i < 61; i++) {
    const app = await createApp(origin, `atproto repo:com.example.r${i}`)
    statuses.push((await app.push()).status)
  }
  expect(statuses).toEqual([...Array.from({ length: 60 }, () => 201), 429])
})

describe('pages', () => {
  // All that the sources of the pages name, so that no new one is left out.
  const folder = join(import.meta.dirname, '../src/pages')
  const named = globSync('**/*.ts', { cwd: folder }).flatMap((file) =>
    Array.from(
      readFileSync(join(folder, file), 'utf8').matchAll(/'(\/(?:account|oauth\/authorize)(?:\/[a-z-]+)*)'/g),
      ([, path]) => path!,
    ),
  )
  const PAGES = [...new Set(named), RESET_PATH, '/account/nothing']
  const busy = '198.51.100.2'
  const visit = (path: string, address: string): Promise<Seen> =>
    createBrowser(origin).visit(origin() + path, { headers: from(address) })

  test('are shown to one network 600 times in five minutes, all together, then it is told when to come again', async () => {
    const one = async (): Promise<number> => (await visit('/account/nothing', busy)).status
    expect(await times(600, one)).toEqual(new Set([404]))
    expect(PAGES.length).toBeGreaterThan(12)
    for (const path of PAGES) {
      const post = createBrowser(origin).post(origin() + path, [], { headers: from(busy) })
      // What is no page takes no form.
      const answers =
        path === '/account/nothing' ? [await visit(path, busy)] : [await visit(path, busy), await post]
      for (const { status, headers, text, cookies } of answers) {
        expect([path, status, cookies]).toEqual([path, 429, []])
        expect(Number(headers['retry-after'])).toBeGreaterThan(0)
        expect(text).not.toContain('<form')
      }
      expect((await visit(path, '203.0.113.9')).status).not.toBe(429)
      expect((await visit(path, TRUSTED)).status).not.toBe(429)
      await post
    }
  })
})
