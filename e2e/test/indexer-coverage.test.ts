// The index against a PDS that nobody here wrote: after a backfill and after live events, with deletes, a takedown and a migration, every
// repo is as its host has it. The command `verify` says so, as a process beside the indexer, and so does a stranger's client.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { AtpAgent } from '@atproto/api'
import { createIndexer, type Indexer } from '@avocet/indexer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Mover, move, recordsOf, signUpMover } from '../side-by-side/migrate.ts'
import { ADMIN_PASSWORD, findReference, type Side, startSides, type Sides } from '../side-by-side/servers.ts'

const reference = await findReference()
const main = join(import.meta.dirname, '../../apps/indexer/src/main.ts')

type Verified = { code: number | null; said: Record<string, any> }

describe.skipIf(!reference.ok)('the index of two PDSes', () => {
  let sides: Sides
  let indexer: Indexer
  let folder: string
  let movers: Mover[]

  beforeAll(async () => {
    if (!reference.ok) return
    sides = await startSides(reference, { PDS_ENABLE_DID_DOC_WITH_SESSION: 'false' })
    movers = []
    for (const name of ['ada', 'ben', 'cleo']) movers.push(await signUpMover(sides.reference, name))
    movers.push(await signUpMover(sides.avocet, 'dora'))
    folder = mkdtempSync(join(tmpdir(), 'avocet-coverage-'))
    // What was written before it starts at a PDS that keeps no old events has to be read whole.
    indexer = await createIndexer({
      dataFolder: folder,
      host: '127.0.0.1',
      port: 0,
      sources: [sides.reference, sides.avocet].map(({ url }) => ({
        url: url.replace('http', 'ws'),
        kind: 'pds',
        start: 'live',
      })),
      plcUrl: sides.plcUrl,
      collections: null,
      backfill: true,
      repos: [],
      allowLoopback: true,
      logRetentionMs: 3_600_000,
      audit: { perMinute: 0, bytesPerDay: 0 },
    })
  }, 120_000)
  afterAll(async () => {
    await indexer?.close()
    await sides?.stop()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  async function verify(did: string): Promise<Verified> {
    const args = [
      main,
      'verify',
      did,
      '--json',
      '--allow-loopback',
      `--data=${folder}`,
      `--plc-url=${sides.plcUrl}`,
    ]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, said: JSON.parse(text) as Record<string, any> }
  }
  /** `verify` says that nothing differs, and the records that the host lists are those that the index lists. */
  async function isEqual(mover: Mover, host: Side): Promise<void> {
    const { code, said } = await verify(mover.did)
    const there = await recordsOf(new AtpAgent({ service: host.url }), mover.did)
    expect([code, said]).toMatchObject([
      0,
      { result: 'same', different: 0, unsettled: 0, differences: [], records: there.size },
    ])
    expect(await recordsOf(new AtpAgent({ service: indexer.url! }), mover.did)).toEqual(there)
  }
  async function eventually(probe: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 60_000; !(await probe());) {
      if (Date.now() > deadline) throw new Error('it did not come about in time')
      await delay(50)
    }
  }
  const allIndexed = (): Promise<void> =>
    eventually(() => indexer.status().repos.synchronized >= movers.length)

  test('after a backfill every repo is as its host has it', async () => {
    expect.hasAssertions()
    await allIndexed()
    for (const [i, mover] of movers.entries()) await isEqual(mover, i < 3 ? sides.reference : sides.avocet)
  })

  test('and after live posts, updates and deletes', async () => {
    for (const [i, { agent, did }] of movers.entries()) {
      const written: string[] = []
      for (let n = 0; n < 15; n++) written.push((await agent.post({ text: `live ${n}` })).uri)
      for (const uri of written.slice(0, 5)) await agent.deletePost(uri)
      await agent.follow(movers[(i + 1) % movers.length]!.did)
      for (const displayName of ['one', 'two']) {
        await agent.com.atproto.repo.putRecord({
          repo: did,
          collection: 'app.bsky.actor.profile',
          rkey: 'self',
          record: { $type: 'app.bsky.actor.profile', displayName },
        })
      }
    }
    for (const [i, mover] of movers.entries()) await isEqual(mover, i < 3 ? sides.reference : sides.avocet)
    // Everybody is followed by one.
    const about = new URLSearchParams({ subject: movers[1]!.did, source: 'app.bsky.graph.follow:subject' })
    const followers = await fetch(
      `${indexer.url}/xrpc/blue.microcosm.links.getBacklinkDids?${about.toString()}`,
    )
    expect(await followers.json()).toEqual({ total: 1, linking_dids: [movers[0]!.did], cursor: null })
  })

  test('an account that its host takes down vanishes, cannot be verified, and is whole when it comes back', async () => {
    const { did } = movers[1]!
    const setTakedown = async (applied: boolean): Promise<void> => {
      const response = await fetch(`${sides.reference.url}/xrpc/com.atproto.admin.updateSubjectStatus`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({
          subject: { $type: 'com.atproto.admin.defs#repoRef', did },
          takedown: { applied, ...(applied ? { ref: 'test' } : {}) },
        }),
      })
      expect(response.status).toBe(200)
    }
    const shown = async (): Promise<boolean> => {
      const about = new URLSearchParams({ repo: did, collection: 'app.bsky.feed.post' })
      return (await fetch(`${indexer.url}/xrpc/com.atproto.repo.listRecords?${about.toString()}`)).ok
    }
    await setTakedown(true)
    await eventually(async () => !(await shown()))
    expect(await verify(did)).toMatchObject({ code: 3, said: { result: 'unknown', error: 'repo-takendown' } })
    await setTakedown(false)
    await eventually(shown)
    await isEqual(movers[1]!, sides.reference)
  })

  test('an account that moves is followed to its new host', async () => {
    expect.hasAssertions()
    const [mover] = movers as [Mover]
    const { agent } = await move(mover, sides.reference, sides.avocet)
    await agent.post({ text: 'from my new home' })
    await eventually(async () => {
      const there = await recordsOf(new AtpAgent({ service: sides.avocet.url }), mover.did)
      const here = await recordsOf(new AtpAgent({ service: indexer.url! }), mover.did).catch(() => new Map())
      return here.size === there.size
    })
    await isEqual(mover, sides.avocet)
  })

  test(
    'of large repos one collection is read by itself, at hosts of both makes',
    { timeout: 60_000 },
    async () => {
      const [large, wanted] = ['com.example.mark', 'com.example.book'] as const
      const hosts = [sides.reference, sides.avocet]
      const owners: { did: string; agent: AtpAgent }[] = []
      for (const [i, { url }] of hosts.entries()) {
        const agent = new AtpAgent({ service: url })
        await agent.createAccount({
          handle: `reader${i}.test`,
          email: `r${i}@example.com`,
          password: 'a password',
        })
        const write = async (collection: string, from: number, count: number): Promise<void> => {
          const writes = Array.from({ length: count }, (_, n) => ({
            $type: 'com.atproto.repo.applyWrites#create' as const,
            collection,
            rkey: String(from + n),
            value: { $type: collection, n },
          }))
          await agent.com.atproto.repo.applyWrites({ repo: agent.assertDid, writes })
        }
        // By chance one of these keys stands so high in the tree that it looks like one of thousands.
        await write(large, 0, 200)
        await write(wanted, 0, 12)
        owners.push({ did: agent.assertDid, agent })
      }
      const own = mkdtempSync(join(tmpdir(), 'avocet-sparse-'))
      const small = await createIndexer({
        dataFolder: own,
        host: '127.0.0.1',
        port: 0,
        sources: hosts.map(({ url }) => ({ url: url.replace('http', 'ws'), kind: 'pds', start: 'live' })),
        plcUrl: sides.plcUrl,
        collections: [wanted],
        backfill: true,
        repos: owners.map(({ did }) => did),
        allowLoopback: true,
        logRetentionMs: 3_600_000,
        audit: { perMinute: 0, bytesPerDay: 0 },
      })
      try {
        const listed = async (url: string, did: string): Promise<string[]> => {
          const { data } = await new AtpAgent({ service: url }).com.atproto.repo.listRecords({
            repo: did,
            collection: wanted,
            limit: 100,
          })
          return data.records.map(({ uri, cid }) => `${uri} ${cid}`)
        }
        await eventually(() => small.status().repos.synchronized === 2)
        expect(small.status().backfill.reads).toEqual({ whole: 0, sparse: 2 })
        expect(small.status().totals.records).toBe(24)
        // What is written after it goes on from the proved head.
        for (const { agent, did } of owners) {
          await agent.com.atproto.repo.createRecord({ repo: did, collection: large, record: { n: 1 } })
          await agent.com.atproto.repo.createRecord({ repo: did, collection: wanted, record: { n: 99 } })
          await agent.com.atproto.repo.deleteRecord({ repo: did, collection: wanted, rkey: '3' })
        }
        for (const [i, { did }] of owners.entries()) {
          const there = await listed(hosts[i]!.url, did)
          expect(there).toHaveLength(12)
          await eventually(async () => (await listed(small.url!, did)).join() === there.join())
        }
        expect(small.status().backfill.reads).toEqual({ whole: 0, sparse: 2 })
        expect(small.status().failures.faults).toBe(0)
      } finally {
        await small.close()
        rmSync(own, { recursive: true, force: true })
      }
    },
  )

  test('what somebody does to the database is found', async () => {
    const { did } = movers[2]!
    const db = new DatabaseSync(join(folder, 'indexer.sqlite'))
    db.exec(`PRAGMA busy_timeout = 5000; DELETE FROM records WHERE id = (
      SELECT records.id FROM records JOIN names ON names.id = repo WHERE name = '${did}' LIMIT 1)`)
    db.close()
    expect(await verify(did)).toMatchObject({
      code: 1,
      said: { result: 'different', different: 1, differences: [{ kind: 'missing' }] },
    })
  })
})
