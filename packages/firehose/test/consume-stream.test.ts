// The stream as a whole: what cannot be read, what is too much, what fails, how it stops.

import { encodeErrorFrame } from '@avocet/xrpc'
import { describe, expect, it } from 'vitest'
import { serveStream } from '../src/conformance/server.ts'
import { create, createWorld, frameOf, type World } from '../src/conformance/world.ts'
import { newRepo } from '../src/facts.ts'
import {
  consume,
  createMemoryState,
  pdsSource,
  relaySource,
  type Source,
  type VerifiedEvent,
} from '../src/index.ts'
import { run, start } from './consume-run.ts'
import { fromFrames, stream, worldResolver } from './support.ts'

async function commits(world: World, accounts: number, each: number): Promise<Uint8Array[]> {
  const writers = Array.from({ length: accounts }, () => world.createAccount())
  const { frames, add } = stream()
  for (let round = 0; round < each; round++) {
    for (const account of writers) {
      add('#commit', world.event(await world.commit(account, [create(`k${round}`)])))
    }
  }
  return frames
}

describe('stream', () => {
  it('a frame that cannot be read is an event with a reason', async () => {
    const world = createWorld('garbage')
    const [good] = await commits(world, 1, 1)
    const frames = [new Uint8Array([1, 2, 3]), new Uint8Array(0), encodeErrorFrame('Oops', 'what'), good!]
    const { events } = await run(world, frames)
    expect(events.map((event) => (event.kind === 'failure' ? event.reason : event.kind))).toEqual([
      'frame-malformed',
      'frame-malformed',
      'stream-error',
      'commit',
    ])
  })

  it('a refused frame comes with its failure: its first bytes, in a copy, and how many it had', async () => {
    const world = createWorld('refused')
    const account = world.createAccount()
    const { frames, add } = stream()
    const text = 'x'.repeat(20_000)
    const record = { $type: 'app.bsky.feed.post', text, createdAt: '2026-01-01T00:00:00Z' }
    const commit = await world.commit(account, [
      { action: 'create', collection: 'app.bsky.feed.post', rkey: 'a', record },
    ])
    add('#commit', { ...world.event(commit), time: 'never' })
    const event = world.event(commit)
    const blocks = (event['blocks'] as Uint8Array).slice()
    blocks[blocks.length - 1]! ^= 1
    add('#commit', { ...event, blocks })
    const { events } = await run(world, [...frames, new Uint8Array([1, 2, 3])])
    const failures = events.filter((failure) => failure.kind === 'failure')
    expect(failures).toHaveLength(3)
    for (const { frame, reason } of failures) {
      const sent =
        reason === 'frame-malformed'
          ? new Uint8Array([1, 2, 3])
          : frames.find(({ length }) => length === frame?.length)
      expect(frame, reason).toEqual({ bytes: sent!.slice(0, 8192), length: sent!.length })
      expect(frame!.bytes.buffer.byteLength).toBeLessThanOrEqual(8192)
    }
  })

  it('delivers only wanted collections, verifies and stores all', async () => {
    const world = createWorld('filter')
    const account = world.createAccount()
    const { frames, add } = stream()
    const write = (collection: `${string}.${string}.${string}`, rkey: string) =>
      ({ action: 'create', collection, rkey, record: { a: 1 } }) as const
    add(
      '#commit',
      world.event(
        await world.commit(account, [write('app.bsky.feed.post', 'a'), write('com.example.x', 'a')]),
      ),
    )
    add('#commit', world.event(await world.commit(account, [write('com.example.x', 'b')])))
    add('#commit', world.event(await world.commit(account, [write('app.bsky.graph.follow', 'c')])))
    const collections = ['app.bsky.feed.post', 'app.bsky.graph.*']
    const { lines, state } = await run(world, frames, { collections })
    expect(lines()).toEqual(['commit create:app.bsky.feed.post/a', 'commit create:app.bsky.graph.follow/c'])
    expect(state.repos.get(account.did)?.rev).toBe(account.head!.rev)
    expect(() => start(world, [], { collections: ['post'] })).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    )
  })

  it('an account that is stuck does not hold up the others, and what waits for it is bounded', async () => {
    const world = createWorld('stuck')
    const frames = await commits(world, 3, 20)
    const [stuck] = world.accounts.keys()
    const release = Promise.withResolvers<void>()
    const resolve = worldResolver(world)
    const size = frames[0]!.length
    const running = start(world, [], {
      sources: [fromFrames(frames, { stay: true })],
      maxLaneBytes: size * 6,
      // Not even the only place is taken by one that waits for the network.
      concurrency: 1,
      resolveKey: async (did, options) => {
        if (did === stuck) await release.promise
        return resolve(did, options)
      },
    })
    const others = (): number =>
      running.events.filter((event) => event.kind === 'commit' && event.did !== stuck).length
    await expect.poll(others, { timeout: 8000 }).toBe(40)
    expect(running.events.filter((event) => 'did' in event && event.did === stuck)).toEqual([])
    // Its first event holds the cursor.
    expect(running.consumer.stats().sources[0]?.cursor).toBe(0)
    release.resolve()
    await expect.poll(() => running.consumer.stats().sources[0]?.cursor, { timeout: 8000 }).toBe(60)
    const { reasons, queuedBytes } = running.consumer.stats()
    expect(reasons['queue-full']).toBeGreaterThan(0)
    expect(queuedBytes).toBe(0)
    await running.consumer.close()
  })

  it('a file is read more slowly when an account has more than it may have waiting, and loses nothing', async () => {
    const world = createWorld('busy')
    const frames = await commits(world, 1, 40)
    const { events, consumer } = await run(world, [], {
      maxLaneBytes: frames[0]!.length * 2,
      sources: [fromFrames(frames, { patient: true })],
    })
    expect(events.map(({ seq }) => seq)).toEqual(frames.map((_, i) => i + 1))
    expect(consumer.stats().reasons).toEqual({})
  })

  it('pauses reading while too many bytes wait', async () => {
    const world = createWorld('pressure')
    const frames = await commits(world, 10, 3)
    let taken = 0
    function* counted(): Generator<Uint8Array> {
      for (const frame of frames) {
        taken++
        yield frame
      }
    }
    const release = Promise.withResolvers<void>()
    const resolve = worldResolver(world)
    const running = start(world, [], {
      sources: [fromFrames(counted(), { patient: true })],
      maxQueuedBytes: frames[0]!.length * 4,
      resolveKey: async (did, options) => {
        await release.promise
        return resolve(did, options)
      },
    })
    await new Promise((done) => setTimeout(done, 20))
    expect(taken).toBeLessThan(8)
    release.resolve()
    await running.consumer.done
    expect(running.events).toHaveLength(30)
  })

  it('stops when asked: what runs is finished and stored, what waits is left for the next time', async () => {
    const world = createWorld('stop')
    const frames = await commits(world, 2, 10)
    const state = createMemoryState()
    const first = start(world, [], { state, sources: [fromFrames(frames.slice(0, 12), { stay: true })] })
    await expect.poll(() => first.events.length, { timeout: 8000 }).toBe(12)
    await first.consumer.close()
    expect(state.cursors.get('test')).toEqual({
      source: 'test',
      seq: 12,
      high: 12,
      numbering: 0,
      gapAt: expect.any(Number),
    })
    const abort = new AbortController()
    const second = start(world, frames, { state, signal: abort.signal })
    await second.consumer.done
    expect(second.events.map(({ seq }) => seq)).toEqual([13, 14, 15, 16, 17, 18, 19, 20])
    abort.abort()
    const third = start(world, frames, { signal: AbortSignal.abort() })
    await third.consumer.done
    expect(third.events).toEqual([])
    expect(third.state.cursors.size).toBe(0)
  })

  it('the cursor passes what leaves nothing to store, also while the source is quiet', async () => {
    const world = createWorld('quiet')
    const account = world.createAccount()
    const { frames, add } = stream()
    const body = world.event(await world.commit(account, [create('a')]))
    for (let i = 0; i < 3; i++) add('#commit', body)
    const running = start(world, [], { sources: [fromFrames(frames, { stay: true })] })
    await expect.poll(() => running.state.cursors.get('test')?.seq, { timeout: 8000 }).toBe(3)
    expect(running.ignored.map(({ reason, seq }) => [reason, seq])).toEqual([
      ['duplicate', 2],
      ['duplicate', 3],
    ])
    await running.consumer.close()
  })

  it('what cannot be read of an account is told each time, and holds up no cursor', async () => {
    const world = createWorld('again')
    const account = world.createAccount()
    const { frames, add } = stream()
    const body = world.event(await world.commit(account, [create('a')]))
    for (let i = 0; i < 2; i++) add('#commit', { ...body, since: 'bad' })
    const state = createMemoryState()
    async function* oneByOne(): AsyncGenerator<Uint8Array> {
      yield frames[0]!
      await expect.poll(() => state.cursors.get('test')?.seq, { timeout: 8000 }).toBe(1)
      yield frames[1]!
    }
    const running = start(world, [], { state, sources: [fromFrames(oneByOne(), { stay: true })] })
    await expect.poll(() => state.cursors.get('test')?.seq, { timeout: 8000 }).toBe(2)
    await running.consumer.close()
    expect(running.events.map((event) => (event.kind === 'failure' ? event.seq : event.kind))).toEqual([1, 2])
  })

  it('tells when any of its sources last lost events', async () => {
    const state = createMemoryState()
    const gaps = { a: 1000, b: 3000, c: 2000, d: null }
    for (const [source, gapAt] of Object.entries(gaps)) {
      await state.save({ cursor: { source, seq: 1, high: 1, numbering: 0, gapAt } })
    }
    const sources = Object.keys(gaps).map((id) => fromFrames([], { id, stay: true }))
    const { consumer } = start(createWorld('gaps'), [], { state, sources })
    await expect.poll(() => consumer.stats().sources.every(({ connected }) => connected)).toBe(true)
    expect([null, 'a', 'b', 'c', 'd'].map((source) => consumer.gapAt(source))).toEqual([
      3000,
      1000,
      3000,
      2000,
      null,
    ])
    await consumer.close()
  })

  it('asks for those that no list confirmed since their source lost events, and for no others', async () => {
    const world = createWorld('rest')
    const state = createMemoryState()
    const confirmed: Record<string, number | null> = {}
    for (const confirmedAt of [1999, 2001, null]) {
      const account = world.createAccount()
      await world.commit(account, [create('a')])
      const { rev, data } = account.head!
      const known = {
        rev,
        data,
        status: 'synchronized',
        reason: null,
        confirmedAt,
        lastSource: 'test',
      } as const
      await state.save({ repo: { ...newRepo(account.did), ...known } })
      confirmed[account.did] = confirmedAt
    }
    await state.save({ cursor: { source: 'test', seq: 1, high: 1, numbering: 0, gapAt: 2000 } })
    const asked: (number | null)[] = []
    const { consumer } = start(world, [], {
      state,
      sources: [fromFrames([], { stay: true })],
      // oxlint-disable-next-line require-yield -- none is read
      async *resync({ did }) {
        expect.unreachable(`read; did=${did}`)
      },
      latestRev: ({ did }) => {
        asked.push(confirmed[did]!)
        return Promise.resolve(world.accounts.get(did)!.head!.rev)
      },
    })
    await expect.poll(() => consumer.stats().sources[0]?.connected).toBe(true)
    expect(asked).toEqual([])
    await consumer.confirmRest()
    const statuses = (): string[] => [...state.repos.values()].map(({ status }) => status)
    await expect.poll(statuses).toEqual(['synchronized', 'synchronized', 'synchronized'])
    await consumer.close()
    expect(new Set(asked)).toEqual(new Set([1999, null]))
  })

  it('a store that fails ends it with the reason; nothing is acknowledged', async () => {
    const world = createWorld('broken store')
    const frames = await commits(world, 1, 2)
    const state = createMemoryState()
    const broken = {
      ...state,
      save: async () => {
        throw new Error('disk is full')
      },
    }
    const { consumer } = start(world, frames, { state: broken })
    await expect(consumer.done).rejects.toMatchObject({ name: 'FirehoseError', code: 'state-failed' })
    expect(state.cursors.size).toBe(0)
  })

  it('a store that fails for one event takes none after it: the next start has them all', async () => {
    const world = createWorld('store fails once')
    const frames = await commits(world, 1, 4)
    const state = createMemoryState()
    let saves = 0
    const broken: typeof state = {
      ...state,
      save: (...args) => {
        if (++saves === 2) throw new Error('disk is full')
        return state.save(...args)
      },
    }
    const first = start(world, frames, { state: broken })
    await expect(first.consumer.done).rejects.toMatchObject({ code: 'state-failed' })
    expect(first.events.map(({ seq }) => seq)).toEqual([1])
    const second = await run(world, frames, { state })
    expect(second.events.map(({ seq }) => seq)).toEqual([2, 3, 4])
    expect(second.lines().join()).not.toContain('gap')
  })

  it('a newer rev with a seq that may have been finished is not taken for a repetition', async () => {
    const world = createWorld('newer, below')
    const account = world.createAccount()
    const commit = async (key: string, seq: number): Promise<Uint8Array> =>
      frameOf('#commit', world.event(await world.commit(account, [create(key)])), seq)
    const { state } = await run(world, [await commit('a', 10)])
    // Up to 4 all is finished, and up to 10 something.
    await state.save({ cursor: { source: 'test', seq: 4, high: 10, numbering: 0, gapAt: null } })
    const { lines, ignored } = await run(world, [await commit('b', 5)], { state })
    expect(lines()).toEqual(['commit create:app.bsky.feed.post/b'])
    expect(ignored).toEqual([])
  })

  it('a source that fails ends it with the reason', async () => {
    const world = createWorld('broken source')
    // oxlint-disable-next-line require-yield
    async function* failing(): AsyncGenerator<Uint8Array> {
      throw new Error('no such file')
    }
    const { consumer } = start(world, failing())
    await expect(consumer.done).rejects.toMatchObject({ code: 'source-failed' })
  })

  it('two sources of the same accounts: each event counts once', async () => {
    const world = createWorld('two')
    const frames = await commits(world, 3, 5)
    const { events, ignored } = await run(world, [], {
      sources: [fromFrames(frames, { id: 'one' }), fromFrames(frames, { id: 'two' })],
    })
    expect(events).toHaveLength(15)
    expect(ignored.map(({ reason }) => reason)).toEqual(Array.from({ length: 15 }, () => 'duplicate'))
    const twice = { sources: [fromFrames([]), fromFrames([])] }
    expect(() => start(world, [], twice)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })

  it('legacy commits: as the policy says', async () => {
    const world = createWorld('legacy')
    const account = world.createAccount()
    await world.commit(account, [create('a')])
    const { prevData: _, ...body } = world.event(await world.commit(account, [create('b')]))
    const frame = frameOf('#commit', body, 1)
    const flagged = await run(world, [frame], { policy: { legacy: 'accept-flagged' } })
    expect(flagged.lines()).toEqual(['commit create:app.bsky.feed.post/b [legacy,first-sighting]'])
    for (const [legacy, status] of [
      ['reject', 'suspect'],
      ['resync', 'desynchronized'],
    ] as const) {
      const { lines, state } = await run(world, [frame], { policy: { legacy } })
      expect(lines()).toEqual(['failure legacy-commit'])
      expect(state.repos.get(account.did)?.status).toBe(status)
    }
  })
})

describe('sources over a socket', () => {
  it('a cursor ahead of the server: told, then live with the new numbers', async () => {
    const world = createWorld('ahead')
    const server = await serveStream(world, { newest: () => 3 })
    const account = world.createAccount()
    const state = createMemoryState()
    await state.save({
      cursor: { source: 'relay', seq: 900, high: 900, numbering: 0, gapAt: expect.any(Number) },
    })
    const events: VerifiedEvent[] = []
    const reasons: string[] = []
    const consumer = consume({
      sources: [relaySource({ url: server.service, id: 'relay', backoff: { minMs: 1, maxMs: 5 } })],
      resolveKey: worldResolver(world),
      state,
      onEvent: (event) => void events.push(event),
      onIgnored: ({ reason }) => void reasons.push(reason),
    })
    await server.connected()
    const body = world.event(await world.commit(account, [create('a')]))
    server.send({ seq: 4, frame: frameOf('#commit', body, 4) })
    await expect.poll(() => state.cursors.get('relay')?.seq, { timeout: 8000 }).toBe(4)
    await consumer.close()
    await server.close()
    expect(events.map(({ kind }) => kind)).toEqual(['commit'])
    expect(reasons).toEqual(['cursor-reset'])
  })

  it('a message that no event can be is told and passed over; what was there beside it counts as lost', async () => {
    const world = createWorld('too large')
    const account = world.createAccount()
    const server = await serveStream(world)
    const commit = async (key: string, seq: number): Promise<void> =>
      server.send({
        seq,
        frame: frameOf('#commit', world.event(await world.commit(account, [create(key)])), seq),
      })
    await commit('a', 1)
    // Numbers are skipped before it, so that it is not the next one.
    server.send({ seq: 3, frame: new Uint8Array(17 * 1024 * 1024) })
    await commit('b', 4)
    const state = createMemoryState()
    const events: VerifiedEvent[] = []
    const before = Date.now()
    const backoff = { minMs: 1, maxMs: 5 }
    const consumer = consume({
      sources: [relaySource({ url: server.service, id: 'relay', start: 'oldest', backoff })],
      resolveKey: worldResolver(world),
      state,
      onEvent: (event) => void events.push(event),
    })
    await expect.poll(() => state.cursors.get('relay')?.seq, { timeout: 8000 }).toBe(4)
    const lostAt = consumer.gapAt('relay')
    await consumer.close()
    await server.close()
    const [first, ...rest] = events.map((event) =>
      event.kind === 'failure' ? `${event.reason} seq=${event.seq}` : `${event.kind} seq=${event.seq}`,
    )
    expect(first).toBe('commit seq=1')
    expect(rest.at(-1)).toBe('commit seq=4')
    expect(new Set(rest.slice(0, -1))).toEqual(new Set(['frame-too-big seq=null']))
    expect(lostAt).toBeGreaterThanOrEqual(before)
    expect(state.cursors.get('relay')).toMatchObject({ numbering: 0, gapAt: lostAt })
  })

  it('joined in the middle, what was before the connection is not known', async () => {
    let clock = 1000
    const gaps: (number | null)[] = []
    const source: Source = {
      ...fromFrames([]),
      // oxlint-disable-next-line require-yield
      async *frames({ cursor, report }) {
        cursor()
        gaps.push(consumer.gapAt('test'))
        clock = 2000
        report({ type: 'connected' })
        gaps.push(consumer.gapAt('test'))
      },
    }
    const { consumer } = start(createWorld('joined'), [], { sources: [source], now: () => clock })
    await consumer.done
    expect(gaps).toEqual([1000, 2000])
  })

  it('what is lost with it is known once the stream goes on: what was confirmed before that is not confirmed', async () => {
    const world = createWorld('too large, then later')
    let clock = 1000
    const [frame] = await commits(world, 1, 1)
    const gaps: (number | null)[] = []
    const source: Source = {
      ...fromFrames([]),
      async *frames({ cursor, report }) {
        for (const what of ['too-large', 'connected', 'frame', 'connected'] as const) {
          clock += 1000
          if (what === 'connected') cursor()
          if (what === 'frame') yield frame!
          else report(what === 'connected' ? { type: what } : { type: what, message: 'large' })
          gaps.push(consumer.gapAt('test'))
        }
      },
    }
    const cursor = { source: 'test', seq: 1, high: 1, numbering: 0, gapAt: null }
    const state = createMemoryState()
    await state.save({ cursor })
    const { consumer, lines } = start(world, [], { sources: [source], state, now: () => clock })
    await consumer.done
    expect(gaps).toEqual([2000, 3000, 3000, 3000])
    expect(lines()[0]).toBe('failure frame-too-big')
  })

  it('one that is the newest is passed over too, and the numbers stay', async () => {
    const world = createWorld('too large at the end')
    const account = world.createAccount()
    let newest = 4
    const server = await serveStream(world, { newest: () => newest })
    server.send({ seq: 4, frame: new Uint8Array(17 * 1024 * 1024) })
    const state = createMemoryState()
    const cursor = { source: 'relay', seq: 1, high: 1, numbering: 0, gapAt: null }
    await state.save({ cursor })
    const events: VerifiedEvent[] = []
    const ignored: string[] = []
    const consumer = consume({
      sources: [relaySource({ url: server.service, id: 'relay', backoff: { minMs: 1, maxMs: 5 } })],
      resolveKey: worldResolver(world),
      state,
      onEvent: (event) => void events.push(event),
      onIgnored: ({ reason }) => void ignored.push(reason),
    })
    // At 2 and 3 it comes again, 5 is ahead of the server: now it is there for what comes.
    await expect.poll(() => server.connections, { timeout: 8000 }).toBeGreaterThanOrEqual(5)
    await expect.poll(() => consumer.stats().sources[0]!.connected, { timeout: 8000 }).toBe(true)
    newest = 5
    const body = world.event(await world.commit(account, [create('a')]))
    server.send({ seq: 5, frame: frameOf('#commit', body, 5) })
    await expect.poll(() => state.cursors.get('relay')?.seq, { timeout: 8000 }).toBe(5)
    await consumer.close()
    await server.close()
    expect(events.at(-1)).toMatchObject({ kind: 'commit', seq: 5 })
    expect(ignored).toEqual([])
    expect(state.cursors.get('relay')).toMatchObject({ numbering: 0, gapAt: expect.any(Number) })
  })

  it('knows what a URL is, and what a PDS is called', () => {
    expect(() => relaySource({ url: 'not a url' })).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    )
    expect(() => relaySource({ url: 'ftp://example.com' })).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    )
    expect(pdsSource({ url: 'wss://pds.example.com/' })).toMatchObject({
      id: 'pds.example.com',
      kind: 'pds',
      host: 'wss://pds.example.com',
    })
    expect(relaySource({ url: new URL('https://relay.example.com'), id: 'r' })).toMatchObject({
      id: 'r',
      host: null,
    })
  })
})
