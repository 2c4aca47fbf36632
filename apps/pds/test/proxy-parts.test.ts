import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { Did } from '@avocet/syntax'

import { resolveConfig } from '../src/config/config.ts'
import { createPublicAddress } from '../src/identity/address.ts'
import { askService } from '../src/proxy/ask.ts'
import { createForward, type Forwarded } from '../src/proxy/forward.ts'
import { headersToClient, headersToService } from '../src/proxy/headers.ts'
import { isProtected } from '../src/proxy/methods.ts'
import { createFindRemoteRecord, type RecordName } from '../src/proxy/remote-records.ts'
import { createTargets } from '../src/proxy/targets.ts'

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    (value) => (value === null ? 'null' : 'fine'),
    (error: { code?: string }) => error.code ?? String(error),
  )

/** A service that answers as told; without an answer it says nothing. */
async function serve(status: number | null, headers: Record<string, string> = {}, body = '{}') {
  const asked: string[] = []
  let closed = 0
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    request.on('close', () => closed++)
    response.on('close', () => closed++)
    if (status !== null) response.writeHead(status, headers).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, asked, closed: () => closed }
}

describe('a question of this server’s own', () => {
  const ask = (url: string, timeoutMs = 20_000): Promise<string> => {
    const bounds = { token: 't', timeoutMs, maxBytes: 1000 }
    return codeOf(askService(fetch, url, 'com.example.get', { a: 'b' }, bounds))
  }

  test('is answered, refused, or given up', async () => {
    const { url, asked } = await serve(200, {}, '{"x":1}')
    expect([await ask(`${url}/`), asked]).toEqual(['fine', ['/xrpc/com.example.get?a=b']])
    expect(await ask((await serve(404)).url)).toBe('null')
    expect(await ask((await serve(200, {}, '[]')).url)).toBe('upstream-failed')
    expect(await ask((await serve(200, {}, `{"x":"${'y'.repeat(992)}"}`)).url)).toBe('fine')
    expect(await ask((await serve(200, {}, `{"x":"${'y'.repeat(993)}"}`)).url)).toBe('upstream-failed')
    // Whole as JSON, where it is cut off.
    expect(await ask((await serve(200, {}, `{}${' '.repeat(998)}`)).url)).toBe('fine')
    expect(await ask((await serve(200, {}, `{}${' '.repeat(999)}`)).url)).toBe('upstream-failed')
    const began = performance.now()
    expect(await ask((await serve(null)).url, 200)).toBe('upstream-failed')
    expect(performance.now() - began).toBeLessThan(3000)
  })

  test('is given up at once when the answer has no end', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    const server = createServer((_request, response) => {
      response.on('close', resolve).write(Buffer.alloc(1001))
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const bounds = { timeoutMs: 60_000, maxBytes: 1000 }
    expect(await codeOf(askService(fetch, url, 'com.example.get', {}, bounds))).toBe('upstream-failed')
    await closed
  })

  test('follows no redirect, with a token in its hand', async () => {
    const other = await serve(200, {}, '{}')
    for (const status of [301, 302, 303, 307, 308]) {
      const { url } = await serve(status, { location: `${other.url}/xrpc/com.example.get` })
      expect(await ask(url)).toBe('null')
    }
    expect(other.asked).toEqual([])
  })
})

describe('a request that is handed on', () => {
  const forwarded = (signal = new AbortController().signal): Forwarded => ({
    nsid: 'com.example.get',
    method: 'GET',
    request: new Request('http://here/xrpc/com.example.get?x=1'),
    header: () => null,
    address: null,
    signal,
  })

  test('is given up when the service says nothing in time', async () => {
    const { url } = await serve(null)
    expect(await codeOf(createForward(fetch, 100)(forwarded(), url, null))).toBe('upstream-timeout')
  })

  test('is given up when its caller goes away', async () => {
    const { url, asked, closed } = await serve(null)
    const caller = new AbortController()
    const running = codeOf(createForward(fetch, 5000)(forwarded(caller.signal), url, null))
    await expect.poll(() => asked).toEqual(['/xrpc/com.example.get?x=1'])
    caller.abort()
    expect(await running).toBe('upstream-failed')
    await expect.poll(closed).toBeGreaterThan(0)
  })

  test('takes along what is meant for the service, and of a body only with one', () => {
    const headers = new Headers({
      authorization: 'Bearer secret',
      cookie: 'secret',
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'accept-language': 'de',
      'x-atproto-thing': '1',
      'x-other': '1',
    })
    const always = { 'accept-language': 'de', 'x-atproto-thing': '1' }
    expect(headersToService(headers, false)).toEqual(always)
    expect(headersToService(headers, true)).toEqual({
      ...always,
      'content-type': 'application/json',
      'content-encoding': 'gzip',
    })
  })

  test('has an answer that no cache may hand to somebody else, whatever the service says', () => {
    const said = new Headers({
      'cache-control': 'public, max-age=3600',
      'set-cookie': 'a=b',
      'content-type': 'text/plain',
      'retry-after': '5',
      vary: 'Accept',
    })
    const kept = { 'cache-control': 'private', vary: 'Authorization', 'retry-after': '5' }
    expect(Object.fromEntries(headersToClient(said, false))).toEqual(kept)
    expect(Object.fromEntries(headersToClient(said, true))).toEqual({ ...kept, 'content-type': 'text/plain' })
  })
})

test('methods of one’s own account are handed to nobody, in whatever case', () => {
  const own = [
    'admin.sendEmail',
    'identity.requestPlcOperationSignature',
    'identity.signPlcOperation',
    'identity.updateHandle',
    'server.activateAccount',
    'server.confirmEmail',
    'server.createAppPassword',
    'server.deactivateAccount',
    'server.getAccountInviteCodes',
    'server.getSession',
    'server.listAppPasswords',
    'server.requestAccountDelete',
    'server.requestEmailConfirmation',
    'server.requestEmailUpdate',
    'server.revokeAppPassword',
    'server.updateEmail',
  ]
  for (const name of own) {
    for (const nsid of [`com.atproto.${name}`, `com.atproto.${name.toLowerCase()}`, `COM.ATPROTO.${name}`]) {
      expect([nsid, isProtected(nsid)]).toEqual([nsid, true])
    }
  }
  for (const nsid of [
    'com.atproto.server.createAccount',
    'com.atproto.repo.createRecord',
    'app.bsky.feed.getFeed',
  ]) {
    expect([nsid, isProtected(nsid)]).toEqual([nsid, false])
  }
})

test('another service of the AppView’s DID is foreign, for it is another service', () => {
  const did = 'did:web:view.example.com'
  const appView = { url: 'https://view.example.com', did }
  const known = createTargets(resolveConfig({ dataDirectory: 'x', appView }), {} as never)
  const foreign = [
    null,
    `${did}#bsky_appview`,
    `${did}#bsky_notif`,
    'did:web:a.example.com#bsky_appview',
  ].map((header) => known.isForeign(header))
  expect(foreign).toEqual([false, false, true, true])
})

test('a header that names no service is refused by what is wrong with it', () => {
  const targets = createTargets(resolveConfig({ dataDirectory: 'x' }), {
    resolve: () => Promise.reject(new Error('nobody is asked')),
  } as never)
  const refusal = (header: string): string => {
    try {
      const { did, id } = targets.name('com.example.get', header)
      return `${did} ${id}`
    } catch (error) {
      return (error as Error).message
    }
  }
  expect(refusal('did:web:a.example.com#b')).toBe('did:web:a.example.com b')
  expect(refusal('did:web:a.example.com#b#c')).toBe('invalid proxy header format')
  expect(refusal('did:web:a.example.com#b ')).toBe('proxy header cannot contain spaces')
  expect(refusal('#b')).toBe('no did specified in proxy header')
  expect(refusal('did:web:a.example.com')).toBe('no service id specified in proxy header')
  expect(refusal('example.com#b')).toBe('invalid did in proxy header')
})

describe('a record of somebody else', () => {
  const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
  const HERE = 'https://pds.example.com'
  const name = (rkey: string, cid?: string): RecordName => ({
    repo: DID,
    collection: 'com.example.note',
    rkey,
    ...(cid === undefined ? {} : { cid }),
  })

  /** Finds records at the server of `home`, which answers as told; counts what is asked of it. */
  function finder(
    answer: (rkey: string) => object | Promise<object>,
    home = 'https://other.example.com',
    clock?: 'of the machine',
  ) {
    const asked: string[] = []
    let time = 0
    const find = createFindRemoteRecord({
      appView: null,
      fetch: async (url) => {
        const { searchParams } = new URL(url)
        const rkey = searchParams.get('rkey')!
        asked.push(rkey)
        return Response.json(await answer(rkey))
      },
      dids: {
        resolve: () =>
          Promise.resolve({
            ok: true,
            value: {
              id: DID,
              service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: home }],
            },
          }),
      } as never,
      resolveHandle: () => Promise.resolve(null),
      address: createPublicAddress(resolveConfig({ dataDirectory: 'x', hostname: 'pds.example.com' })),
      ...(clock === undefined ? { now: () => time } : {}),
    })
    return {
      find: (which: RecordName, address: string | null = null) => find(which, address),
      asked,
      pass: (ms: number) => void (time += ms),
    }
  }
  const uri = (rkey: string, did: string = DID): string => `at://${did}/com.example.note/${rkey}`

  test('counts only when it is the one that was asked for', async () => {
    const value = { text: 'x' }
    const { find } = finder((rkey) =>
      rkey === 'other-account'
        ? { uri: uri(rkey, 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'), cid: 'c', value }
        : rkey === 'other-key'
          ? { uri: uri('x'), cid: 'c', value }
          : rkey === 'no-object'
            ? { uri: uri(rkey), cid: 'c', value: [] }
            : { uri: uri(rkey), cid: 'c', value },
    )
    expect(await find(name('a'))).toEqual({ uri: uri('a'), cid: 'c', value })
    expect(await find(name('a', 'c'))).toEqual({ uri: uri('a'), cid: 'c', value })
    expect(await find(name('a', 'd'))).toBe(null)
    for (const rkey of ['other-account', 'other-key', 'no-object']) expect(await find(name(rkey))).toBe(null)
  })

  test('is remembered for half a minute, if it is not long; five hundred of them', async () => {
    const { find, asked, pass } = finder((rkey) => ({
      uri: uri(rkey),
      value: { text: 'x'.repeat(rkey === 'long' ? 33_000 : 5) },
    }))
    for (const rkey of ['a', 'a', 'long', 'long']) await find(name(rkey))
    expect(asked).toEqual(['a', 'long', 'long'])
    pass(29_999)
    await find(name('a'))
    expect(asked).toHaveLength(3)
    pass(1)
    await find(name('a'))
    expect(asked).toHaveLength(4)
    for (let n = 0; n < 499; n++) await find(name(`r${n}`))
    await find(name('a'))
    expect(asked).toHaveLength(4 + 499)
    await find(name('last'))
    await find(name('r1'))
    expect(asked).toHaveLength(4 + 500)
    await find(name('a'))
    expect(asked).toHaveLength(4 + 501)
  })

  test('is remembered no longer when the clock of the machine was a year ahead meanwhile', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const { find, asked } = finder(
      (rkey) => ({ uri: uri(rkey), value: {} }),
      'https://other.example.com',
      'of the machine',
    )
    const now = Date.now()
    vi.setSystemTime(now + 365 * 24 * 60 * 60 * 1000)
    await find(name('a'))
    vi.setSystemTime(now)
    vi.advanceTimersByTime(29_999)
    await find(name('a'))
    expect(asked).toHaveLength(1)
    vi.advanceTimersByTime(1)
    await find(name('a'))
    expect(asked).toHaveLength(2)
  })

  test('is asked for four at a time for one network, the others are served meanwhile; thirty-two in all', async () => {
    const slow = Promise.withResolvers<void>()
    const { find, asked } = finder(async (rkey) => {
      if (rkey.startsWith('slow')) await slow.promise
      return { uri: uri(rkey), value: {} }
    })
    let count = 0
    const take = (address: string): Promise<unknown> => find(name(`slow${count++}`), address)
    const refusal = (found: Promise<unknown>): Promise<unknown> =>
      found.then(
        () => 'found',
        (error: { code: string }) => error.code,
      )
    const from = (net: number): string => `2001:db8:0:${net}::1`
    const held = Array.from({ length: 3 }, () => take(from(0)))
    expect(await refusal(find(name('quick'), '2001:db8::2'))).toBe('found')
    held.push(take('2001:db8::3'))
    await expect.poll(() => asked).toHaveLength(5)
    expect(await refusal(find(name('more'), '2001:db8::4'))).toBe('too-many-at-once')
    // What is there already, and what others wait for, takes no place.
    expect(await refusal(find(name('quick'), from(0)))).toBe('found')
    held.push(find(name('slow0'), from(0)))
    expect(await refusal(find(name('more'), from(1)))).toBe('found')
    for (let net = 1; net < 8; net++) {
      for (let i = 0; i < 4; i++) {
        expect(await refusal(find(name(`free ${net} ${i}`), from(9)))).toBe('found')
        held.push(take(from(net)))
      }
    }
    expect(await refusal(find(name('last'), from(9)))).toBe('busy')
    slow.resolve()
    expect(await Promise.all(held)).toHaveLength(4 + 1 + 28)
    expect(await refusal(find(name('last'), from(0)))).toBe('found')
  })

  test('is never asked of this server itself', async () => {
    const { find, asked } = finder((rkey) => ({ uri: uri(rkey), value: {} }), HERE)
    expect(await find(name('a'))).toBe(null)
    expect(asked).toEqual([])
  })
})
