import { existsSync, readdirSync, readlinkSync } from 'node:fs'

import { openAccountStore } from '@avocet/accounts/sqlite'
import { openDatabase } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'

import { createReservedKeys } from '../src/accounts/reserved-keys.ts'
import { createRecordLexicons } from '../src/repos/lexicons.ts'
import { failure, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await startNetwork()
})
afterAll(() => net[Symbol.asyncDispose]())

const server = (name: string, account: TestAccount, input?: object) =>
  net.post(`com.atproto.server.${name}`, {
    token: account.accessJwt,
    ...(input === undefined ? {} : { input }),
  })
const takedown = (subject: object, applied: boolean) =>
  net.post('com.atproto.admin.updateSubjectStatus', {
    admin: true,
    input: { subject, takedown: { applied } },
  })

/** A blob of text that a record refers to. */
async function withBlob(text: string): Promise<{ account: TestAccount; cid: string }> {
  const account = await net.account()
  const { body } = await net.post('com.atproto.repo.uploadBlob', {
    token: account.accessJwt,
    bytes: new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>,
    type: 'text/plain',
  })
  const record = { $type: 'com.example.note', file: body.blob }
  const input = { repo: account.did, collection: 'com.example.note', record }
  expect((await net.post('com.atproto.repo.createRecord', { token: account.accessJwt, input })).status).toBe(
    200,
  )
  return { account, cid: body.blob.ref.$link }
}

describe('what caches may keep', () => {
  test('answers to somebody who showed credentials are theirs alone', async () => {
    const account = await net.account()
    const { headers } = await net.get('com.atproto.server.getSession', { token: account.accessJwt })
    expect([headers.get('cache-control'), headers.get('vary')]).toEqual(['private', 'Authorization'])
    const params = { aud: 'did:web:example.com', lxm: 'com.example.get' }
    const token = await net.get('com.atproto.server.getServiceAuth', { token: account.accessJwt, params })
    expect([token.status, token.headers.get('cache-control')]).toEqual([200, 'no-store'])
    const own = await net.get('com.atproto.sync.getRepo', {
      params: { did: account.did },
      token: account.accessJwt,
    })
    expect([own.headers.get('cache-control'), own.headers.get('vary')]).toEqual([
      'private',
      'Accept-Encoding, Authorization',
    ])
    const refused = await net.get('com.atproto.server.getSession', { token: 'x' })
    expect([refused.status, refused.headers.get('cache-control')]).toEqual([400, 'private'])
    expect((await net.get('com.atproto.server.describeServer')).headers.get('cache-control')).toBe(null)
  })

  test('a blob is public for an hour, but not while its account or itself is hidden', async () => {
    const { account, cid } = await withBlob('hello')
    const params = { did: account.did, cid }
    const control = async (options: object): Promise<unknown[]> => {
      const answer = await net.get('com.atproto.sync.getBlob', { params, ...options })
      return [failure(answer), answer.headers.get('cache-control')]
    }
    expect(await control({})).toEqual(['200 ', 'public, max-age=3600'])
    expect(await control({ headers: { 'if-none-match': `"${cid}"` } })).toEqual([
      '304 ',
      'public, max-age=3600',
    ])
    const blob = { $type: 'com.atproto.admin.defs#repoBlobRef', did: account.did, cid }
    await takedown(blob, true)
    expect(await control({ headers: { 'if-none-match': `"${cid}"` } })).toEqual(['400 InvalidRequest', null])
    expect(await control({ admin: true })).toEqual(['200 ', 'private, no-store'])
    await takedown(blob, false)
    await server('deactivateAccount', account, {})
    expect(await control({})).toEqual(['400 RepoDeactivated', null])
    expect(await control({ token: account.accessJwt })).toEqual(['200 ', 'private, no-store'])
  })

  test('the tag of a compressed blob is not the plain one’s', async () => {
    const { account, cid } = await withBlob('hello '.repeat(1000))
    const params = { did: account.did, cid }
    const tag = async (encoding: string): Promise<unknown[]> => {
      const { headers } = await net.get('com.atproto.sync.getBlob', {
        params,
        headers: { 'accept-encoding': encoding },
      })
      return [headers.get('etag'), headers.get('content-encoding'), headers.get('vary')]
    }
    expect(await tag('identity')).toEqual([`"${cid}"`, null, 'Accept-Encoding'])
    expect(await tag('gzip')).toEqual([`W/"${cid}"`, 'gzip', 'Accept-Encoding'])
    const known = await net.get('com.atproto.sync.getBlob', {
      params,
      headers: { 'if-none-match': `W/"${cid}"` },
    })
    expect(known.status).toBe(304)
  })
})

/** Open files of blobs; what the server writes every ten seconds to see whether it can is none. */
const openFiles = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      return path.startsWith(net.folder) && path.includes('/blobs/') && !path.includes('/temporary/probe-')
    } catch {
      return false
    }
  }).length

const linux = existsSync('/proc/self/fd')
if (!linux) console.log('skipped: open files are only counted where there is /proc')
test.runIf(linux)('no way of asking for a blob leaves its file open', async () => {
  const { account, cid } = await withBlob('x'.repeat(2_000_000))
  const url = `${net.pds.url}/xrpc/com.atproto.sync.getBlob?did=${account.did}&cid=${cid}`
  for (let i = 0; i < 20; i++) {
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
    expect(openFiles()).toBe(0)
    await net.pds.fetch(new Request(url, { method: 'HEAD' }))
    expect(openFiles()).toBe(0)
  }
  // A caller who leaves is noticed a moment later.
  for (let i = 0; i < 20; i++) {
    const cut = new AbortController()
    const half = await fetch(url, { signal: cut.signal, headers: { range: 'bytes=5-' } })
    expect(half.status).toBe(206)
    await half.body!.getReader().read()
    cut.abort()
    expect((await fetch(url, { headers: { range: 'bytes=9999999-' } })).status).toBe(416)
  }
  await expect.poll(openFiles).toBe(0)
})

test('an older token of an account that was taken down makes none for other services', async () => {
  const account = await net.account()
  await takedown({ $type: 'com.atproto.admin.defs#repoRef', did: account.did }, true)
  const ask = async (lxm?: string): Promise<string> =>
    failure(
      await net.get('com.atproto.server.getServiceAuth', {
        token: account.accessJwt,
        params: { aud: 'did:web:example.com', ...(lxm === undefined ? {} : { lxm }) },
      }),
    )
  expect(await ask('app.bsky.feed.getTimeline')).toBe('400 InvalidToken')
  expect(await ask()).toBe('400 InvalidToken')
  expect(await ask('com.atproto.server.createAccount')).toBe('200 ')
})

test.each([false, true])('an app password (privileged: %s) shows no email address', async (privileged) => {
  const account = await net.account()
  const { body } = await server('createAppPassword', account, { name: 'phone', privileged })
  const input = { identifier: account.did, password: body.password }
  const session = await net.post('com.atproto.server.createSession', { input })
  expect([session.status, session.body.did, session.body.email]).toEqual([200, account.did, undefined])
  const refreshed = await net.post('com.atproto.server.refreshSession', { token: session.body.refreshJwt })
  expect([refreshed.status, refreshed.body.email]).toEqual([200, undefined])
  const seen = await net.get('com.atproto.server.getSession', { token: session.body.accessJwt })
  expect([seen.status, seen.body.email]).toEqual([200, undefined])
  const main = await net.post('com.atproto.server.createSession', {
    input: { ...input, password: 'correct horse' },
  })
  expect(main.body.email).toMatch(/@example\.com$/)
})

test('reserved keys are one a DID, bounded, and forgotten after a week or with their account', async () => {
  const db = openDatabase({ path: ':memory:' })
  const store = openAccountStore(db)
  let time = Date.now()
  const keys = createReservedKeys(store, () => time, 3)
  const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' as Did
  const both = await Promise.all([keys.reserve(did), keys.reserve(did)])
  expect(both[0]).toBe(both[1])
  await keys.reserve(null)
  await keys.reserve(null)
  await expect(keys.reserve(null)).rejects.toMatchObject({ code: 'busy' })
  expect(await keys.reserve(did)).toBe(both[0])
  await store.apply([{ type: 'releaseKey', did }])
  expect(await keys.find(did)).toBe(null)
  time += 7 * 24 * 60 * 60 * 1000
  const kept = (): unknown => db.prepare('SELECT count(*) AS n FROM reserved_key').get()!['n']
  await keys.collect()
  expect(kept()).toBe(2)
  time += 1
  await keys.collect()
  expect(kept()).toBe(0)
  db.close()
})

test('few lexicons are looked up at a time, whatever is written', async () => {
  let under = 0
  let most = 0
  let all = 0
  const lookup = async (): Promise<{ ok: true; value: string[] }> => {
    all += 1
    most = Math.max(most, ++under)
    await new Promise((resolve) => setTimeout(resolve, 5))
    under -= 1
    return { ok: true, value: [] }
  }
  const lexicons = createRecordLexicons({} as never, lookup, fetch)
  const names = Array.from({ length: 200 }, (_, i) => `com.example${i}.thing`)
  for (const name of names) expect(lexicons.known(name)).toBe(null)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect([most, all]).toEqual([8, 8])
  expect(await Promise.all(names.slice(100, 140).map((name) => lexicons.find(name)))).toEqual(
    Array.from({ length: 40 }, () => null),
  )
  expect([most, all]).toEqual([8, 48])
})

test('a lexicon that was looked for while the clock was a year ahead is remembered no longer', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  let asked = 0
  const lookup = (): Promise<{ ok: true; value: string[] }> => {
    asked += 1
    return Promise.resolve({ ok: true, value: [] })
  }
  const lexicons = createRecordLexicons({} as never, lookup, fetch)
  const now = Date.now()
  vi.setSystemTime(now + 365 * 24 * 60 * 60 * 1000)
  await lexicons.find('com.example.thing')
  vi.setSystemTime(now)
  vi.advanceTimersByTime(59_999)
  await lexicons.find('com.example.thing')
  expect(asked).toBe(1)
  vi.advanceTimersByTime(1)
  await lexicons.find('com.example.thing')
  expect(asked).toBe(2)
})

test('a lexicon that was not found is looked for again after a minute; five hundred are remembered', async () => {
  const asked: string[] = []
  let time = 0
  const lookup = (name: string): Promise<{ ok: true; value: string[] }> => {
    asked.push(name)
    return Promise.resolve({ ok: true, value: [] })
  }
  const lexicons = createRecordLexicons({} as never, lookup, fetch, () => time)
  const find = async (name: string): Promise<number> => {
    expect(await lexicons.find(name)).toBe(null)
    return asked.length
  }
  expect([await find('com.example.thing'), await find('com.example.thing')]).toEqual([1, 1])
  time = 59_999
  expect(await find('com.example.thing')).toBe(1)
  time = 60_000
  expect(await find('com.example.thing')).toBe(2)
  for (let n = 0; n < 499; n++) await find(`com.example${n}.thing`)
  expect(await find('com.example.thing')).toBe(501)
  await find('com.example499.thing')
  // The answers of others are remembered below it, for half a minute.
  time += 31_000
  expect(await find('com.example.thing')).toBe(503)
})
