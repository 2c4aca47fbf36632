// Repos read anew: what is fetched, what comes of it, and what happens when it fails.

import { writeCar } from '@avocet/car'
import { formatCid } from '@avocet/data'
import { openDatabase } from '@avocet/sqlite'
import { describe, expect, it } from 'vitest'
import { treeWith } from '../src/conformance/forge.ts'
import { type Account, create, createWorld, frameOf, post, remove, update } from '../src/conformance/world.ts'
import {
  createResync,
  hostStatusFetcher,
  newRepo,
  readCopies,
  repoFetcher,
  type RepoCopy,
  type RepoFetcherOptions,
  type Resync,
  ResyncError,
  type ResyncPart,
  type ResyncRequest,
  type StoredRecord,
  type VerifiedEvent,
} from '../src/index.ts'
import { openState } from '../src/sqlite.ts'
import { run, start } from './consume-run.ts'
import { fromFrames, stream } from './support.ts'

/** The account's whole repo as a CAR, as getRepo gives it. */
function repoCar(account: Account): Uint8Array {
  const { head, commitBytes, records } = account
  const nodes = [...treeWith(account).blocks].map(([cid, bytes]) => ({ cid, bytes }))
  return writeCar([head!.commit], [{ cid: head!.commit, bytes: commitBytes! }, ...nodes, ...records.values()])
}

/** What an app would have stored after these events. */
function stored(events: readonly VerifiedEvent[]): StoredRecord[] {
  const records = new Map<string, StoredRecord>()
  for (const event of events) {
    if (event.kind !== 'commit' && event.kind !== 'resync') continue
    for (const { path, cid } of event.ops) {
      if (cid === null) records.delete(path)
      else records.set(path, { path, cid })
    }
  }
  return [...records.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

const paths = (account: Account): string[] => [...account.records.keys()].toSorted()
const last = async function* (account: Account): AsyncGenerator<ResyncPart> {
  const { rev, data, commit } = account.head!
  yield { rev, data, commit, ops: [], last: true }
}

describe('resync', () => {
  it('finds creates, updates and deletes, in parts', async () => {
    const world = createWorld('diff')
    const account = world.createAccount()
    const { frames, add } = stream()
    const first = ['a', 'b', 'c', 'd'].map((key) => create(key))
    add('#commit', world.event(await world.commit(account, first)))
    // Missed: one changed, one gone, two new.
    await world.commit(account, [update('b', post('changed')), remove('c'), create('e'), create('aa')])
    add('#commit', world.event(await world.commit(account, [create('f')])))
    const running = start(world, frames, {
      resync: createResync({
        fetchRepo: async () => repoCar(account),
        stored: () => stored(running.events),
        maxPartOps: 2,
      }),
    })
    await running.consumer.done
    expect(running.lines().slice(1)).toEqual([
      'failure chain-since',
      'resync create:app.bsky.feed.post/aa update:app.bsky.feed.post/b',
      'resync delete:app.bsky.feed.post/c create:app.bsky.feed.post/e',
      'resync create:app.bsky.feed.post/f last',
    ])
    expect(stored(running.events).map(({ path }) => path)).toEqual(paths(account))
    expect(running.state.repos.get(account.did)).toMatchObject({
      status: 'synchronized',
      rev: account.head!.rev,
    })
  })

  /** A consumer that missed a commit, once its resync has failed. */
  const failed = async (
    name: string,
    parts: Omit<Parameters<typeof createResync>[0], 'fetchRepo'>,
  ): Promise<ReturnType<typeof start>> => {
    const world = createWorld(name)
    const account = world.createAccount()
    const { frames, add } = stream()
    await world.commit(account, [create('old')])
    add('#commit', world.event(await world.commit(account, [create('new')])))
    const running = start(world, [], {
      sources: [fromFrames(frames, { stay: true })],
      resync: createResync({ fetchRepo: async () => repoCar(account), ...parts }),
    })
    await expect.poll(() => running.consumer.stats().resync.failed, { timeout: 8000 }).toBe(1)
    await running.consumer.close()
    return running
  }

  it('checks the signature with the function that it is given', async () => {
    const running = await failed('given', { stored: () => [], verify: () => false })
    expect(running.lines().at(-1)).toBe('failure resync-failed')
  })

  it('says why what the app has could not be read', async () => {
    const running = await failed('away', {
      stored: () => {
        throw new Error('the table is away')
      },
    })
    expect(running.events.at(-1)).toMatchObject({
      reason: 'resync-failed',
      message: 'fetch-failed: the table is away',
    })
  })

  it('fetches the history of a repo first seen in the middle, only of wanted collections', async () => {
    const world = createWorld('first')
    const account = world.createAccount()
    const { frames, add } = stream()
    await world.commit(account, [
      create('old'),
      { action: 'create', collection: 'com.example.other', rkey: 'x', record: { a: 1 } },
    ])
    add('#commit', world.event(await world.commit(account, [create('new')])))
    const wanted = (collection: string): boolean => collection === 'app.bsky.feed.post'
    const running = start(world, frames, {
      collections: ['app.bsky.feed.post'],
      resync: createResync({
        fetchRepo: async () => repoCar(account),
        stored: () => stored(running.events),
        wanted,
      }),
    })
    await running.consumer.done
    expect(running.lines()).toEqual([
      'commit create:app.bsky.feed.post/new [first-sighting]',
      'resync create:app.bsky.feed.post/old last',
    ])
  })

  it('`accept` takes a first sighting as it is', async () => {
    const world = createWorld('accept')
    const account = world.createAccount()
    const { frames, add } = stream()
    await world.commit(account, [create('old')])
    add('#commit', world.event(await world.commit(account, [create('new')])))
    add('#commit', world.event(await world.commit(account, [create('newer')])))
    const { lines } = await run(world, frames, { firstSighting: 'accept', resync: () => last(account) })
    expect(lines()).toEqual([
      'commit create:app.bsky.feed.post/new [first-sighting]',
      'commit create:app.bsky.feed.post/newer',
    ])
  })

  it('refuses a copy that is older, forged, or cut off, and tries again', async () => {
    const world = createWorld('bad copies')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    const good = repoCar(account)
    add('#commit', world.event(await world.commit(account, [create('b')])))
    const old = good
    await world.commit(account, [create('missed')])
    add('#commit', world.event(await world.commit(account, [create('c')])))
    const right = repoCar(account)
    const forged = right.slice()
    forged[forged.length - 1]! ^= 1
    const copies = [old, forged, right.slice(0, -5), right]
    let tries = 0
    const running = start(world, [], {
      sources: [fromFrames(frames, { stay: true })],
      resyncPolicy: { pollMs: 1, intervalMs: 0, backoffMs: 1 },
      resync: createResync({
        fetchRepo: async () => copies[tries++]!,
        stored: () => stored(running.events),
      }),
    })
    await expect.poll(() => running.consumer.stats().resync.finished, { timeout: 8000 }).toBe(1)
    await running.consumer.close()
    expect(running.lines().filter((line) => line.startsWith('failure'))).toEqual([
      'failure chain-since',
      'failure resync-rev-regression',
      'failure resync-failed',
      'failure resync-failed',
    ])
    expect(stored(running.events).map(({ path }) => path)).toEqual(paths(account))
    expect(running.consumer.stats().resync).toMatchObject({ started: 4, failed: 3, finished: 1 })
  })

  it('until it is tried again, a commit only says how new the copy has to be', async () => {
    const world = createWorld('waiting')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    await world.commit(account, [create('missed')])
    for (const key of ['b', 'c', 'd']) add('#commit', world.event(await world.commit(account, [create(key)])))
    const failedOnce = Promise.withResolvers<void>()
    const slowly = async function* (): AsyncGenerator<Uint8Array> {
      yield* frames.slice(0, 2)
      await failedOnce.promise
      yield* frames.slice(2)
    }
    let tries = 0
    const running = start(world, [], {
      sources: [fromFrames(slowly(), { stay: true })],
      async *resync() {
        if (tries++ === 0) throw new ResyncError('fetch-failed', 'down', { retryAfterMs: 3_600_000 })
        yield* last(account)
      },
    })
    await expect.poll(() => running.consumer.stats().resync.failed, { timeout: 8000 }).toBe(1)
    failedOnce.resolve()
    await expect.poll(() => running.ignored.length, { timeout: 8000 }).toBe(2)
    expect(running.ignored.map(({ reason, seq }) => [reason, seq])).toEqual([
      ['desynchronized', 3],
      ['desynchronized', 4],
    ])
    await running.consumer.close()
    expect(running.consumer.stats().reasons).toMatchObject({ 'chain-since': 1, desynchronized: 2 })
    expect(running.state.repos.get(account.did)).toMatchObject({
      status: 'desynchronized',
      claimed: account.head!.rev,
    })
  })

  it.each(['old', 'html', 'cut off'] as const)(
    'a mirror that is %s: the next host is asked',
    async (what) => {
      const world = createWorld('mirror')
      const account = world.createAccount()
      const { frames, add } = stream()
      add('#commit', world.event(await world.commit(account, [create('a')])))
      const old = repoCar(account)
      await world.commit(account, [create('missed')])
      add('#commit', world.event(await world.commit(account, [create('b')])))
      const right = repoCar(account)
      const mirror = { old, html: new TextEncoder().encode('<html>'), 'cut off': right.slice(0, -9) }[what]
      const asked: string[] = []
      const running = start(world, frames, {
        resync: createResync({
          fetchRepo: repoFetcher({
            upstream: ['https://mirror.example.com'],
            fetch: async (url) => {
              const { host } = new URL(url)
              asked.push(host)
              return new Response((host === 'mirror.example.com' ? mirror : right).slice())
            },
          }),
          stored: () => stored(running.events),
        }),
      })
      await running.consumer.done
      expect(asked).toEqual(['mirror.example.com', 'pds.example.com'])
      expect(stored(running.events).map(({ path }) => path)).toEqual(paths(account))
      expect(running.state.repos.get(account.did)).toMatchObject({
        status: 'synchronized',
        rev: account.head!.rev,
      })
      expect(running.consumer.stats().resync).toMatchObject({ finished: 1, failed: 0 })
    },
  )

  it('a host that gives each block once is asked again for one that stands at two paths', async () => {
    const world = createWorld('once')
    const account = world.createAccount()
    const { frames, add } = stream()
    const large = post('x', 200_000)
    await world.commit(account, [create('a', large), create('b')])
    add('#commit', world.event(await world.commit(account, [create('c', large)])))
    const { head, commitBytes, records } = account
    const nodes = [...treeWith(account).blocks].map(([cid, bytes]) => ({ cid, bytes }))
    const [a, b] = ['a', 'b'].map((key) => records.get(`app.bsky.feed.post/${key}`)!)
    const car = writeCar([head!.commit], [{ cid: head!.commit, bytes: commitBytes! }, ...nodes, a!, b!])
    const asked: string[] = []
    const running = start(world, frames, {
      resync: createResync({
        fetchRepo: repoFetcher({
          fetch: async (url) => {
            const { pathname, searchParams } = new URL(url)
            asked.push(`${pathname.split('.').at(-1)} ${searchParams.get('cids') ?? ''}`.trim())
            return new Response((pathname.endsWith('getBlocks') ? writeCar([], [a!]) : car).slice())
          },
        }),
        stored: () => [],
      }),
    })
    await running.consumer.done
    expect(asked).toEqual(['getRepo', `getBlocks ${formatCid(a!.cid)}`])
    expect(running.lines().at(-1)).toBe(
      'resync create:app.bsky.feed.post/a create:app.bsky.feed.post/b create:app.bsky.feed.post/c last',
    )
  })

  it('an app that cannot store a record does not stop its account for ever', async () => {
    const world = createWorld('poison')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    add('#commit', world.event(await world.commit(account, [create('poison')])))
    add('#commit', world.event(await world.commit(account, [create('c')])))
    const events: VerifiedEvent[] = []
    const { state } = await run(world, frames, {
      onEvent(event) {
        if (event.kind === 'commit' && event.ops.some(({ rkey }) => rkey === 'poison'))
          throw new Error('no room')
        events.push(event)
      },
    })
    expect(events.map((event) => (event.kind === 'failure' ? event.reason : event.kind))).toEqual([
      'commit',
      'app-failed',
      'commit',
    ])
    expect(events[2]).toMatchObject({ flags: ['gap'] })
    expect(state.repos.get(account.did)).toMatchObject({
      flags: ['gap'],
      partialSince: account.head!.rev,
    })
  })

  it('bounds what is queued while it runs, and reads again when there was more', async () => {
    const world = createWorld('overflow')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    await world.commit(account, [create('missed')])
    for (let i = 0; i < 8; i++) add('#commit', world.event(await world.commit(account, [create(`k${i}`)])))
    const sent = Promise.withResolvers<void>()
    async function* play(): AsyncGenerator<Uint8Array> {
      yield* frames.slice(0, 2)
      await expect
        .poll(() => running.state.repos.get(account.did)?.status, { timeout: 8000 })
        .toBe('resyncing')
      yield* frames.slice(2)
      sent.resolve()
      await expect.poll(() => reads, { timeout: 8000 }).toBe(2)
    }
    let reads = 0
    const running = start(world, play(), {
      // As many as three events have: they fit.
      maxResyncQueueBytes: frames.slice(2, 5).reduce((sum, { length }) => sum + length, 0),
      async *resync() {
        reads++
        if (reads === 1) await sent.promise
        await new Promise((resolve) => setTimeout(resolve, 20))
        yield* last(account)
      },
    })
    await running.consumer.done
    const full = running.ignored.filter(({ reason }) => reason === 'queue-full')
    expect(full).toHaveLength(frames.length - 5)
    expect(running.state.repos.get(account.did)).toMatchObject({
      status: 'synchronized',
      rev: account.head!.rev,
    })
  })

  it('killed while the queue was drained: drains the rest without reading the repo again', async () => {
    const world = createWorld('drain')
    const account = world.createAccount()
    const first = await world.commit(account, [create('a')])
    const queued = frameOf('#commit', world.event(await world.commit(account, [create('b')])), 5)
    using db = openDatabase({ path: ':memory:' })
    const state = openState(db)
    await state.save({
      repo: {
        ...newRepo(account.did, 'all'),
        rev: first.rev,
        data: first.data,
        status: 'resyncing',
        phase: 'draining',
        nextTry: 1,
      },
      enqueue: { did: account.did, source: 'test', seq: 5, frame: queued },
    })
    let reads = 0
    const { lines } = await run(world, [], {
      state: state as never,
      // oxlint-disable-next-line require-yield
      async *resync() {
        reads++
      },
    })
    expect(reads).toBe(0)
    expect(lines()).toEqual(['commit create:app.bsky.feed.post/b [queued]'])
    expect(await state.load(account.did)).toMatchObject({ status: 'synchronized', nextTry: null })
    expect(await state.loadQueue(account.did, 1e9)).toEqual([])
  })

  it('reads a repo on request, also one never seen', async () => {
    const world = createWorld('request')
    const account = world.createAccount()
    await world.commit(account, [create('a'), create('b')])
    const running = start(world, [], {
      resync: createResync({ fetchRepo: async () => repoCar(account), stored: () => [] }),
    })
    await running.consumer.requestResync(account.did)
    await running.consumer.done
    expect(running.lines()).toEqual(['resync create:app.bsky.feed.post/a create:app.bsky.feed.post/b last'])
    expect(running.state.repos.get(account.did)?.rev).toBe(account.head!.rev)
  })

  it('many at once, no more than allowed', async () => {
    const world = createWorld('many')
    const { frames, add } = stream()
    for (let i = 0; i < 12; i++) {
      const account = world.createAccount()
      await world.commit(account, [create('a')])
      add('#commit', world.event(await world.commit(account, [create('b')])))
    }
    let active = 0
    let most = 0
    const resync: Resync = async function* ({ did }) {
      most = Math.max(most, ++active)
      await new Promise((resolve) => setTimeout(resolve, 5))
      active--
      yield* last(world.accounts.get(did)!)
    }
    const { consumer } = await run(world, frames, { resync, resyncConcurrency: 3 })
    expect(most).toBe(3)
    expect(consumer.stats().resync.finished).toBe(12)
  })
})

describe('repo fetcher', () => {
  const request: Omit<ResyncRequest, 'identity'> = {
    did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
    repo: newRepo('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'),
    reason: '',
    signal: new AbortController().signal,
  }
  const identity = { key: null, pds: 'https://pds.example.com', handle: null }
  const open = async (options: RepoFetcherOptions, about: Partial<ResyncRequest> = { identity }) => {
    const whole = { ...request, identity: null, ...about }
    for await (const part of readCopies(whole, repoFetcher(options)(whole), pass))
      return part as never as Source
    throw new Error('nothing')
  }
  async function* pass({ car: source }: RepoCopy): AsyncGenerator<ResyncPart> {
    yield { source } as never
  }
  type Source = { source: ReadableStream }
  const answer = (status: number, body: unknown, headers = {}): Response =>
    new Response(JSON.stringify(body), { status, headers })

  it('asks upstream first, then the PDS; only the PDS says that a repo is gone', async () => {
    const asked: string[] = []
    const options: RepoFetcherOptions = {
      upstream: ['https://relay.example.com'],
      fetch: async (url) => {
        asked.push(new URL(url).host)
        return answer(400, { error: 'RepoNotFound' })
      },
    }
    await expect(open(options)).rejects.toMatchObject({ code: 'repo-not-found' })
    expect(asked).toEqual(['relay.example.com', 'pds.example.com'])
    await expect(open(options, {})).rejects.toMatchObject({ code: 'fetch-failed' })
  })

  it('asks no mirror whether the head is the newest', async () => {
    const asked: string[] = []
    const options: RepoFetcherOptions = {
      upstream: ['https://relay.example.com'],
      fetch: async (url) => {
        asked.push(new URL(url).host)
        return answer(500, {})
      },
    }
    const about = { identity, reason: 'source-gap' }
    await expect(open(options, about)).rejects.toMatchObject({ code: 'fetch-failed' })
    expect(asked).toEqual(['pds.example.com'])
  })

  it.each([
    ['RepoTakendown', 'repo-takendown'],
    ['RepoSuspended', 'repo-suspended'],
    ['RepoDeactivated', 'repo-deactivated'],
    ['InternalServerError', 'fetch-failed'],
  ])('%s is %s', async (error, code) => {
    await expect(open({ fetch: async () => answer(400, { error }) })).rejects.toMatchObject({ code })
  })

  it('minds Retry-After, and takes a network failure for what it is', async () => {
    const busy = async (): Promise<Response> =>
      answer(429, { error: 'RateLimitExceeded' }, { 'retry-after': '7' })
    await expect(open({ fetch: busy })).rejects.toMatchObject({
      code: 'fetch-failed',
      retryAfterMs: 7000,
    })
    const down = async (): Promise<Response> => {
      throw new TypeError('refused')
    }
    await expect(open({ fetch: down })).rejects.toMatchObject({ code: 'fetch-failed' })
    expect(new ResyncError('fetch-failed', 'x').retryAfterMs).toBe(null)
  })

  it('asks a busy host for a status again, unless it is not to wait', async () => {
    let asked = 0
    const status = hostStatusFetcher({
      fetch: async () => {
        asked++
        if (asked < 4) throw new ResyncError('host-busy', 'busy', { retryAfterMs: 10 })
        return new Response(JSON.stringify({ did: request.did, active: true }))
      },
    })
    const about = { did: request.did, identity, signal: new AbortController().signal }
    expect(await status(about)).toBe('active')
    expect(asked).toBe(4)
    asked = 0
    await expect(status({ ...about, patient: false })).rejects.toMatchObject({ code: 'host-busy' })
    expect(asked).toBe(1)
    const down = hostStatusFetcher({
      fetch: async () => {
        throw new ResyncError('fetch-failed', 'down')
      },
    })
    await expect(down(about)).rejects.toMatchObject({ code: 'fetch-failed' })
  })

  it('gives the body of a good answer', async () => {
    const { source } = await open({
      fetch: async (url, { headers }) => {
        expect(url).toBe(
          `https://pds.example.com/xrpc/com.atproto.sync.getRepo?did=${encodeURIComponent(request.did)}`,
        )
        expect(headers?.['accept']).toBe('application/vnd.ipld.car')
        return new Response('CAR')
      },
    })
    expect(await new Response(source).text()).toBe('CAR')
  })
})
