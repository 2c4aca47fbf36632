import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { archiveOf } from './archives.ts'
import { EIO, ENOSPC, EROFS } from '@avocet/testing/faults'
import {
  canMakeFaults,
  ILL,
  startFaultyServer,
  UNAVAILABLE,
  type Answer,
  type FaultyServer,
} from './faulty-server.ts'
import { readFirehose } from './firehose.ts'

// Each starts processes, which on a busy machine takes seconds. What is shown here has no time.
vi.setConfig({ hookTimeout: 60_000, testTimeout: 120_000 })

const PICTURE = Buffer.from('89504e470d0a1a0a', 'hex')
const NEWCOMER = { handle: 'cleo.test', email: 'cleo@example.com', password: 'correct horse' }
const YEAR = 365 * 24 * 60 * 60

describe.skipIf(!canMakeFaults())('a disk that fails under a running server', () => {
  let server: FaultyServer
  beforeEach(async () => void (server = await startFaultyServer()))
  afterEach(() => server[Symbol.asyncDispose]())

  test.each([
    ['full', ENOSPC, /the disk is full/],
    ['read-only', EROFS, /disk/],
    ['broken', EIO, /disk/],
  ])('%s: 503 with a name, health tells, all comes back by itself', async (_name, errno, reason) => {
    const writer = await server.account('anna')
    expect((await server.write(writer, 'a')).status).toBe(200)
    expect(await server.health()).toMatchObject({ status: 200 })
    server.faults.write(errno)
    expect(await server.write(writer, 'b')).toEqual(UNAVAILABLE)
    expect(await server.health()).toEqual(ILL)
    const told = await server.look()
    expect([told.status, told.body.error]).toEqual([503, 'ServiceUnavailable'])
    expect(told.body.message).toMatch(reason)
    // What needs no writing goes on.
    expect(await server.keysOf(writer.did)).toEqual(['a'])
    server.faults.write(0)
    expect(await server.look()).toMatchObject({ status: 200 })
    expect(await server.health()).toMatchObject({ status: 200 })
    expect((await server.write(writer, 'c')).status).toBe(200)
    expect(await server.keysOf(writer.did)).toEqual(['a', 'c'])
    await server.checkStream(writer)
  })

  test('whatever a client asks for: 503 with a name, nothing half done, and all of it works afterwards', async () => {
    const [anna, bert] = [await server.account('anna'), await server.account('bert')]
    await server.post('com.atproto.server.deactivateAccount', {}, bert.accessJwt)
    const archive = await archiveOf(bert.did, { 'com.example.disk/one': { n: 1 } })
    const token = anna.accessJwt
    const login = { identifier: anna.did, password: 'correct horse' }
    const acts: readonly (readonly [string, () => Promise<Answer>])[] = [
      ['createAccount', () => server.post('com.atproto.server.createAccount', NEWCOMER)],
      ['createSession', () => server.post('com.atproto.server.createSession', login)],
      ['createAppPassword', () => server.post('com.atproto.server.createAppPassword', { name: 'a' }, token)],
      ['updateHandle', () => server.post('com.atproto.identity.updateHandle', { handle: 'ann.test' }, token)],
      ['uploadBlob', () => server.send('com.atproto.repo.uploadBlob', PICTURE, 'image/png', token)],
      [
        'importRepo',
        () => server.send('com.atproto.repo.importRepo', archive, 'application/vnd.ipld.car', bert.accessJwt),
      ],
      ['activateAccount', () => server.post('com.atproto.server.activateAccount', null, bert.accessJwt)],
      ['deactivateAccount', () => server.post('com.atproto.server.deactivateAccount', {}, token)],
    ]
    server.faults.write(ENOSPC)
    for (const [name, act] of acts) expect([name, await act()]).toEqual([name, UNAVAILABLE])
    expect(await readdir(join(server.folder, 'blobs', 'temporary'))).toEqual([])
    // The directory was not told of what could not be noted here; an identity without an account was ended.
    expect(server.directory.log(anna.did)).toHaveLength(1)
    const others = server.directory.dids().filter((did) => did !== anna.did && did !== bert.did)
    for (const did of others) expect(server.directory.log(did).at(-1)!.type).toBe('plc_tombstone')
    expect(server.child.exitCode).toBeNull()

    server.faults.write(0)
    expect(await server.look()).toMatchObject({ status: 200 })
    for (const [name, act] of acts) expect([name, (await act()).status]).toEqual([name, 200])
    expect(await server.keysOf(bert.did)).toEqual(['one'])
  })

  test.each([
    ['full', ENOSPC, 'database or disk is full'],
    ['read-only', EROFS, 'disk I/O error'],
  ])('%s when it starts: it says why and ends; then it starts with all it had', async (_name, errno, why) => {
    const writer = await server.account('anna')
    expect((await server.write(writer, 'a')).status).toBe(200)
    await server.stop('SIGKILL')
    server.faults.write(errno)
    const failed = await server.start().then(
      () => 'it started',
      (error: Error) => error.message,
    )
    const said = `avocet-pds: cannot use the data directory; path=${server.folder} reason=${why}\n`
    expect(failed).toBe(`ended before it was ready; code=1 ${said}`)
    server.faults.write(0)
    await server.start()
    expect(await server.keysOf(writer.did)).toEqual(['a'])
    expect((await server.write(writer, 'b')).status).toBe(200)
    await server.checkStream(writer)
  })

  test('a failed sync: nothing is acknowledged until a restart, which loses nothing', async () => {
    const writer = await server.account('anna')
    for (const rkey of ['a', 'b']) expect((await server.write(writer, rkey)).status).toBe(200)
    server.faults.sync(EIO)
    expect(await server.write(writer, 'c')).toEqual(UNAVAILABLE)
    // The disk says that it works again: nobody knows what it kept.
    server.faults.sync(0)
    expect(await server.write(writer, 'd')).toEqual(UNAVAILABLE)
    expect(await server.health()).toEqual(ILL)
    expect((await server.look()).body.message).toMatch(/^a sync of the disk failed, restart the server/)
    const { events } = await readFirehose(server.url, 0, () => false, 300)
    const sent = events.flatMap(({ body }) => (body.ops ?? []).map(({ path }: any) => path))
    expect(sent).toEqual(['com.example.disk/a', 'com.example.disk/b'])
    await server.restart()
    expect(await server.look()).toMatchObject({ status: 200 })
    expect((await server.write(writer, 'e')).status).toBe(200)
    const keys = await server.keysOf(writer.did)
    // What was refused may be there, whole, or not.
    expect(keys.filter((key) => key !== 'c')).toEqual(['a', 'b', 'e'])
    await server.checkStream(writer)
  })

  test('a clock a year ahead, then back: each repo goes on in order, or is named as one to repair', async () => {
    const [anna, bert] = [await server.account('anna'), await server.account('bert')]
    const wrote: [string, number, string | undefined][] = []
    for (const [offset, writers] of [
      [0, { anna, bert }],
      [YEAR, { anna }],
      [-YEAR, { bert }],
      [0, { anna, bert }],
    ] as const) {
      server.faults.clock(offset)
      // The way back is through a start with a wrong clock.
      if (offset === -YEAR) await server.restart('SIGKILL')
      expect(await server.look()).toMatchObject({ status: 200 })
      for (const [name, writer] of Object.entries(writers)) {
        // Sessions end by the clock: a fresh one.
        const credentials = { identifier: writer.did, password: 'correct horse' }
        const { body: session } = await server.post('com.atproto.server.createSession', credentials)
        const answer = await server.write({ ...writer, accessJwt: session.accessJwt }, `r${wrote.length}`)
        wrote.push([name, answer.status, answer.body.error])
      }
    }
    expect(wrote).toEqual([
      ['anna', 200, undefined],
      ['bert', 200, undefined],
      ['anna', 200, undefined],
      ['bert', 409, 'RepoNeedsRepair'],
      ['anna', 409, 'RepoNeedsRepair'],
      ['bert', 200, undefined],
    ])
    await server.restart()
    expect([await server.keysOf(anna.did), await server.keysOf(bert.did)]).toEqual([
      ['r0', 'r2'],
      ['r1', 'r5'],
    ])
    for (const writer of [anna, bert]) await server.checkStream(writer)
  })

  test('started with a clock a year ahead, nothing is removed for its age', async () => {
    const writer = await server.account('anna')
    expect((await server.write(writer, 'a')).status).toBe(200)
    const { body } = await server.send('com.atproto.repo.uploadBlob', PICTURE, 'image/png', writer.accessJwt)
    const before = await readFirehose(server.url, 0, () => false, 300)
    // The second start looks the same: what the first one saw of the clock is not believed.
    for (let i = 0; i < 2; i++) {
      server.faults.clock(YEAR)
      await server.restart()
      expect(await server.look()).toMatchObject({ status: 200 })
    }
    server.faults.clock(0)
    await server.restart()
    const after = await readFirehose(server.url, 0, () => false, 300)
    expect(after.events.map(({ body: event }) => event.seq)).toEqual(
      before.events.map(({ body: event }) => event.seq),
    )
    const record = { $type: 'com.example.picture', blob: body.blob }
    const input = { repo: writer.did, collection: 'com.example.picture', record }
    const answer = await server.post('com.atproto.repo.createRecord', input, writer.accessJwt)
    expect(answer.status).toBe(200)
  })
})
