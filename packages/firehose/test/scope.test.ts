// Only repos that have what is wanted: nothing is asked about the others, and nothing is kept of them.
import type { WriteInput } from '@avocet/repo'
import { describe, expect, it } from 'vitest'
import { create, createWorld, post, update, type Account, type World } from '../src/conformance/world.ts'
import { consume, createMemoryState, type FirehoseError, type ResyncPart } from '../src/index.ts'
import { loadCapture } from './capture-fixture.ts'
import { run, start } from './consume-run.ts'
import { fromFrames, stream, worldResolver } from './support.ts'

const capture = await loadCapture()
const wanted = 'com.example.note'
const note = (rkey: string): WriteInput =>
  ({ ...create(rkey), collection: wanted, record: { $type: wanted } }) as WriteInput
const scope = { collections: [wanted], scope: 'matching' } as const

/** Two accounts: one that comes to write a note, one that never does. */
async function twoAccounts(): Promise<{
  world: World
  writer: Account
  other: Account
  frames: Uint8Array[]
}> {
  const world = createWorld('scope')
  const [writer, other] = [world.createAccount(), world.createAccount()]
  const { frames, add } = stream()
  const commit = async (account: Account, ...writes: WriteInput[]): Promise<void> => {
    add('#commit', world.event(await world.commit(account, writes)))
  }
  await commit(other, create('a'))
  await commit(writer, create('before'))
  add('#identity', { did: other.did, time: '2026-01-01T00:00:00Z' })
  add('#account', { did: other.did, time: '2026-01-01T00:00:00Z', active: false, status: 'deactivated' })
  await commit(writer, create('beside'), note('one'))
  await commit(other, update('a', post('changed')))
  await commit(writer, create('after'))
  await commit(writer, note('two'))
  return { world, writer, other, frames }
}

describe.skipIf(capture === null)('a real capture', () => {
  it.each([
    ['matching', 0],
    ['all', 100],
  ] as const)('of which nothing is wanted, in the scope %s: at least %i look-ups', async (which, least) => {
    const state = createMemoryState()
    let asked = 0
    let delivered = 0
    const frames = capture!.frames.slice(0, 150)
    const consumer = consume({
      sources: [fromFrames(frames)],
      collections: ['com.example.nothing'],
      scope: which,
      state,
      resolveKey: async (did) => {
        asked += 1
        return { key: capture!.keys.get(did) ?? null, pds: null, handle: null }
      },
      onEvent: () => void (delivered += 1),
    })
    await consumer.done
    expect(asked).toBeGreaterThanOrEqual(least)
    if (which === 'all') return
    expect({ asked, states: state.repos.size, delivered }).toEqual({ asked: 0, states: 0, delivered: 0 })
    expect(consumer.stats().passed).toBe(150)
    expect(consumer.stats().sources[0]).toMatchObject({ frames: 150, inFlight: 0 })
    expect(state.cursors.get('test')!.seq).toBe(consumer.stats().sources[0]!.lastSeq)
  })
})

describe('the scope `matching`', () => {
  it('follows a repo from its first wanted record on, whole, and asks about no other', async () => {
    const { world, writer, frames } = await twoAccounts()
    const resolveKey = worldResolver(world)
    const { lines, state, consumer } = await run(world, frames, { ...scope, resolveKey })
    expect(lines()).toEqual([`commit create:${wanted}/one [first-sighting]`, `commit create:${wanted}/two`])
    // The one between, of which nothing is wanted, is a step of the chain all the same.
    expect(consumer.stats().accepted).toBe(3)
    expect([...state.repos.keys()]).toEqual([writer.did])
    expect(resolveKey.calls.map(({ did }) => did)).toEqual([writer.did])
    expect(state.repos.get(writer.did)).toMatchObject({ status: 'synchronized' })
    expect(consumer.stats().passed).toBe(5)
  })

  it('fetches what a repo had before, where there is a resync', async () => {
    const { world, writer, frames } = await twoAccounts()
    const asked: string[] = []
    async function* resync({ did }: { did: string }): AsyncGenerator<ResyncPart> {
      asked.push(did)
      yield* []
      throw new Error('not now')
    }
    const running = start(world, frames, { ...scope, resync })
    await expect.poll(() => asked.length).toBeGreaterThan(0)
    await running.consumer.close()
    expect(new Set(asked)).toEqual(new Set([writer.did]))
  })

  it('tells of what cannot be read, and keeps nothing of it', async () => {
    const world = createWorld('scope-unread')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', { ...world.event(await world.commit(account, [note('one')])), rev: 'no rev' })
    const resolveKey = worldResolver(world)
    const { lines, state } = await run(world, frames, { ...scope, resolveKey })
    expect(lines()).toHaveLength(1)
    expect(lines()[0]).toContain('rev-invalid')
    expect(state.repos.size).toBe(0)
    expect(resolveKey.calls).toEqual([])
  })

  it('verifies what it is told of: a damaged commit with a wanted record comes to nothing', async () => {
    const world = createWorld('scope-forged')
    const account = world.createAccount()
    const { frames, add } = stream()
    const frame = add('#commit', world.event(await world.commit(account, [note('one')])))
    frame[frame.length >> 1]! ^= 1
    const { events } = await run(world, frames, scope)
    expect(events.map(({ kind }) => kind)).toEqual(['failure'])
  })

  it('follows what an app asks for, and nothing that only a list tells of', async () => {
    const world = createWorld('scope-listed')
    const [listed, asked] = [world.createAccount(), world.createAccount()]
    const commit = await world.commit(listed, [create('a')])
    const resolveKey = worldResolver(world)
    const fetched: string[] = []
    const running = start(world, [], {
      ...scope,
      sources: [fromFrames([], { stay: true })],
      resolveKey,
      // eslint-disable-next-line require-yield
      resync: async function* ({ did }) {
        fetched.push(did)
        throw new Error('not now')
      },
    })
    const entry = {
      did: listed.did,
      rev: commit.rev,
      status: 'active',
      own: false,
      source: 'test',
      at: Date.now(),
    }
    expect(await running.consumer.reportListed(entry)).toBe(false)
    expect(resolveKey.calls).toEqual([])
    await running.consumer.requestResync(asked.did)
    await expect.poll(() => fetched).toEqual([asked.did])
    expect([...running.state.repos.keys()]).toEqual([asked.did])
    // What is followed is heard of again.
    expect(await running.consumer.reportListed({ ...entry, did: asked.did, rev: null })).toBe(true)
    await running.consumer.close()
  })

  it('needs collections', () => {
    const options = {
      sources: [],
      resolveKey: async () => null,
      state: createMemoryState(),
      onEvent: () => {},
    }
    expect(() => consume({ ...options, scope: 'matching' })).toThrow(
      expect.objectContaining({ code: 'invalid-option' }) as FirehoseError,
    )
  })
})

describe('what is followed changes while it runs', () => {
  const copyOf = async (world: World, account: Account): Promise<ResyncPart> => {
    const { rev, commit, data } = await world.commit(account, [note('copied')])
    return { rev, commit, data, ops: [], last: true }
  }

  it('a repo that a list of those with something wanted names is read, if there is one', async () => {
    const world = createWorld('scope-follow')
    const account = world.createAccount()
    const part = await copyOf(world, account)
    const running = start(world, [], {
      ...scope,
      sources: [fromFrames([], { stay: true })],
      resync: async function* () {
        yield part
      },
    })
    const entry = {
      did: account.did,
      rev: null,
      status: 'active',
      own: false,
      source: 'test',
      at: Date.now(),
    }
    const nobody = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' as typeof account.did
    expect(await running.consumer.reportListed(entry)).toBe(false)
    expect(await running.consumer.reportListed({ ...entry, did: nobody, follow: true })).toBe(false)
    expect(await running.consumer.reportListed({ ...entry, follow: true })).toBe(true)
    await expect.poll(() => running.state.repos.get(account.did)?.status).toBe('synchronized')
    expect([...running.state.repos.keys()]).toEqual([account.did])
    await running.consumer.close()
  })

  it('a repo that is forgotten stays so: also of what was on its way, and until the scope wants it', async () => {
    const world = createWorld('scope-forget')
    const account = world.createAccount()
    const part = await copyOf(world, account)
    let isWanted = true
    const held = Promise.withResolvers<void>()
    const aborted: boolean[] = []
    const running = start(world, [], {
      scope: () => isWanted,
      sources: [fromFrames([], { stay: true })],
      async *resync({ signal }) {
        await held.promise
        aborted.push(signal.aborted)
        yield part
      },
    })
    await running.consumer.requestResync(account.did)
    await expect.poll(() => running.consumer.stats().resync.running).toBe(1)
    expect(await running.consumer.forget(account.did, () => false)).toBe(false)
    expect(running.state.repos.size).toBe(1)
    isWanted = false
    expect(await running.consumer.forget(account.did)).toBe(true)
    held.resolve()
    await expect.poll(() => running.consumer.stats().resync.running).toBe(0)
    expect(aborted).toEqual([true])
    expect([...running.state.repos.keys()]).toEqual([])
    expect(running.events).toEqual([])
    await running.consumer.requestResync(account.did)
    await expect.poll(() => running.state.repos.get(account.did)?.status).toBe('synchronized')
    await running.consumer.close()
  })

  it('a repo that was forgotten while its host was asked stays so', async () => {
    const world = createWorld('scope-checked')
    const account = world.createAccount()
    const part = await copyOf(world, account)
    const held = Promise.withResolvers<void>()
    let [checks, asked] = [0, 0]
    const running = start(world, [], {
      scope: () => false,
      sources: [fromFrames([], { stay: true })],
      async *resync() {
        yield part
      },
      async latestRev() {
        checks++
        await held.promise
        return 'jzzzzzzzzzzzy' as typeof part.rev
      },
      async hostStatus() {
        asked++
        return 'deactivated'
      },
    })
    await running.consumer.requestResync(account.did)
    await expect.poll(() => running.state.repos.get(account.did)?.status).toBe('synchronized')
    const { rev } = part
    const entry = { did: account.did, rev: `${rev.slice(0, -1)}z` as typeof rev, status: 'active', own: true }
    await running.consumer.reportListed({ ...entry, source: 'test', at: Date.now() })
    const repo = running.state.repos.get(account.did)!
    expect(repo.status).toBe('suspect')
    await running.state.save({ repo: { ...repo, nextTry: 1 } })
    await expect.poll(() => checks, { timeout: 5000 }).toBe(1)
    await running.consumer.forget(account.did)
    held.resolve()
    await expect.poll(() => running.consumer.stats().active).toBe(0)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect([...running.state.repos.keys()]).toEqual([])
    expect(asked).toBe(0)
    await running.consumer.close()
  })

  it('a repo that is being read while more becomes wanted is read again, and no other way', async () => {
    const world = createWorld('scope-refilter')
    const account = world.createAccount()
    const part = await copyOf(world, account)
    let filter = '1'
    const reads: string[] = []
    let held = Promise.withResolvers<void>()
    const running = start(world, [], {
      scope: () => true,
      filter: () => filter,
      sources: [fromFrames([], { stay: true })],
      resyncPolicy: { intervalMs: 0, pollMs: 10 },
      async *resync({ reason }) {
        reads.push(reason)
        await held.promise
        yield part
      },
    })
    await running.consumer.requestResync(account.did)
    await expect.poll(() => reads.length).toBe(1)
    filter = '2'
    await running.consumer.refilter()
    held.resolve()
    await expect.poll(() => reads).toEqual(['requested', 'filter-changed'])
    const read = (): unknown => running.state.repos.get(account.did)
    await expect.poll(read).toMatchObject({ status: 'synchronized', filter: '2' })
    held = Promise.withResolvers<void>()
    held.resolve()
    await running.consumer.refilter()
    filter = '3'
    await running.consumer.refilter()
    await expect.poll(() => reads.length).toBe(3)
    await expect.poll(read).toMatchObject({ status: 'synchronized', filter: '3' })
    await running.consumer.close()
  })
})
