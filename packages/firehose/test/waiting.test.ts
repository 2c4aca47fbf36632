// What one account, host or source can make all others wait for: nothing.

import type { Keypair } from '@avocet/crypto'
import type { DataObject } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'
import { type Account, create, createWorld, frameOf, post, type World } from '../src/conformance/world.ts'
import { createClock } from '../model/clock.ts'
import {
  createHostClocks,
  createResync,
  type HostFetch,
  limitHosts,
  repoFetcher,
  type ResolveKey,
  verifyEvent,
} from '../src/index.ts'
import { run, start } from './consume-run.ts'
import { fromFrames, stream, worldResolver } from './support.ts'

/** Identities of these accounts are not answered until `release`. */
function hanging(world: World, ...dids: Did[]): { resolveKey: ResolveKey; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const answer = worldResolver(world)
  return {
    resolveKey: async (did, options) => {
      if (dids.includes(did)) await promise
      return answer(did, options)
    },
    release: resolve,
  }
}

async function withHead(world: World): Promise<Account> {
  const account = world.createAccount()
  await world.commit(account, [create('a')])
  return account
}

const commitsOf = (events: readonly { kind: string }[], did: Did): number =>
  events.filter((event) => event.kind === 'commit' && 'did' in event && event.did === did).length

describe('waiting', () => {
  it('a lost event of an account that waits overtakes none', async () => {
    const world = createWorld('lost in order')
    const account = world.createAccount()
    const { frames, add } = stream()
    for (const key of ['a', 'c']) {
      add('#commit', world.event(await world.commit(account, [create(key)])))
      const lost = await world.commit(account, [create(`${key}-lost`)], { keep: false })
      add('#commit', { ...world.event(lost), tooBig: true })
    }
    const { resolveKey, release } = hanging(world, account.did)
    const running = start(world, [], { sources: [fromFrames(frames, { stay: true })], resolveKey })
    await expect.poll(() => running.consumer.stats().sources[0]?.frames, { timeout: 8000 }).toBe(4)
    release()
    await expect.poll(() => running.consumer.stats().sources[0]?.cursor, { timeout: 8000 }).toBe(4)
    await running.consumer.close()
    expect(running.events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
  })

  it('of many lost events of an account that waits the newest decides what is claimed', async () => {
    const world = createWorld('many lost')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    const known = await run(world, frames)
    const { resolveKey, release } = hanging(world, account.did)
    const lost: string[] = []
    add('#identity', { did: account.did, time: world.time() })
    for (let i = 0; i < 70; i++) {
      const commit = await world.commit(account, [create(`l${i}`)], { keep: false })
      lost.push(commit.rev)
      add('#commit', { ...world.event(commit), tooBig: true })
    }
    const running = start(world, [], {
      sources: [fromFrames(frames.slice(1), { stay: true })],
      state: known.state,
      resolveKey,
    })
    await expect.poll(() => running.consumer.stats().sources[0]?.frames, { timeout: 8000 }).toBe(71)
    release()
    await expect.poll(() => running.consumer.stats().sources[0]?.cursor, { timeout: 8000 }).toBe(72)
    await running.consumer.close()
    expect(known.state.repos.get(account.did)).toMatchObject({ status: 'suspect', claimed: lost.at(-1) })
    // So many are told one by one.
    expect(running.lines().filter((line) => line === 'failure too-big-flag')).toHaveLength(64)
  })

  it('13 000 #identity of one account are one refresh a minute, and nobody waits for them (A7)', async () => {
    const world = createWorld('identities')
    const [account, other] = [world.createAccount(), world.createAccount()]
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    for (let i = 0; i < 13_000; i++) add('#identity', { did: account.did, time: world.time() })
    add('#commit', world.event(await world.commit(other, [create('a')])))
    add('#commit', world.event(await world.commit(account, [create('b')])))
    const resolveKey = worldResolver(world)
    const running = start(world, [], {
      sources: [fromFrames(frames, { stay: true })],
      resolveKey,
      identity: { refreshMs: 60_000, retryMs: [] },
    })
    await expect.poll(() => commitsOf(running.events, account.did), { timeout: 8000 }).toBe(2)
    expect(commitsOf(running.events, other.did)).toBe(1)
    expect(resolveKey.calls.filter(({ forced }) => forced)).toHaveLength(4)
    expect(running.lines().filter((line) => line.startsWith('identity'))).toHaveLength(4)
    // The last of them is still to be followed: the cursor waits for it, nobody else.
    expect(running.consumer.stats().sources[0]?.cursor).toBe(5)
    await running.consumer.close()
  })

  it('changes that come too fast are followed in the end', async () => {
    const world = createWorld('coalesced')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    for (let i = 0; i < 20; i++) add('#identity', { did: account.did, time: world.time() })
    const running = start(world, [], {
      sources: [fromFrames(frames, { stay: true })],
      identity: { refreshMs: 2000, retryMs: [] },
    })
    await expect.poll(() => running.consumer.stats().sources[0]?.cursor, { timeout: 8000 }).toBe(21)
    expect(running.lines().filter((line) => line.startsWith('identity'))).toHaveLength(5)
    await running.consumer.close()
  })

  it('a frame that cannot be read waits in its lane, and the reader does not (A8)', async () => {
    const world = createWorld('hang')
    const [slow, other] = [world.createAccount(), world.createAccount()]
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(slow, [create('a')])))
    add('#commit', { ...world.event(await world.commit(slow, [create('b')])), since: 'bad' })
    add('#commit', world.event(await world.commit(other, [create('a')])))
    const { resolveKey, release } = hanging(world, slow.did)
    const running = start(world, [], { sources: [fromFrames(frames, { stay: true })], resolveKey })
    await expect.poll(() => commitsOf(running.events, other.did), { timeout: 8000 }).toBe(1)
    expect(running.events).toHaveLength(1)
    release()
    await expect.poll(() => running.consumer.stats().sources[0]?.cursor, { timeout: 8000 }).toBe(3)
    // In its order: first the commit, then that there was something that could not be read.
    expect(running.lines().slice(1)).toEqual(['commit create:app.bsky.feed.post/a', 'failure since-invalid'])
    expect(running.state.repos.get(slow.did)).toMatchObject({ status: 'suspect', reason: 'since-invalid' })
    await running.consumer.close()
  })

  it('large commits of accounts whose identity hangs give up their bytes; another source goes on (A9)', async () => {
    const world = createWorld('large')
    const hostile = Array.from({ length: 40 }, () => world.createAccount())
    const honest = world.createAccount()
    const { frames, add } = stream()
    for (const account of hostile) {
      const big = await world.commit(account, [create('a', post('x', 500_000))])
      add('#commit', world.event(big))
    }
    const body = world.event(await world.commit(honest, [create('a')]))
    const { resolveKey, release } = hanging(world, ...hostile.map(({ did }) => did))
    const running = start(world, [], {
      sources: [
        fromFrames(frames, { id: 'hostile', stay: true }),
        fromFrames([frameOf('#commit', body, 1)], { id: 'honest', stay: true }),
      ],
      resolveKey,
      maxQueuedBytes: 8 * 1024 * 1024,
    })
    await expect.poll(() => commitsOf(running.events, honest.did), { timeout: 8000 }).toBe(1)
    await expect.poll(() => running.consumer.stats().sources[0]?.frames, { timeout: 8000 }).toBe(40)
    // A share of 4 MiB each, half of it for what waits for the network.
    expect(running.consumer.stats().queuedBytes).toBeLessThanOrEqual(2 * 1024 * 1024)
    release()
    await expect.poll(() => running.consumer.stats().sources[0]?.cursor, { timeout: 8000 }).toBe(40)
    const kept = running.lines().filter((line) => line.startsWith('commit')).length - 1
    expect(kept).toBe(4)
    expect(running.consumer.stats().reasons).toEqual({ 'queue-full': 36 })
    // Nothing is lost silently: those that were given up are to be read.
    const states = hostile.map(({ did }) => running.state.repos.get(did)?.status)
    expect(states.filter((status) => status === 'synchronized')).toHaveLength(4)
    expect(states.filter((status) => status === 'desynchronized')).toHaveLength(36)
    await running.consumer.close()
  })

  it('20 000 #identity of made-up accounts: few look-ups, no rows, and a new account beside them (A10)', async () => {
    const world = createWorld('made up')
    const honest = world.createAccount()
    const { frames, add } = stream()
    for (let i = 0; i < 20_000; i++) {
      add('#identity', { did: `did:web:nobody${i}.example`, time: world.time() })
    }
    const resolveKey = worldResolver(world)
    const body = world.event(await world.commit(honest, [create('a')]))
    const running = start(world, [], {
      sources: [
        fromFrames(frames, { id: 'hostile', kind: 'pds', host: 'https://hostile.example.com', stay: true }),
        fromFrames([frameOf('#commit', body, 1)], { id: 'honest', stay: true }),
      ],
      resolveKey,
    })
    await expect.poll(() => running.consumer.stats().sources[0]?.cursor, { timeout: 8000 }).toBe(20_000)
    await expect.poll(() => commitsOf(running.events, honest.did), { timeout: 8000 }).toBe(1)
    // 500 at once, 50 a second.
    expect(resolveKey.calls.length).toBeLessThan(1000)
    expect([...running.state.repos.keys()]).toEqual([honest.did])
    expect(running.events).toHaveLength(1)
    await running.consumer.close()
  })

  /** Made-up accounts are not answered about until `release`; the most that was asked for at once. */
  const directory = (world: World): { resolveKey: ResolveKey; release: () => void; most: () => number } => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const answer = worldResolver(world)
    let [asked, most] = [0, 0]
    return {
      async resolveKey(did, options) {
        most = Math.max(most, ++asked)
        if (!world.accounts.has(did)) await promise
        asked--
        return answer(did, options)
      },
      release: resolve,
      most: () => most,
    }
  }
  const madeUp = (i: number): Did =>
    `did:plc:${i
      .toString(4)
      .replaceAll(/[01]/g, (digit) => 'xy'[Number(digit)]!)
      .padStart(24, 'a')}`

  it('5 000 forged commits of made-up accounts: 64 look-ups at a time, and nobody waits for them (A10)', async () => {
    const world = createWorld('forged')
    const [known, newcomer] = [world.createAccount(), world.createAccount()]
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(known, [create('a')])))
    const { state } = await run(world, frames)
    const body = world.event(await world.commit(newcomer, [create('a')]))
    for (let i = 0; i < 5000; i++) add('#commit', { ...body, repo: madeUp(i) })
    add('#commit', world.event(await world.commit(known, [create('b')])))
    const { resolveKey, release, most } = directory(world)
    const running = start(world, [], {
      sources: [
        fromFrames(frames, { id: 'test', stay: true }),
        fromFrames([frameOf('#commit', body, 1)], { id: 'other', stay: true }),
      ],
      state,
      resolveKey,
    })
    await expect.poll(() => commitsOf(running.events, newcomer.did), { timeout: 8000 }).toBe(1)
    await expect.poll(() => commitsOf(running.events, known.did), { timeout: 8000 }).toBe(1)
    // And one of the known account, or of the other source, at a time beside them.
    expect(most()).toBeGreaterThanOrEqual(64)
    expect(most()).toBeLessThanOrEqual(66)
    release()
    await expect.poll(() => running.consumer.stats().sources[0]?.cursor, { timeout: 8000 }).toBe(5002)
    expect(most()).toBeLessThanOrEqual(66)
    expect([...state.repos.keys()].toSorted()).toEqual([known.did, newcomer.did].toSorted())
    await running.consumer.close()
  })

  it('documents of one domain that hang hold up newcomers of no other', async () => {
    const world = createWorld('domain')
    const newcomer = world.createAccount()
    const { frames, add } = stream()
    const body = world.event(await world.commit(newcomer, [create('a')]))
    for (let i = 0; i < 200; i++) add('#commit', { ...body, repo: `did:web:a${i}.slow.example` })
    add('#commit', { ...body, repo: 'did:web:other.example' })
    add('#commit', body)
    const { resolveKey, most } = directory(world)
    const running = start(world, [], { sources: [fromFrames(frames, { stay: true })], resolveKey })
    await expect.poll(() => commitsOf(running.events, newcomer.did), { timeout: 8000 }).toBe(1)
    expect(most()).toBe(66)
    await running.consumer.close()
  })

  it.each([
    ['a relay: those beyond are in the backlog', { kind: 'relay' }, { 'queue-full': 2 }, 2],
    [
      'a PDS: they are left to lists',
      { kind: 'pds', host: 'https://pds.example.com' },
      { 'account-unknown': 2 },
      0,
    ],
    ['a file: all wait', { kind: 'relay', patient: true }, {}, 0],
  ] as const)('10 000 newcomers of one source wait; %s', async (_what, source, reasons, stored) => {
    const world = createWorld('crowd')
    const { frames, add } = stream()
    const body = world.syncEvent(await withHead(world))
    for (let i = 0; i < 10_002; i++) add('#sync', { ...body, did: madeUp(i) })
    const { resolveKey, most } = directory(world)
    const running = start(world, [], { sources: [fromFrames(frames, { ...source, stay: true })], resolveKey })
    await expect.poll(() => running.consumer.stats().sources[0]?.frames, { timeout: 8000 }).toBe(10_002)
    await expect.poll(() => running.consumer.stats().reasons, { timeout: 8000 }).toEqual(reasons)
    // Each is told.
    expect(Object.groupBy(running.ignored, ({ reason }) => reason)).toEqual(
      Object.fromEntries(
        Object.entries(reasons).map(([reason, n]) => [reason, Array(n).fill(expect.anything())]),
      ),
    )
    expect(most()).toBe(64)
    expect(running.state.repos.size).toBe(stored)
    for (const repo of running.state.repos.values()) {
      expect(repo).toMatchObject({
        status: 'desynchronized',
        reason: 'discovered',
        priority: 3,
        claimed: body['rev'],
      })
    }
    await running.consumer.close()
  })

  it('300 frames that nobody signed have nothing read, and leave what is whole whole (A11)', async () => {
    const world = createWorld('unsigned')
    const accounts = Array.from({ length: 30 }, () => world.createAccount())
    const { frames, add } = stream()
    for (const account of accounts) add('#commit', world.event(await world.commit(account, [create('a')])))
    for (const account of accounts) {
      const commit = await world.commit(account, [create('b')], { keep: false })
      for (let i = 0; i < 10; i++) add('#commit', { ...world.event(commit), tooBig: true })
    }
    let read = 0
    const running = start(world, frames, {
      // oxlint-disable-next-line require-yield
      async *resync() {
        read++
      },
      latestRev: async ({ did }) => world.accounts.get(did)!.head!.rev,
    })
    await running.consumer.done
    expect(read).toBe(0)
    expect(running.consumer.stats().resync).toMatchObject({ started: 0, failed: 0 })
    expect(running.consumer.stats().resync.checks).toBeGreaterThanOrEqual(30)
    for (const { did } of accounts) expect(running.state.repos.get(did)?.status).toBe('synchronized')
  })

  type Body = ReturnType<World['event']>
  const damaged = (bytes: Uint8Array): Uint8Array => bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1)
  it.each<[string, (body: Body, signer: Keypair, world: World) => DataObject | Promise<DataObject>]>([
    ['too-big-flag', (body) => ({ ...body, tooBig: true })],
    ['too-many-ops', (body) => ({ ...body, ops: Array(201).fill(body.ops[0]) })],
    ['blocks-too-big', (body) => ({ ...body, blocks: new Uint8Array(2_000_001) })],
    ['since-invalid', (body) => ({ ...body, since: 'bad' })],
    ['car-malformed', (body) => ({ ...body, blocks: new Uint8Array(9) })],
    ['block-hash-mismatch', (body) => ({ ...body, blocks: damaged(body.blocks) })],
    ['commit-rev-mismatch', (body, _signer, world) => ({ ...body, rev: world.nextRev(body.rev) })],
    [
      'signature-invalid',
      async (body, signer, world) => {
        const account = world.accounts.get(body.repo)!
        return world.event(await world.commit(account, [create('b')], { signer, keep: false }))
      },
    ],
  ])('what nobody signed has nothing read: %s (A11)', async (reason, forge) => {
    const world = createWorld('forgeries')
    const [account, mallory] = [world.createAccount(), world.createAccount()]
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    const honest = world.event(await world.commit(account, [create('b')], { keep: false }))
    add('#commit', await forge(honest, mallory.keypair, world))
    add('#sync', { ...world.syncEvent(account), rev: world.nextRev(honest.rev) })
    let read = 0
    const running = start(world, frames, {
      // oxlint-disable-next-line require-yield
      async *resync() {
        read++
      },
      latestRev: async () => account.head!.rev,
    })
    await running.consumer.done
    expect(running.lines()).toEqual([
      'commit create:app.bsky.feed.post/a',
      `failure ${reason}`,
      'failure commit-rev-mismatch',
    ])
    expect(read).toBe(0)
    expect(running.state.repos.get(account.did)).toMatchObject({ status: 'synchronized', claimed: null })
    const verdict = verifyEvent({
      frame: frames[1]!,
      key: account.published.publicKey,
      repo: running.state.repos.get(account.did)!,
      now: world.now(),
    })
    expect(verdict).toMatchObject({ outcome: 'refused', reason })
  })

  it('a gap in a repo that is followed is read before the backfill that waits (C17)', async () => {
    const world = createWorld('priorities')
    const followed = world.createAccount()
    const waiting = Array.from({ length: 50 }, () => world.createAccount())
    for (const account of waiting) await world.commit(account, [create('a')])
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(followed, [create('a')])))
    await world.commit(followed, [create('missed')])
    const gap = world.event(await world.commit(followed, [create('b')]))
    const read: Did[] = []
    const go = Promise.withResolvers<void>()
    async function* play(): AsyncGenerator<Uint8Array> {
      yield* frames
      await go.promise
      yield frameOf('#commit', gap, 2)
    }
    const running = start(world, play(), {
      resyncConcurrency: 1,
      async *resync({ did }) {
        read.push(did)
        await new Promise((resolve) => setTimeout(resolve, 10))
        const { rev, data, commit } = world.accounts.get(did)!.head!
        yield { rev, data, commit, ops: [], last: true }
      },
    })
    for (const { did } of waiting) await running.consumer.requestResync(did, 'discovered')
    go.resolve()
    await running.consumer.done
    expect(read).toHaveLength(51)
    expect(read.indexOf(followed.did)).toBeLessThan(8)
  })

  it('a backlog of a busy host is not asked about all the time, and a gap there does not wait behind it (A13)', async () => {
    const world = createWorld('backlog')
    const [followed, ...waiting] = Array.from({ length: 1001 }, () => world.createAccount())
    const clock = createClock(1_800_000_000_000)
    const never: HostFetch = () => new Promise(() => {})
    const fetch = limitHosts(never, createHostClocks(), { slots: 2, now: () => clock.now() })
    let tries = 0
    const running = start(world, [], {
      sources: [fromFrames([], { stay: true })],
      now: () => clock.now(),
      timers: clock,
      resyncConcurrency: 4,
      resyncPolicy: { intervalMs: 0 },
      resync(request) {
        if (request.did === followed!.did) tries++
        return createResync({ fetchRepo: repoFetcher({ fetch }), stored: () => [] })(request)
      },
    })
    for (const { did } of waiting) await running.consumer.requestResync(did, 'discovered')
    await clock.run(1000)
    const begun = (): number => running.consumer.stats().resync.started
    // Each was tried, and most were told to come back.
    const first = begun()
    expect(first).toBeGreaterThanOrEqual(1000)
    await running.consumer.requestResync(followed!.did)
    await clock.run(20_000)
    // Fifty a second.
    expect(begun() - first - tries).toBeGreaterThan(900)
    expect(begun() - first - tries).toBeLessThan(1100)
    expect(tries).toBeGreaterThan(10)
    await running.consumer.close()
  })

  it.each([
    ['of all', 4, 100],
    ['of its host', 100, 8],
  ])(
    'a gap finds a place %s though a backlog of slow exports holds what it may (C17)',
    async (_whose, resyncConcurrency, slots) => {
      const world = createWorld('places')
      const [followed, ...waiting] = Array.from({ length: 31 }, () => world.createAccount())
      await world.commit(followed!, [create('a')])
      const held: Did[] = []
      const answers: HostFetch = async (url) => {
        const did = new URL(url).searchParams.get('did') as Did
        if (did === followed!.did) return new Response('not a repo')
        held.push(did)
        return new Promise(() => {})
      }
      const fetch = limitHosts(answers, createHostClocks(), { slots, perSecond: 1000, burst: 1000 })
      const running = start(world, [], {
        sources: [fromFrames([], { stay: true })],
        resyncConcurrency,
        resync: createResync({ fetchRepo: repoFetcher({ fetch }), stored: () => [] }),
      })
      for (const { did } of waiting) await running.consumer.requestResync(did, 'discovered')
      await expect.poll(() => held.length, { timeout: 8000 }).toBe(Math.min(resyncConcurrency, slots) * 0.75)
      await running.consumer.requestResync(followed!.did)
      // It is asked: that its answer is none is told.
      const letters = (): string[] =>
        running.events.flatMap((event) => (event.kind === 'failure' ? [event.reason] : []))
      await expect.poll(letters, { timeout: 8000 }).toContain('resync-failed')
      expect(held).toHaveLength(Math.min(resyncConcurrency, slots) * 0.75)
      await running.consumer.close()
    },
  )

  it('stopped while an identity does not come: at once, and the event is read again next time', async () => {
    const world = createWorld('stopped')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    const { resolveKey } = hanging(world, account.did)
    const running = start(world, [], { sources: [fromFrames(frames, { stay: true })], resolveKey })
    await expect.poll(() => running.consumer.stats().sources[0]?.frames, { timeout: 8000 }).toBe(1)
    await running.consumer.close()
    expect(running.events).toEqual([])
    expect(running.state.repos.size).toBe(0)
    const again = start(world, [], { state: running.state, sources: [fromFrames(frames)] })
    await again.consumer.done
    expect(again.lines()).toEqual(['commit create:app.bsky.feed.post/a'])
  })
})
