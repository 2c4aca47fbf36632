// A Postgres server that ends under a running PDS: what clients and operators are told, and that all goes on once it is back.
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { SILENT } from '../src/logger.ts'
import { readFirehose, type Received } from './firehose.ts'
import { startNetwork, type Answer, type TestAccount, type TestNetwork } from './network.ts'

const server = await startPostgres()
const crash = server?.crash ?? null
if (server !== null && crash === null) console.warn('SKIPPED: a Postgres that is not ours is not ended')
afterAll(() => server?.close())

const NOTE = 'com.example.note'
const UNAVAILABLE = {
  status: 503,
  body: { error: 'ServiceUnavailable', message: 'The server cannot store data at the moment' },
}

describe.skipIf(crash === null)('a Postgres that is away', () => {
  let net: TestNetwork
  let anna: TestAccount
  beforeAll(async () => {
    const postgres = { url: server!.url, schema: 'away', poolSize: 8 }
    net = await startNetwork({ config: { postgres }, log: SILENT })
    anna = await net.account()
  })
  afterAll(() => net[Symbol.asyncDispose]())

  const write = (rkey: string): Promise<Answer> =>
    net.post('com.atproto.repo.createRecord', {
      token: anna.accessJwt,
      input: { repo: anna.did, collection: NOTE, rkey, record: { $type: NOTE, text: rkey } },
    })
  const listed = async (): Promise<string[]> => {
    const keys: string[] = []
    for (let cursor: string | undefined; ;) {
      const params = {
        repo: anna.did,
        collection: NOTE,
        limit: '100',
        ...(cursor === undefined ? {} : { cursor }),
      }
      const { body } = await net.get('com.atproto.repo.listRecords', { params })
      keys.push(...body.records.map(({ uri }: { uri: string }) => uri.split('/').at(-1)))
      cursor = body.cursor
      if (cursor === undefined) return keys
    }
  }

  const pathsOf = ({ type, body }: Received): string[] =>
    type === '#commit' && body.repo === anna.did ? body.ops.map(({ path }: { path: string }) => path) : []
  /** All events up to the record `after`. */
  const follow = (): ReturnType<typeof readFirehose> =>
    readFirehose(net.pds.url, 0, (all) => all.flatMap(pathsOf).includes(`${NOTE}/after`), 30_000)

  test('503 with a name, health tells, and once it is back nothing that was acknowledged is lost', async () => {
    expect((await write('before')).status).toBe(200)
    const through = follow()
    // Writers that never stop: some are in the middle of a write when it ends.
    const acknowledged = ['before']
    const refused: Answer[] = []
    const over = new AbortController()
    const writers = [0, 1, 2].map(async (writer) => {
      for (let n = 0; !over.signal.aborted; n++) {
        const rkey = `w${writer}-${n}`
        const answer = await write(rkey)
        if (answer.status === 200) acknowledged.push(rkey)
        else refused.push(answer)
      }
    })
    await expect.poll(() => acknowledged.length).toBeGreaterThan(6)
    await crash!()
    await expect.poll(() => refused.length).toBeGreaterThan(6)
    over.abort()
    await Promise.all(writers)
    for (const { status, body } of refused) expect({ status, body }).toEqual(UNAVAILABLE)
    expect(await write('away')).toMatchObject(UNAVAILABLE)
    expect(await net.get('com.atproto.repo.describeRepo', { params: { repo: anna.did } })).toMatchObject(
      UNAVAILABLE,
    )
    expect(await net.get('_health')).toMatchObject({ status: 503, body: { message: 'unhealthy' } })
    const told = await net.get('_health', { admin: true })
    expect([told.status, told.body.message]).toEqual([
      503,
      expect.stringMatching(/^the Postgres server (cannot be reached|cannot do its work): ./),
    ])

    await server!.start()
    await expect.poll(async () => (await net.get('_health', { admin: true })).status).toBe(200)
    expect((await net.get('_health')).status).toBe(200)
    expect((await write('after')).status).toBe(200)
    const kept = await listed()
    expect(kept).toEqual(expect.arrayContaining([...acknowledged, 'after']))
    expect(kept).not.toContain('away')
    // Each record that is there was told once, in one order, and no other: to who comes now, and to who was there all the time.
    for (const { events, closed } of [await follow(), await through]) {
      expect(closed).toBe(null)
      expect(events.flatMap(pathsOf).toSorted()).toEqual(kept.map((rkey) => `${NOTE}/${rkey}`).toSorted())
      const seqs = events.map(({ body }) => body.seq as number)
      expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b))
    }
  })
})
