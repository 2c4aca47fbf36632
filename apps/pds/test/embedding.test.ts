import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

import { createMemoryBlobs } from '@avocet/blobs'
import type { DataObject } from '@avocet/data'
import { createCatalog } from '@avocet/lexicon'
import { catalog } from '@avocet/lexicons/catalog'
import { openDatabase } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { onlySqlite, pdsDatabase } from '@avocet/testing/pds-store'
import { XrpcError } from '@avocet/xrpc'
import { describe, expect, test } from 'vitest'

import { createPds, openPdsStores, type AuthCall, type PdsEmbedding, type PdsParts } from '../src/app.ts'
import { SILENT } from '../src/logger.ts'
import { readFirehose } from './firehose.ts'
import { ADMIN_PASSWORD, failure, newHandle, post, startNetwork } from './network.ts'
import { createApp } from './oauth-app.ts'
import { servedMethods } from './served.ts'

const own = createCatalog([
  {
    lexicon: 1,
    id: 'com.example.notes.add',
    defs: {
      main: {
        type: 'procedure',
        input: {
          encoding: 'application/json',
          schema: { type: 'object', required: ['text'], properties: { text: { type: 'string' } } },
        },
        output: {
          encoding: 'application/json',
          schema: { type: 'object', required: ['uri'], properties: { uri: { type: 'string' } } },
        },
      },
    },
  },
  {
    lexicon: 1,
    id: 'com.example.notes.count',
    defs: {
      main: {
        type: 'query',
        output: {
          encoding: 'application/json',
          schema: { type: 'object', properties: { accounts: { type: 'integer' } } },
        },
      },
    },
  },
])

describe('methods of an embedder', () => {
  const methods: NonNullable<PdsEmbedding['methods']> = (router, { auth, repos }) => {
    router.add('com.example.notes.add', {
      auth: auth.account({ full: true }),
      handler: async ({ auth: { did }, input }) => {
        const record = post(input.text) as DataObject
        const { uris } = await repos.write(did, [
          { action: 'create', collection: 'app.bsky.feed.post', record },
        ])
        return { uri: uris[0]! }
      },
    })
    router.add('com.example.notes.count', { auth: auth.operator(), handler: () => ({ accounts: 1 }) })
  }

  test('answer, know who calls, and write; the limits, errors and metrics are those of the server', async () => {
    await using net = await startNetwork({ config: { methods, catalog: own } })
    const account = await net.account()
    const add = (token?: string, input: object = { text: 'hello' }) =>
      net.post('com.example.notes.add', { input, ...(token === undefined ? {} : { token }) })
    const made = await add(account.accessJwt)
    expect(made.status).toBe(200)
    const [repo, collection, rkey] = (made.body.uri as string).slice('at://'.length).split('/') as string[]
    const stored = await net.get('com.atproto.repo.getRecord', {
      params: { repo: repo!, collection: collection!, rkey: rkey! },
    })
    expect(stored.body.value.text).toBe('hello')

    expect(failure(await add())).toBe('401 AuthMissing')
    expect(failure(await add(account.accessJwt, {}))).toBe('400 InvalidRequest')
    const app = await net.post('com.atproto.server.createAppPassword', {
      token: account.accessJwt,
      input: { name: 'app' },
    })
    const input = { identifier: account.handle, password: app.body.password }
    const session = await net.post('com.atproto.server.createSession', { input })
    expect(failure(await add(session.body.accessJwt))).toBe('400 InvalidToken')

    expect(failure(await net.get('com.example.notes.count'))).toBe('401 AuthenticationRequired')
    expect((await net.get('com.example.notes.count', { admin: true })).body).toEqual({ accounts: 1 })

    const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
    const metrics = await fetch(`${net.pds.url}/metrics`, { headers: { authorization } })
    expect(await metrics.text()).toContain('method="com.example.notes.add"')
  })

  test('end the start when one is there already, and leave the data directory free', async () => {
    await using net = await startNetwork()
    await net.pds.close()
    const again = createPds({
      dataDirectory: net.folder,
      port: 0,
      plcUrl: net.directory.url,
      catalog,
      methods: (router) => {
        router.add('com.atproto.server.getSession', () => ({}))
      },
    })
    await expect(again).rejects.toThrow('method added twice; nsid=com.atproto.server.getSession')
    await net.start()
    expect((await net.get('com.atproto.server.describeServer')).status).toBe(200)
  })
})

test('parts work without HTTP: accounts are made, found, turned off, and written for', async () => {
  await using net = await startNetwork()
  const { accounts, repos } = net.pds
  const handle = newHandle()
  const { account } = await accounts.create({
    handle,
    email: null,
    password: 'x'.repeat(20),
    byOperator: true,
  })
  expect(await accounts.find(handle)).toMatchObject({ did: account.did })
  expect(await accounts.find('nobody.test')).toBe(null)
  const write = (text: string) =>
    repos.write(account.did, [
      { action: 'create', collection: 'app.bsky.feed.post', rkey: RKEY, record: post(text) as DataObject },
    ])
  await write('hello')
  expect(await repos.getRecord(account.did, 'app.bsky.feed.post', RKEY)).toMatchObject({
    value: { text: 'hello' },
  })
  await accounts.deactivate(account.did, null)
  expect(
    (await net.get('com.atproto.sync.getRepoStatus', { params: { did: account.did } })).body,
  ).toMatchObject({ active: false, status: 'deactivated' })
})

const RKEY = '3lbtest222222'
const DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const BY_FORMAT: Readonly<Record<string, string>> = {
  did: DID,
  'at-identifier': DID,
  'at-uri': `at://${DID}`,
  handle: 'a.test',
  nsid: 'com.example.a',
  cid: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a',
  'record-key': 'a',
}

/** Parameters that the lexicon of a method takes. */
function paramsOf(nsid: string): Record<string, string | number> {
  const { parameters } = catalog.get(nsid)!.defs['main'] as {
    parameters?: { required?: string[]; properties: Record<string, any> }
  }
  return Object.fromEntries(
    (parameters?.required ?? []).map((name) => {
      const property = parameters!.properties[name]
      const { type, format } = property.type === 'array' ? property.items : property
      return [name, type === 'integer' ? 1 : (BY_FORMAT[format] ?? 'a')]
    }),
  )
}

describe('replaced authorization', () => {
  test('is asked for each method, and its refusal is the answer', async () => {
    const calls: AuthCall[] = []
    const authorize = (_: unknown, call: AuthCall): never => {
      calls.push(call)
      throw new XrpcError(403, 'NotInvited', 'You are not invited')
    }
    await using net = await startNetwork({ config: { auth: { authorize }, methods: addCount, catalog: own } })
    const nsids = [...servedMethods(), 'com.example.notes.count'].filter(
      // Only there with an AppView.
      (nsid) => !nsid.startsWith('app.bsky.notification.'),
    )
    expect(nsids.length).toBeGreaterThan(70)
    const answers = new Map<string, string>()
    for (const nsid of nsids) {
      const type = catalog.method(nsid)?.type ?? 'query'
      if (type === 'subscription') continue
      const params = catalog.get(nsid) === undefined ? {} : paramsOf(nsid)
      const answer = type === 'query' ? await net.get(nsid, { params }) : await net.post(nsid, { params })
      answers.set(nsid, failure(answer))
    }
    expect([...answers].filter(([, answer]) => answer !== '403 NotInvited')).toEqual([])
    const stream = await readFirehose(net.pds.url, undefined, () => false)
    expect(stream.events).toEqual([
      { type: 'error', body: { error: 'NotInvited', message: 'You are not invited' } },
    ])
    expect(calls.map(({ method }) => method).toSorted()).toEqual(nsids)

    const by = new Map(calls.map(({ method, by: who }) => [method, who]))
    expect(by.get('com.atproto.server.createSession')).toBe('anybody')
    expect(by.get('com.atproto.sync.subscribeRepos')).toBe('anybody')
    expect(by.get('com.atproto.repo.createRecord')).toBe('account')
    expect(by.get('com.atproto.admin.getAccountInfo')).toBe('moderator')
    expect(by.get('com.atproto.admin.deleteAccount')).toBe('operator')
    const needs = new Map(calls.map((call) => [call.method, call.needs]))
    expect(needs.get('com.atproto.server.updateEmail')).toEqual({
      full: true,
      deactivated: true,
      oauth: null,
    })

    // What this server hands on to others, too.
    const other = await net.get('com.example.elsewhere.get', {
      headers: { 'atproto-proxy': `${DID}#some_service` },
    })
    expect(failure(other)).toBe('403 NotInvited')
    expect(calls.at(-1)).toMatchObject({ method: 'com.example.elsewhere.get', by: 'account' })
  })

  const addCount = (
    router: Parameters<NonNullable<PdsEmbedding['methods']>>[0],
    { auth }: PdsParts,
  ): void => {
    router.add('com.example.notes.count', { auth: auth.account(), handler: () => ({}) })
  }

  test('says who calls in its own way; the account has to be here, and its status to fit', async () => {
    const authorize: NonNullable<NonNullable<PdsEmbedding['auth']>['authorize']> = (request, _, says) => {
      const did = request.header('x-user') as Did | null
      return did === null ? says() : { did }
    }
    await using net = await startNetwork({ config: { auth: { authorize } } })
    const { did, accessJwt } = await net.account()
    const me = (user: string) => net.get('com.atproto.server.getSession', { headers: { 'x-user': user } })
    expect((await me(did)).body).toMatchObject({ did })
    expect(failure(await me(DID))).toBe('400 InvalidToken')
    // Its own answer is this server's.
    expect((await net.get('com.atproto.server.getSession', { token: accessJwt })).body).toMatchObject({ did })
    expect(failure(await net.get('com.atproto.server.getSession'))).toBe('401 AuthMissing')
    expect(failure(await net.post('com.atproto.admin.deleteAccount', { input: { did } }))).toBe(
      '401 AuthenticationRequired',
    )
    // An account is no operator.
    const asOperator = { input: { did }, headers: { 'x-user': did } }
    expect(failure(await net.post('com.atproto.admin.deleteAccount', asOperator))).toBe(
      '401 AuthenticationRequired',
    )
    const write = () =>
      net.post('com.atproto.repo.createRecord', {
        headers: { 'x-user': did },
        input: { repo: did, collection: 'app.bsky.feed.post', record: post('hello') },
      })
    expect((await write()).status).toBe(200)
    await net.pds.accounts.deactivate(did as Did, null)
    expect(failure(await write())).toBe('401 AccountDeactivated')
    expect((await me(did)).body).toMatchObject({ active: false, status: 'deactivated' })
    const upload = () =>
      net.post('com.atproto.repo.uploadBlob', {
        headers: { 'x-user': did },
        bytes: new Uint8Array([1]),
        type: 'text/plain',
      })
    expect((await upload()).status).toBe(200)
    await net.pds.accounts.takedown(did as Did, 'a decision')
    expect(failure(await upload())).toBe('401 AccountTakedown')
  })

  test('names nobody where somebody is needed: refused', async () => {
    await using net = await startNetwork({ config: { auth: { authorize: () => null } } })
    expect((await net.get('com.atproto.server.describeServer')).status).toBe(200)
    const calls = ['com.atproto.server.getSession', 'com.atproto.admin.searchAccounts']
    const answers = await Promise.all(calls.map(async (nsid) => failure(await net.get(nsid))))
    expect(answers).toEqual(calls.map(() => '401 AuthenticationRequired'))
    const invites = await net.get('com.atproto.admin.getInviteCodes')
    expect(failure(invites)).toBe('401 AuthenticationRequired')
  })

  test('says who the operator is', async () => {
    await using net = await startNetwork({
      config: {
        auth: { isOperator: ({ header }, says) => header('x-staff') === 'yes' || says() },
      },
    })
    const metrics = (headers: Record<string, string>) => fetch(`${net.pds.url}/metrics`, { headers })
    expect((await metrics({})).status).toBe(401)
    expect((await metrics({ 'x-staff': 'yes' })).status).toBe(200)
    const search = (headers: Record<string, string>) =>
      net.get('com.atproto.admin.searchAccounts', { headers })
    expect(failure(await search({}))).toBe('401 AuthenticationRequired')
    expect((await search({ 'x-staff': 'yes' })).status).toBe(200)
    expect((await net.get('com.atproto.admin.searchAccounts', { admin: true })).status).toBe(200)
  })
})

const fileOfSqlite = onlySqlite('another reader looks into the file; an embedder brings a database of SQLite')

test('documents of apps are fetched by what the embedder brings', async () => {
  const document = {
    clientId: 'https://app.example.com/oauth-client-metadata.json',
    redirectUri: 'https://app.example.com/callback',
  }
  const asked: string[] = []
  await using net = await startNetwork({
    config: {
      fetch: async (url) => {
        asked.push(url)
        return Response.json({
          client_id: document.clientId,
          redirect_uris: [document.redirectUri],
          scope: 'atproto',
          response_types: ['code'],
          grant_types: ['authorization_code'],
          token_endpoint_auth_method: 'none',
          dpop_bound_access_tokens: true,
        })
      },
    },
  })
  const app = await createApp(() => `http://localhost:${net.pds.port}`, 'atproto', document)
  expect((await app.push()).status).toBe(201)
  expect(asked).toEqual([document.clientId])
})

describe('a listener to events', () => {
  test.skipIf(fileOfSqlite)('hears of each once, in order, when it is on the disk', async () => {
    const heard: { seq: number; type: string; did: string; stored: boolean }[] = []
    const disk: { read?: DatabaseSync } = {}
    await using net = await startNetwork({
      config: {
        onEvent: ({ seq, type, did }) => {
          // Another reader of the file sees what was committed, and nothing else.
          disk.read ??= new DatabaseSync(join(net.folder, 'pds.sqlite'), { readOnly: true })
          const stored = disk.read.prepare('SELECT 1 FROM event WHERE seq = ?').get(seq) !== undefined
          heard.push({ seq, type, did, stored })
        },
      },
    })
    const first = await net.account()
    const { did, accessJwt: token } = first
    const write = (text: string) =>
      net.post('com.atproto.repo.createRecord', {
        token,
        input: { repo: did, collection: 'app.bsky.feed.post', record: post(text) },
      })
    await Promise.all(Array.from({ length: 20 }, (_, i) => write(`post ${i}`)))
    await net.post('com.atproto.identity.updateHandle', { token, input: { handle: newHandle() } })
    await net.post('com.atproto.server.deactivateAccount', { token, input: {} })
    await net.post('com.atproto.server.activateAccount', { token })
    const { events } = await readFirehose(net.pds.url, 0, (seen) => seen.length >= heard.length)
    disk.read!.close()

    const kinds = new Set(heard.map(({ type }) => type))
    expect([...kinds].toSorted()).toEqual(['#account', '#commit', '#identity', '#sync'])
    expect(heard.map(({ seq, type }) => `${seq} ${type}`)).toEqual(
      events.map(({ type, body }) => `${body.seq} ${type}`),
    )
    expect(heard.filter(({ type }) => type === '#commit').length).toBeGreaterThanOrEqual(21)
    expect(heard.every(({ stored }) => stored)).toBe(true)
    expect(heard.every((event) => event.did === did)).toBe(true)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('a fault of the embedder')
      },
    ],
    ['is rejected', () => Promise.reject(new Error('a fault of the embedder'))],
    ['never ends', () => new Promise(() => {})],
  ] as const)('that %s stops nothing', async (how, onEvent) => {
    const lines: string[] = []
    let calls = 0
    await using net = await startNetwork({
      log: { ...SILENT, error: (_, message) => void lines.push(message) },
      config: {
        onEvent: () => {
          calls += 1
          return onEvent()
        },
      },
    })
    const { did, accessJwt: token } = await net.account()
    const input = { repo: did, collection: 'app.bsky.feed.post', record: post('hello') }
    expect((await net.post('com.atproto.repo.createRecord', { token, input })).status).toBe(200)
    await sleep(10)
    const { events } = await readFirehose(net.pds.url, 0, (seen) => seen.length >= calls)
    expect(calls).toBe(events.length)
    expect(lines).toEqual(how === 'never ends' ? [] : events.map(() => 'a listener to events failed'))
  })
})

test.skipIf(fileOfSqlite)(
  'stores of an embedder outlive the server, and its database has what else it keeps',
  async () => {
    await using net = await startNetwork()
    await net.pds.close()
    const db = openDatabase({ path: ':memory:' })
    db.raw.exec('CREATE TABLE own (note TEXT) STRICT')
    const settings = {
      dataDirectory: net.folder,
      port: 0,
      plcUrl: net.directory.url,
      adminPassword: ADMIN_PASSWORD,
    }
    await using stores = await openPdsStores(settings, { db, blobs: createMemoryBlobs() })
    const heard: number[] = []
    net.pds = await createPds({ ...settings, stores, onEvent: ({ seq }) => heard.push(seq) })
    const { did, accessJwt: token } = await net.account()
    const bytes = new TextEncoder().encode('some bytes')
    const uploaded = await net.post('com.atproto.repo.uploadBlob', { token, bytes, type: 'text/plain' })
    const { blob } = uploaded.body
    const record = { ...post('hello'), embed: { $type: 'com.example.file', file: blob } }
    const written = await net.post('com.atproto.repo.createRecord', {
      token,
      input: { repo: did, collection: 'app.bsky.feed.post', record },
    })
    expect(written.status).toBe(200)
    expect((await net.get('_health', { admin: true })).status).toBe(200)
    await net.pds.close()

    expect(await stores.accounts.count()).toBe(1)
    expect(db.prepare('SELECT count(*) AS n FROM own').get()).toEqual({ n: 0 })
    net.pds = await createPds({ ...settings, stores })
    const got = await net.get('com.atproto.sync.getBlob', { params: { did, cid: blob.ref.$link } })
    expect(new TextDecoder().decode(got.bytes)).toBe('some bytes')
    expect(await net.pds.accounts.find(did)).toMatchObject({ did })
    const before = heard.length
    expect(before).toBeGreaterThan(3)
    await net.pds.accounts.deactivate(did as Did, null)
    expect(heard.length).toBe(before)
  },
)

test.each(['with its own database', 'with the database of the settings'])(
  'an embedder that brings a store of blobs needs no place for them: %s',
  async (which) => {
    const folder = await mkdtemp(join(tmpdir(), 'avocet-pds-own-blobs-'))
    // Opening this place fails: it is a file.
    const blobDirectory = join(folder, 'caddy')
    await writeFile(blobDirectory, '')
    const settings = { dataDirectory: folder, blobDirectory, postgres: pdsDatabase(folder) }
    const blobs = createMemoryBlobs()
    const database = () =>
      which === 'with its own database' ? { db: openDatabase({ path: ':memory:' }) } : {}
    await expect(openPdsStores(settings, database())).rejects.toThrow('caddy')
    await using stores = await openPdsStores(settings, { ...database(), blobs })
    expect(stores.files).toBe(blobs)
    await rm(folder, { recursive: true })
  },
)
