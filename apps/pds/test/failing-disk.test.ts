import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { startCommand, type RunningCommand } from './command.ts'
import { startDirectory, type TestDirectory } from './directory.ts'
import { EIO, ENOSPC, EROFS, makeFaults, type Faults } from './faults.ts'
import { checkCommit, readFirehose, signingKeyOf } from './firehose.ts'

const ADMIN = { authorization: `Basic ${Buffer.from('admin:operator-password').toString('base64')}` }
const YEAR = 365 * 24 * 60 * 60

let folder: string
let directory: TestDirectory
let faults: Faults | null
let pds: RunningCommand

const probed = makeFaults('/nonexistent')
probed?.[Symbol.dispose]()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'avocet-pds-disk-'))
  directory = await startDirectory()
  faults = makeFaults(folder)
  pds = await start()
})
afterEach(async () => {
  await pds.stop('SIGKILL')
  await directory[Symbol.asyncDispose]()
  faults?.[Symbol.dispose]()
  await rm(folder, { recursive: true, force: true })
})

const start = (): Promise<RunningCommand> =>
  startCommand(['--port', '0', '--data', folder, '--plc-url', directory.url, '--invite-required', 'false'], {
    PDS_SERVICE_DID: 'did:web:disk.example.com',
    PDS_ADMIN_PASSWORD: 'operator-password',
    LOG_LEVEL: 'silent',
    ...faults!.env,
  })

interface Answer {
  readonly status: number
  readonly body: any
}

async function call(nsid: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${pds.url}/xrpc/${nsid}`, init)
  return { status: response.status, body: await response.json() }
}

const post = (nsid: string, input: object, token?: string): Promise<Answer> =>
  call(nsid, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(input),
  })

interface Account {
  readonly did: string
  readonly accessJwt: string
}

async function account(name: string): Promise<Account> {
  const input = { handle: `${name}.test`, email: `${name}@example.com`, password: 'correct horse' }
  const { status, body } = await post('com.atproto.server.createAccount', input)
  if (status !== 200) throw new Error(JSON.stringify(body))
  return body as Account
}

const write = (writer: Account, rkey: string): Promise<Answer> =>
  post(
    'com.atproto.repo.createRecord',
    { repo: writer.did, collection: 'com.example.disk', rkey, record: { rkey } },
    writer.accessJwt,
  )

const health = (): Promise<Answer> => call('_health')
/** The operator's look, which probes. */
const look = (): Promise<Answer> => call('_health', { headers: ADMIN })

const UNAVAILABLE = {
  status: 503,
  body: { error: 'ServiceUnavailable', message: 'The server cannot store data at the moment' },
}
const ILL = { status: 503, body: { error: 'ServiceUnavailable', message: 'unhealthy' } }

async function keysOf(did: string): Promise<string[]> {
  const query = `repo=${did}&collection=com.example.disk&limit=100&reverse=true`
  const { body } = await call(`com.atproto.repo.listRecords?${query}`)
  return body.records.map(({ uri }: { uri: string }) => uri.split('/').at(-1))
}

/** Every commit of an account on the firehose follows the one before; their records are those of the rows. */
async function checkStream({ did }: Account): Promise<void> {
  const { events } = await readFirehose(pds.url, 0, () => false, 400)
  const seqs = events.map(({ body }) => body.seq as number)
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
  expect(new Set(seqs).size).toBe(seqs.length)
  const announced: string[] = []
  let rev: string | null = null
  for (const { type, body } of events) {
    if (type !== '#commit' || body.repo !== did) continue
    expect(body.since ?? null).toBe(rev)
    rev = checkCommit(body, signingKeyOf(directory.log(did))).rev
    for (const { path } of body.ops) announced.push(path.split('/')[1])
  }
  expect(announced).toEqual(await keysOf(did))
}

describe.skipIf(probed === null)('a disk that fails under a running server', () => {
  test.each([
    ['full', ENOSPC, /the disk is full/],
    ['read-only', EROFS, /disk/],
    ['broken', EIO, /disk/],
  ])('%s: 503 with a name, health tells, all comes back by itself', async (_name, errno, reason) => {
    const writer = await account('anna')
    expect((await write(writer, 'a')).status).toBe(200)
    expect(await health()).toMatchObject({ status: 200 })
    faults!.write(errno)
    expect(await write(writer, 'b')).toEqual(UNAVAILABLE)
    expect(await health()).toEqual(ILL)
    const told = await look()
    expect([told.status, told.body.error]).toEqual([503, 'ServiceUnavailable'])
    expect(told.body.message).toMatch(reason)
    // What needs no writing goes on.
    expect(await keysOf(writer.did)).toEqual(['a'])
    faults!.write(0)
    expect(await look()).toMatchObject({ status: 200 })
    expect(await health()).toMatchObject({ status: 200 })
    expect((await write(writer, 'c')).status).toBe(200)
    expect(await keysOf(writer.did)).toEqual(['a', 'c'])
    await checkStream(writer)
  })

  test('a failed sync: nothing is acknowledged until a restart, which loses nothing', async () => {
    const writer = await account('anna')
    for (const rkey of ['a', 'b']) expect((await write(writer, rkey)).status).toBe(200)
    faults!.sync(EIO)
    expect(await write(writer, 'c')).toEqual(UNAVAILABLE)
    // The disk says that it works again: nobody knows what it kept.
    faults!.sync(0)
    expect(await write(writer, 'd')).toEqual(UNAVAILABLE)
    expect(await health()).toEqual(ILL)
    expect((await look()).body.message).toMatch(/^a sync of the disk failed, restart the server/)
    const { events } = await readFirehose(pds.url, 0, () => false, 300)
    const sent = events.flatMap(({ body }) => (body.ops ?? []).map(({ path }: any) => path))
    expect(sent).toEqual(['com.example.disk/a', 'com.example.disk/b'])
    await pds.stop('SIGTERM')
    pds = await start()
    expect(await look()).toMatchObject({ status: 200 })
    expect((await write(writer, 'e')).status).toBe(200)
    const keys = await keysOf(writer.did)
    // What was refused may be there, whole, or not.
    expect(keys.filter((key) => key !== 'c')).toEqual(['a', 'b', 'e'])
    await checkStream(writer)
  })

  test('a clock a year ahead, then back: each repo goes on in order, or is named as one to repair', async () => {
    const [anna, bert] = [await account('anna'), await account('bert')]
    const wrote: [string, number, string | undefined][] = []
    for (const [offset, writers] of [
      [0, { anna, bert }],
      [YEAR, { anna }],
      [-YEAR, {}],
      [0, { anna, bert }],
    ] as const) {
      faults!.clock(offset)
      expect(await look()).toMatchObject({ status: 200 })
      for (const [name, writer] of Object.entries(writers)) {
        // Sessions end by the clock: a fresh one.
        const credentials = { identifier: writer.did, password: 'correct horse' }
        const { body: session } = await post('com.atproto.server.createSession', credentials)
        const answer = await write({ ...writer, accessJwt: session.accessJwt }, `r${wrote.length}`)
        wrote.push([name, answer.status, answer.body.error])
      }
    }
    expect(wrote).toEqual([
      ['anna', 200, undefined],
      ['bert', 200, undefined],
      ['anna', 200, undefined],
      ['anna', 409, 'RepoNeedsRepair'],
      ['bert', 200, undefined],
    ])
    await pds.stop('SIGTERM')
    pds = await start()
    expect([await keysOf(anna.did), await keysOf(bert.did)]).toEqual([
      ['r0', 'r2'],
      ['r1', 'r4'],
    ])
    for (const writer of [anna, bert]) await checkStream(writer)
  })
})
