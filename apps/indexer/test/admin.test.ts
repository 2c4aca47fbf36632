// The admin API over a socket: who is let in, and what can be done.

import { request as httpRequest } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { addCommands } from '../src/commands/commands.ts'
import type { Indexer, IndexerConfig } from '../src/app.ts'
import { type Host, post, startHost } from './support/host.ts'
import { eventually, indexed, startIndexer } from './support/indexer.ts'
import { startReceiver } from './support/receiver.ts'
import { WebSocket } from 'ws'

const TOKEN = 'correct-horse-battery-staple'
const NOTE = 'com.example.note'
const LIKE = 'com.example.like'
const create = (collection: string, rkey: string) => ({
  action: 'create' as const,
  collection,
  rkey,
  record: { ...post(rkey), $type: collection },
})

let host: Host
let indexer: Indexer
const start = async (config: Partial<IndexerConfig> = {}): Promise<void> => {
  indexer = await startIndexer(host, { admin: { host: '127.0.0.1', port: 0, token: TOKEN }, ...config })
}

type Answer = { status: number; body: Record<string, any>; headers: Record<string, unknown> }
/** As bytes on a socket: `fetch` lets nobody say another Host. */
const ask = (
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options
    const request = httpRequest(
      `${indexer.adminUrl}${path}`,
      {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
      },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            body: JSON.parse(text || '{}'),
            headers: response.headers,
          }),
        )
      },
    )
    request.on('error', reject)
    request.end(body)
  })
const tell = (path: string, body: object): Promise<Answer> =>
  ask(path, { method: 'POST', body: JSON.stringify(body) })

describe('who is let in', () => {
  beforeAll(async () => {
    host = await startHost()
    await start()
  })
  afterAll(async () => {
    await indexer.close()
    await host[Symbol.asyncDispose]()
  })

  test.each([
    ['no token', { authorization: '' }],
    ['another', { authorization: `Bearer ${TOKEN}x` }],
    ['a part of it', { authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
    ['as a password', { authorization: `Basic ${Buffer.from(`admin:${TOKEN}`).toString('base64')}` }],
  ])('%s: 401, and nothing is said', async (_, headers) => {
    for (const path of ['/admin/status', '/admin/nothing']) {
      const { status, body } = await ask(path, { headers })
      expect([status, body['error']]).toEqual([401, 'AuthMissing'])
    }
  })

  test.each([
    ['a name that was bound anew to this address', { host: 'evil.example' }, 403],
    ['the same with the port', { host: 'evil.example:2585' }, 403],
    ['a name that begins like ours', { host: 'localhost.evil.example' }, 403],
    ['a page of another origin', { origin: 'https://evil.example' }, 403],
    ['a page in a frame', { origin: 'null' }, 403],
    ['a request of another site', { 'sec-fetch-site': 'cross-site' }, 403],
    [
      'a page of its own',
      { host: 'localhost:1', origin: 'http://localhost:1', 'sec-fetch-site': 'same-origin' },
      200,
    ],
    ['IPv6', { host: '[::1]:5' }, 200],
  ])('%s, with the token: %s %i', async (_, headers, expected) => {
    const { status, headers: answered } = await ask('/admin/status', {
      headers: headers as Record<string, string>,
    })
    expect(status).toBe(expected)
    expect(answered['access-control-allow-origin']).toBeUndefined()
  })

  test('a page is not told that it may ask', async () => {
    const headers = {
      origin: 'https://evil.example',
      'access-control-request-method': 'POST',
      authorization: '',
    }
    const { status, headers: answered } = await ask('/admin/repos/add', { method: 'OPTIONS', headers })
    expect(status).toBe(403)
    expect(Object.keys(answered).filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  test('forms of pages, bodies that are too large, and no JSON change nothing', async () => {
    const body = JSON.stringify({ dids: ['did:web:a.example'] })
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx']) {
      const { status } = await ask('/admin/repos/add', {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      })
      expect(status).toBe(415)
    }
    const large = JSON.stringify({ dids: ['x'.repeat(1024 * 1024)] })
    expect((await ask('/admin/repos/add', { method: 'POST', body: large })).status).toBe(413)
    for (const odd of ['', '[]', '{', '5', '{"dids":5}', '{"dids":[5]}', '{"dids":[]}', '{"dids":["x"]}']) {
      expect((await ask('/admin/repos/add', { method: 'POST', body: odd })).status).toBe(400)
    }
    expect(indexer.repos.list()).toEqual([])
    expect((await ask('/admin/repos/add')).status).toBe(404)
  })

  test('its page needs no token, and nothing else that it shows is told without', async () => {
    const plain = (path: string, base = indexer.adminUrl): Promise<Response> => fetch(`${base}${path}`)
    const page = await plain('/')
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Admin token')])
    expect((await plain('/page/operator/main.js')).headers.get('content-type')).toMatch(/^text\/javascript/)
    expect((await plain('/page/operator/main.js', indexer.url)).status).toBe(404)
    expect(await (await plain('/', indexer.url)).text()).not.toContain('Admin token')
    for (const path of ['/status', '/coverage', '/failures', '/repos?did=x', '/events', '/records?uri=x'])
      expect((await plain(path)).status, path).toBe(401)
    expect((await ask('/status')).body).toMatchObject({ totals: { records: 0 } })
    expect((await ask('/coverage')).body).toMatchObject({ repos: { known: 0 } })
    for (const path of ['/accounts', '/records?uri=x']) expect((await ask(path)).status, path).toBe(404)
    expect((await tell('/status', {})).status).toBe(404)
  })

  test('it is not where everybody asks', async () => {
    const headers = { authorization: `Bearer ${TOKEN}` }
    expect((await fetch(`${indexer.url}/admin/status`, { headers })).status).toBe(404)
    expect(indexer.adminUrl).toMatch(/^http:\/\/127\.0\.0\.1:/)
  })
})

describe('what can be done', () => {
  beforeAll(async () => {
    host = await startHost()
  })
  afterEach(() => indexer.close())
  afterAll(() => host[Symbol.asyncDispose]())

  /** The command, as a person runs it. */
  const command = async (...args: string[]): Promise<string> => {
    const printed: string[] = []
    const env = { AVOCET_ADMIN_TOKEN: TOKEN, AVOCET_ADMIN_URL: indexer.adminUrl! }
    const saved = { log: console.log, error: console.error }
    console.log = (text: string) => void printed.push(text)
    console.error = (text: string) => void printed.push(text)
    for (const [name, value] of Object.entries(env)) process.env[name] = value
    try {
      const code = await addCommands(process.env).run(['node', 'avocet-indexer', ...args])
      return `${printed.join('\n')}${code === 0 ? '' : `\nexit ${code}`}`
    } finally {
      Object.assign(console, saved)
      for (const name of Object.keys(env)) delete process.env[name]
    }
  }

  test('started with nothing but a token it waits for what is added; and what goes, goes', async () => {
    const ada = await host.createAccount('ada')
    await host.write(ada, [create(NOTE, 'a'), create(LIKE, 'b')])
    await start({ everything: false })
    expect(await command('collections', 'list')).toBe('all')
    expect(await command('repos', 'list')).toBe('none')
    expect(await command('collections', 'add', NOTE)).toBe('1 collections added')
    await eventually(async () => (await indexed(indexer, ada.did)).size === 1)
    expect(await command('collections', 'add', `${LIKE},com.example.more.*`)).toBe('2 collections added')
    await eventually(async () => (await indexed(indexer, ada.did)).size === 2)
    expect(await command('collections', 'list')).toBe(`${NOTE}\n${LIKE}\ncom.example.more.*`)
    await eventually(async () => /3 added[\s\S]*repos: 1 known/.test(await command('status')))
    expect(await command('collections', 'remove', LIKE)).toBe('1 collections removed')
    await eventually(() => indexer.status().totals.records === 1)
    expect([...(await indexed(indexer, ada.did)).keys()]).toEqual([`${NOTE}/a`])
    expect(await command('collections', 'remove', 'com.example.more.x')).toMatch(
      /answers 400: not in the list[\s\S]*exit 1/,
    )
    expect(await command('collections', 'remove', NOTE, 'com.example.more.*')).toMatch(
      /409: the last[\s\S]*exit 1/,
    )
    expect(await command('repos', 'remove', ada.did)).toBe('1 repos removed')
    await eventually(() => indexer.status().totals.records === 0)
    expect(await command('repos', 'add', ada.did)).toBe('1 repos added')
    await eventually(async () => (await indexed(indexer, ada.did)).size === 1)
    expect(await command('repos', 'list')).toMatch(new RegExp(`^${ada.did}  synchronized$`))
  })

  test('a repo is read anew when that is asked for; one that is not followed is not', async () => {
    const ada = await host.createAccount('ada')
    await start({ collections: [NOTE] })
    await host.write(ada, [create(NOTE, 'a')])
    await eventually(async () => (await indexed(indexer, ada.did)).size === 1)
    const before = host.requests.getRepo
    // A minute has to lie between two readings, but for a person.
    expect(await command('resync', ada.did)).toBe('1 repos are read anew')
    await eventually(() => host.requests.getRepo > before)
    expect(await command('resync', 'did:web:nobody.example')).toMatch(/404: not followed.*\nexit 1/)
    expect((await tell('/admin/resync', { dids: Array(1001).fill(ada.did) })).status).toBe(400)
  })

  test('indexes come and go while it runs, and after a restart; queries follow', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'indexes-'))
    try {
      const POST = 'app.bsky.feed.post'
      const ada = await host.createAccount('ada')
      const config = { everything: true, collections: [POST], dataFolder: folder }
      await start(config)
      await host.write(ada, [create(POST, '3kxyzabcdef22')])
      await eventually(async () => (await indexed(indexer, ada.did)).size === 1)
      const list = async (query = ''): Promise<{ status: number; body: any }> => {
        const response = await fetch(`${indexer.url}/xrpc/${POST}.listRecords?${query}`)
        return { status: response.status, body: await response.json() }
      }
      expect((await list()).status).toBe(501)
      expect(await command('indexes', 'list')).toBe('none')
      expect(await command('indexes', 'add', `${POST}:createdAt,author+createdAt`)).toBe('2 indexes added')
      expect(await command('indexes', 'add', '--search', `${POST}:text`)).toBe('1 indexes added')
      await eventually(
        async () =>
          (await command('indexes', 'list')) ===
          [
            `index ${POST}:createdAt: ready`,
            `index ${POST}:author+createdAt: ready`,
            `search ${POST}:text:words: ready`,
          ].join('\n'),
      )
      expect((await list()).body.records).toHaveLength(1)
      expect((await list(`author=${ada.did}&sort=createdAt`)).body.records).toHaveLength(1)
      const names = async (): Promise<string[]> =>
        Object.keys(((await (await fetch(`${indexer.url}/openapi.json`)).json()) as any).paths)
      expect(await names()).toContain(`/xrpc/${POST}.searchRecords`)
      // What is written now is in them, whichever thread decoded it.
      await host.write(ada, [create(POST, '3kxyzabcdef23')])
      await eventually(async () => (await list()).body.records.length === 2)
      for (const [args, message] of [
        [['add', `${POST}:nothing`], 'has no field nothing'],
        [['add', 'nonsense'], 'Not an index'],
        [['add', '--search', `${POST}:createdAt:words,x`], 'Not a search'],
        [['remove', `${POST}:langs`], 'there is no index'],
      ] as const) {
        expect(await command('indexes', ...args)).toMatch(new RegExp(`answers 400: .*${message}[^]*exit 1`))
      }
      expect((await tell('/admin/indexes/add', { kind: 'all', indexes: [`${POST}:createdAt`] })).status).toBe(
        400,
      )
      expect((await tell('/admin/indexes/add', { indexes: [] })).status).toBe(400)
      expect(await command('indexes', 'remove', `${POST}:author+createdAt`)).toBe('1 indexes removed')
      expect((await list(`author=${ada.did}&sort=createdAt`)).body.error).toBe('IndexRequired')
      await indexer.close()
      // As it was left, on top of what the flags say.
      await start({ ...config, indexes: [{ collection: POST, indexes: ['langs+createdAt'] }] })
      const left = (): string[] => indexer.status().indexes.map(({ index, state }) => `${index} ${state}`)
      await eventually(() => left().length === 3 && left().every((text) => text.endsWith(' ready')))
      expect(left().toSorted()).toEqual([
        `${POST}:createdAt ready`,
        `${POST}:langs+createdAt ready`,
        `${POST}:text:words ready`,
      ])
      expect((await list()).body.records).toHaveLength(2)
      expect(await command('indexes', 'remove', `${POST}:createdAt,langs+createdAt`)).toBe(
        '2 indexes removed',
      )
      expect(await command('indexes', 'remove', '--search', `${POST}:text`)).toBe('1 indexes removed')
      await eventually(async () => (await command('indexes', 'list')) === 'none')
      expect((await list()).status).toBe(501)
    } finally {
      await indexer.close()
      rmSync(folder, { recursive: true })
    }
  })

  test('what is made of records is made anew, with progress', async () => {
    const ada = await host.createAccount('ada')
    await start({ collections: [NOTE] })
    for (const rkey of ['a', 'b', 'c']) await host.write(ada, [create(NOTE, rkey)])
    await eventually(async () => (await indexed(indexer, ada.did)).size === 3)
    expect((await ask('/admin/reindex')).body).toEqual({ reindex: null })
    expect(await command('reindex', '--wait')).toMatch(
      /^reindex: finished 20\d\d-\S+; [1-9]\d* records looked at, 0 changed$/,
    )
    const { body } = await ask('/admin/reindex')
    expect(body['reindex']).toMatchObject({ changed: 0, progress: 1 })
    expect(await command('status')).toContain(' records looked at, 0 changed')
  })

  test('dead letters are listed page by page, tried again, and dismissed', async () => {
    const ada = await host.createAccount('ada')
    await start({ collections: [NOTE] })
    await host.write(ada, [create(NOTE, 'a')])
    await eventually(async () => (await indexed(indexer, ada.did)).size === 1)
    await eventually(() => {
      const { known, synchronized } = indexer.status().repos
      return known > 0 && known === synchronized
    })
    expect(await command('dead-letters', 'list')).toBe('none')
    const exports = host.requests.getRepo
    for (let i = 0; i < 3; i++) {
      await host.write(ada, [create(NOTE, `bad${i}`)], {
        change: (event) => Object.assign(event, { rev: 'no rev' }),
      })
    }
    await host.write(ada, [create(NOTE, 'after')])
    await eventually(async () => (await ask('/admin/dead-letters')).body['letters'].length >= 3)
    const { body } = await ask('/admin/dead-letters?limit=2')
    expect(body['letters']).toHaveLength(2)
    const rest = await ask(`/admin/dead-letters?limit=2&cursor=${body['cursor']}`)
    expect(rest.body['letters'].length).toBeGreaterThan(0)
    expect(rest.body['letters'][0].id).toBeLessThan(body['letters'][1].id)
    expect((await ask('/admin/dead-letters?reason=rev-invalid')).body['letters']).toHaveLength(3)
    expect((await ask('/admin/dead-letters?reason=none')).body['letters']).toHaveLength(0)
    for (const odd of ['limit=0', 'limit=1001', 'limit=x', 'cursor=x']) {
      expect((await ask(`/admin/dead-letters?${odd}`)).status).toBe(400)
    }
    const [letter] = body['letters']
    expect(await command('dead-letters', 'dismiss', String(letter.id))).toBe('1 letters are gone')
    expect(await command('dead-letters', 'retry', '--did', ada.did)).toMatch(
      /^[2-9] letters: 1 repos are read anew; 0 left/,
    )
    await eventually(() => host.requests.getRepo > exports)
    expect(await command('dead-letters', 'retry')).toMatch(/Say which letters[\s\S]*exit/)
    expect((await tell('/admin/dead-letters/dismiss', {})).status).toBe(400)
    await command('dead-letters', 'dismiss', '--all')
    expect((await ask('/admin/dead-letters')).body['letters']).toHaveLength(0)
  })

  test('groups and webhooks, with what was given up for them', async () => {
    const ada = await host.createAccount('ada')
    await using receiver = await startReceiver(() => 400)
    await start({
      collections: [NOTE],
      tap: { password: null, ackMs: 20, tries: 1 },
      webhooks: [{ name: 'hook', url: receiver.url, tries: 1, allowLoopback: true }],
    })
    for (const rkey of ['a', 'b', 'c']) await host.write(ada, [create(NOTE, rkey)])
    const socket = new WebSocket(`${indexer.url!.replace('http', 'ws')}/channel?group=slow`)
    const letters = async (name: string): Promise<any[]> =>
      (await ask(`/admin/consumers/dead-letters?name=${encodeURIComponent(name)}`)).body['letters']
    await eventually(async () => (await letters('tap/slow')).length >= 3, 20_000)
    await eventually(async () => (await letters('webhook/hook')).length >= 1, 20_000)
    const { consumers } = (await ask('/admin/consumers')).body
    expect(consumers.map(({ name }: { name: string }) => name)).toEqual(['tap/slow', 'webhook/hook'])
    const page = await ask('/admin/consumers/dead-letters?name=tap/slow&limit=2')
    const rest = await ask(
      `/admin/consumers/dead-letters?name=tap/slow&limit=2&cursor=${page.body['cursor']}`,
    )
    expect(rest.body['letters'][0].id).toBeLessThan(page.body['letters'][1].id)
    const act = (what: string, body: object): Promise<Answer> => tell(`/admin/consumers/${what}`, body)
    // Somebody is at it.
    expect((await act('remove', { name: 'tap/slow' })).status).toBe(409)
    socket.terminate()
    await eventually(() => indexer.status().consumers[0]!.consumers === 0)
    const before = (await letters('tap/slow')).length
    const [first, second] = await letters('tap/slow')
    expect((await act('dismiss', { name: 'tap/slow', ids: [first.id] })).body).toEqual({ count: 1 })
    expect((await act('retry', { name: 'tap/slow', ids: [second.id] })).body).toEqual({ count: 1 })
    await eventually(async () => (await letters('tap/slow')).length === before - 2)
    expect((await act('snapshot', { name: 'tap/slow' })).body).toEqual({ count: 1 })
    expect((await act('snapshot', { name: 'webhook/hook' })).body).toEqual({ count: 1 })
    expect((await act('remove', { name: 'webhook/hook' })).status).toBe(409)
    for (const name of ['slow', 'hook', 'tap/none', 'webhook/none', 'webhook/slow', 'another/hook', '', 5])
      expect((await act('dismiss', { name, ids: [1] })).status, String(name)).toBe(404)
    expect((await act('dismiss', { name: 'tap/slow', ids: ['1'] })).status).toBe(400)
    expect((await act('dismiss', { name: 'tap/slow', ids: Array(1001).fill(1) })).status).toBe(400)
    expect((await act('remove', { name: 'tap/slow' })).body).toEqual({ count: 1 })
    expect(indexer.status().consumers.map(({ name }) => name)).toEqual(['webhook/hook'])
  })

  test('what cannot be asked says why, and what to do', async () => {
    await start({ collections: [NOTE] })
    const token = process.env['AVOCET_ADMIN_TOKEN']
    expect(token).toBeUndefined()
    const url = indexer.adminUrl!
    const run = async (env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> => {
      const printed: string[] = []
      const { error } = console
      console.error = (text: string) => void printed.push(text)
      try {
        const code = await addCommands(env).run(['node', 'avocet-indexer', 'status', ...args])
        return `${code} ${printed.join()}`
      } finally {
        console.error = error
      }
    }
    expect(await run({}, `--admin-url=${url}`)).toMatch(/^1 .*needs its token: set AVOCET_ADMIN_TOKEN/)
    expect(await run({ AVOCET_ADMIN_TOKEN: 'short' }, `--admin-url=${url}`)).toMatch(/^1 .*16 to 1024/)
    expect(await run({ AVOCET_ADMIN_TOKEN: `${TOKEN}x` }, `--admin-url=${url}`)).toMatch(
      /^1 .*another admin token/,
    )
    expect(await run({ AVOCET_ADMIN_TOKEN: TOKEN }, '--admin-url=http://127.0.0.1:1')).toMatch(
      /^1 .*No indexer answers/,
    )
    expect(await run({ AVOCET_ADMIN_TOKEN: TOKEN }, `--admin-url=${host.url}`)).toMatch(/^1 .*answers 404/)
    expect(await run({}, `--admin-url=${url}`, '--admin-token-file=/nowhere')).toMatch(
      /^1 .*Cannot read the token/,
    )
  })
})
