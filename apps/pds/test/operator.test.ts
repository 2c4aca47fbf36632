import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { onlySqlite } from '@avocet/testing/pds-store'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { createPds } from '../src/app.ts'
import { createProgram } from '../src/commands/program.ts'
import { readFirehose } from './firehose.ts'
import { ADMIN_PASSWORD, failure, post, startNetwork, type TestNetwork } from './network.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await startNetwork({ config: { inviteRequired: true } })
})
afterAll(() => net[Symbol.asyncDispose]())

/** Runs a command against the server and gives what it printed. */
async function run(...args: string[]): Promise<string[]> {
  const lines: string[] = []
  const env = { PDS_ADMIN_PASSWORD: ADMIN_PASSWORD }
  const program = createProgram({ env, print: (line) => lines.push(line), serve: () => Promise.resolve() })
  const settings = ['--port', String(net.pds.port), '--data', net.folder]
  await program.parseAsync([...settings, ...args], { from: 'user' })
  return lines
}
const signIn = (identifier: string, password: string) =>
  net.post('com.atproto.server.createSession', { input: { identifier, password } })

test('accounts are made, listed, shown, taken down and deleted', async () => {
  const [created, password] = await run('account', 'create', 'olga.test', 'olga@example.com')
  const did = /^created olga\.test (did:plc:\S+)$/.exec(created!)![1]!
  expect((await signIn('olga.test', password!.replace('password ', ''))).status).toBe(200)
  expect(
    await run('account', 'create', 'pete.test', 'pete@example.com', '--password', 'given word'),
  ).toHaveLength(1)
  expect((await signIn('pete.test', 'given word')).status).toBe(200)
  expect(await run('account', 'list')).toContain(`${did}\tolga.test\tolga@example.com`)
  expect(JSON.parse((await run('account', 'info', 'olga.test'))[0]!)).toMatchObject({
    did,
    email: 'olga@example.com',
    takedown: { applied: false },
    invitedBy: { available: 1 },
  })
  expect(await run('account', 'takedown', did)).toEqual([`taken down ${did}`])
  expect(failure(await net.get('com.atproto.sync.getRepo', { params: { did } }))).toBe('400 RepoTakendown')
  await run('account', 'untakedown', 'olga.test')
  const [reset] = await run('account', 'reset-password', 'olga.test')
  expect((await signIn('olga.test', reset!.replace('password ', ''))).status).toBe(200)
  expect(await run('account', 'delete', 'olga.test')).toEqual([`deleted ${did}`])
  expect(failure(await net.get('com.atproto.sync.getRepo', { params: { did } }))).toBe('400 RepoNotFound')
  await expect(run('account', 'info', did)).rejects.toThrow('Account not found')
})

test('accounts are searched for page by page, by a part of their address', async () => {
  const dids: string[] = []
  for (const name of ['sam', 'sid', 'sue', 'sol', 'stu']) {
    const line = (await run('account', 'create', `${name}.test`, `${name}@searched.example.com`))[0]!
    dids.push(line.split(' ').at(-1)!)
  }
  await run('account', 'create', 'other.test', 'other@example.com')
  dids.sort()
  const search = async (params: Record<string, string>): Promise<[string[], string | undefined]> => {
    const { status, body } = await net.get('com.atproto.admin.searchAccounts', { admin: true, params })
    expect(status).toBe(200)
    return [body.accounts.map(({ did }: { did: string }) => did), body.cursor]
  }
  const email = '@Searched.example'
  expect(await search({ email, limit: '2' })).toEqual([dids.slice(0, 2), dids[1]])
  expect(await search({ email, limit: '2', cursor: dids[1]! })).toEqual([dids.slice(2, 4), dids[3]])
  expect(await search({ email, limit: '2', cursor: dids[3]! })).toEqual([dids.slice(4), undefined])
  expect(await search({ email, limit: '5' })).toEqual([dids, dids[4]])
  expect(await search({ email, limit: '6' })).toEqual([dids, undefined])
  expect(await search({ email, limit: '5', cursor: dids[4]! })).toEqual([[], undefined])
  // Without an address, all of them.
  const [all] = await search({})
  expect(all).toEqual(all.toSorted())
  expect(all).toEqual(expect.arrayContaining(dids))
  expect(all.length).toBeGreaterThan(5)
})

test('an identity is announced again', async () => {
  await run('account', 'create', 'quin.test', 'quin@example.com', '--password', 'given word')
  const newest = async () => (await readFirehose(net.pds.url, 0, () => false, 300)).events.at(-1)!
  expect((await newest()).type).toBe('#sync')
  await run('account', 'publish-identity', 'quin.test')
  expect(await newest()).toMatchObject({ type: '#identity', body: { handle: 'quin.test' } })
})

test('the doctor says what works and what does not', async () => {
  const relay = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({ hostname: 'x', status: request.url!.includes('bad') ? 'banned' : 'active', seq: 7 }),
    )
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  const url = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`
  const lines: string[] = []
  const look = (env: Record<string, string>) => {
    lines.length = 0
    const program = createProgram({ env, print: (line) => lines.push(line), serve: () => Promise.resolve() })
    return program.parseAsync(['--port', String(net.pds.port), 'doctor'], { from: 'user' })
  }
  await look({ PDS_DID_PLC_URL: url, PDS_CRAWLERS: url })
  // No data directory is given: what the network sees works.
  expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([
    expect.stringMatching(/^\?\? {3}data: no database here/),
    expect.stringContaining('give --data'),
  ])
  expect(lines).toContain(`ok   relay ${url}: active, at event 7`)
  expect(lines).toContain('ok   firehose: WebSockets pass')
  await expect(
    look({ PDS_DID_PLC_URL: url, PDS_CRAWLERS: `${url}/bad`, PDS_PUBLIC_URL: url }),
  ).rejects.toThrow('11 of 17 checks failed')
  expect(lines.filter((line) => line.startsWith('BAD')).map((line) => line.slice(5, 15))).toEqual([
    'public URL',
    'firehose: ',
    'relay http',
    // What is there is another server, and no app could use it.
    'OAuth reso',
    'OAuth reso',
    'OAuth serv',
    'OAuth serv',
    'OAuth pref',
    'OAuth requ',
    'OAuth call',
    'pages: /oa',
  ])
  relay.closeAllConnections()
  relay.close()
})

test('an invite code is made', async () => {
  const [code] = await run('invite', 'create', '--uses', '2')
  expect(code).toMatch(/^localhost-[a-z2-7]{5}-[a-z2-7]{5}$/)
})

const createSession = async (url: string): Promise<string> => {
  const response = await fetch(`${url}/xrpc/com.atproto.server.createSession`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identifier: 'rita.test', password: 'given word' }),
  })
  return ((await response.json()) as { accessJwt: string }).accessJwt
}

test.skipIf(onlySqlite('a backup is of a data directory'))(
  'a backup of a running server is a server',
  async () => {
    await run('account', 'create', 'rita.test', 'rita@example.com', '--password', 'given word')
    const { did, accessJwt } = (await signIn('rita.test', 'given word')).body
    const input = { repo: did, collection: 'app.bsky.feed.post', record: post('kept') }
    const { uri } = (await net.post('com.atproto.repo.createRecord', { token: accessJwt, input })).body
    const folder = await mkdtemp(join(tmpdir(), 'avocet-pds-backup-'))
    try {
      const target = join(folder, 'copy')
      expect((await run('backup', target)).at(-1)).toMatch(/^backup complete: /)
      await expect(run('backup', target)).rejects.toThrow('the target is there already')
      const data = join(folder, 'data')
      const restore = (from: string) =>
        createProgram({ env: {}, print: () => {}, serve: () => Promise.resolve() }).parseAsync(
          ['--data', data, 'restore', from],
          { from: 'user' },
        )
      await expect(restore(folder)).rejects.toThrow('no complete backup here')
      await restore(target)
      await expect(restore(target)).rejects.toThrow('not empty')
      await using copy = await createPds({ dataDirectory: data, port: 0, plcUrl: net.directory.url })
      const query = `repo=${did}&collection=app.bsky.feed.post&rkey=${uri.split('/').at(-1)}`
      const answer = await fetch(`${copy.url}/xrpc/com.atproto.repo.getRecord?${query}`)
      expect(await answer.json()).toMatchObject({ uri, value: post('kept') })
      // The numbers of events go on far above those of the backup.
      const session = await createSession(copy.url)
      const created = await readFirehose(copy.url, 0, () => false).then(
        ({ events }) => events.at(-1)!.body.seq as number,
      )
      await fetch(`${copy.url}/xrpc/com.atproto.repo.createRecord`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${session}` },
        body: JSON.stringify({ repo: did, collection: 'com.example.after', record: {} }),
      })
      const { events } = await readFirehose(copy.url, created, (seen) => seen.length === 1)
      expect(events[0]!.body.seq).toBe(created + 1)
      expect(created).toBeGreaterThan(1_000_000)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
)
