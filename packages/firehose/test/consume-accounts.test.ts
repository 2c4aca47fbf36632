// Accounts and identities: statuses, purges, returns, keys that change, hosts that move.

import { describe, expect, it } from 'vitest'
import { type Account, create, createWorld } from '../src/conformance/world.ts'
import {
  type ConsumeOptions,
  type HostStatus,
  type RepoState,
  ResyncError,
  type ResyncPart,
  type VerifiedEvent,
} from '../src/index.ts'
import { run, start } from './consume-run.ts'
import { fromFrames, outline, stream, worldResolver } from './support.ts'

/** What becomes of a status, whoever said it. */
const TRUSTING = { hostStatus: 'trust-relays' } as const

describe('accounts', () => {
  it('ignores the commits of an inactive account, keeps its head, and goes on when it returns', async () => {
    const world = createWorld('inactive')
    const account = world.createAccount()
    const { did } = account
    const { frames, add } = stream()
    const time = world.time()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    add('#account', { did, active: false, status: 'takendown', time })
    add('#commit', world.event(await world.commit(account, [create('b')], { keep: false })))
    add('#account', { did, active: true, time })
    add('#commit', world.event(await world.commit(account, [create('c')])))
    const { lines, ignored, state } = await run(world, frames, TRUSTING)
    expect(lines()).toEqual([
      'commit create:app.bsky.feed.post/a',
      'account takendown',
      'account active',
      'commit create:app.bsky.feed.post/c',
    ])
    expect(ignored.map(({ reason }) => reason)).toEqual(['account-inactive'])
    expect(state.repos.get(did)?.upstreamStatus).toBe('active')
  })

  it('purges a deleted account, and starts anew when it comes back', async () => {
    const world = createWorld('deleted')
    const account = world.createAccount()
    const { did } = account
    const { frames, add } = stream()
    const time = world.time()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    add('#account', { did, active: false, status: 'deleted', time })
    const { state } = await run(world, frames, TRUSTING)
    expect(state.repos.get(did)).toMatchObject({ rev: null, data: null, upstreamStatus: 'deleted' })
    add('#account', { did, active: true, time })
    add('#commit', world.event(await world.commit(account, [create('b')])))
    const again = await run(world, frames.slice(2), { ...TRUSTING, state })
    expect(again.lines()).toEqual(['account active', 'commit create:app.bsky.feed.post/b [first-sighting]'])
  })

  it('after a return with resync, a #sync that says nothing changed spares the fetch', async () => {
    const world = createWorld('returning')
    const account = world.createAccount()
    const { did } = account
    const { frames, add } = stream()
    const time = world.time()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    add('#account', { did, active: false, status: 'deactivated', time })
    add('#account', { did, active: true, time })
    add('#sync', world.syncEvent(account))
    add('#commit', world.event(await world.commit(account, [create('b')])))
    let fetched = 0
    const { lines, state } = await run(world, frames, {
      ...TRUSTING,
      // oxlint-disable-next-line require-yield
      async *resync() {
        fetched++
      },
    })
    expect(fetched).toBe(0)
    expect(lines()).toEqual([
      'commit create:app.bsky.feed.post/a',
      'account deactivated',
      'account active',
      'sync unchanged',
      'commit create:app.bsky.feed.post/b',
    ])
    expect(state.repos.get(did)).toMatchObject({ status: 'synchronized', nextTry: null })
  })

  it('keeps the local status apart from the upstream one', async () => {
    const world = createWorld('local')
    const account = world.createAccount()
    const { did } = account
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    add('#commit', world.event(await world.commit(account, [create('b')])))
    const go = Promise.withResolvers<void>()
    async function* play(): AsyncGenerator<Uint8Array> {
      yield frames[0]!
      await go.promise
      yield frames[1]!
    }
    const { consumer, ignored, state } = start(world, play())
    await expect.poll(() => state.repos.get(did)?.rev, { timeout: 8000 }).toBeTruthy()
    await consumer.setLocalStatus(did, 'takendown')
    go.resolve()
    await consumer.done
    expect(ignored.map(({ reason }) => reason)).toEqual(['account-inactive'])
    expect(state.repos.get(did)).toMatchObject({ localStatus: 'takendown', upstreamStatus: 'active' })
  })
})

describe('a status that no event told', () => {
  /** A host that says one thing after the other, and the last one for ever. */
  const saying = (...words: string[]): HostStatus => {
    return async () => (words.length > 1 ? words.shift()! : words[0]!)
  }
  const copy = async function* (account: Account): AsyncGenerator<ResyncPart> {
    const { rev, data, commit } = account.head!
    yield { rev, data, commit, ops: [], last: true }
  }
  // oxlint-disable-next-line require-yield
  const refused = async function* (): AsyncGenerator<ResyncPart> {
    throw new ResyncError('repo-deactivated', 'not active')
  }
  /** A commit, then these statuses; the app refuses the last of them. */
  const refusing = async (
    statuses: readonly string[],
    options: (account: Account) => Partial<ConsumeOptions<void>>,
  ) => {
    const world = createWorld(statuses.join(' '))
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    for (const status of statuses) {
      const active = status === 'active'
      add('#account', { did: account.did, active, ...(active ? {} : { status }), time: world.time() })
    }
    const events: VerifiedEvent[] = []
    const { state } = await run(world, frames, {
      onEvent(event) {
        if (event.kind === 'account' && event.seq === statuses.length + 1) throw new Error('no room')
        events.push(event)
      },
      resyncPolicy: { pollMs: 5, intervalMs: 0, reactivationMs: 0 },
      ...options(account),
    })
    const told = events.flatMap((event) =>
      event.kind === 'account'
        ? [event.status ?? 'active']
        : event.kind === 'failure'
          ? [event.reason as string]
          : [],
    )
    return { told, repo: state.repos.get(account.did)! }
  }

  it('a return that the app refused is asked of the host, and told again', async () => {
    const { told, repo } = await refusing(['deactivated', 'active'], (account) => ({
      resync: () => copy(account),
      hostStatus: saying('deactivated', 'active'),
    }))
    expect(told).toEqual(['deactivated', 'app-failed', 'active'])
    expect(repo).toMatchObject({ status: 'synchronized', upstreamStatus: 'active', claimed: null })
  })

  it('so is a deactivation', async () => {
    const { told, repo } = await refusing(['deactivated'], () => ({
      resync: refused,
      hostStatus: async () => 'deactivated',
    }))
    expect(told).toEqual(['app-failed', 'deactivated'])
    expect(repo).toMatchObject({ upstreamStatus: 'deactivated', hearsay: null, nextTry: null })
  })

  it('a host that says what is known is believed, and nothing told', async () => {
    const { told, repo } = await refusing(['deactivated', 'active'], () => ({
      resync: refused,
      hostStatus: saying('deactivated', 'active', 'deactivated'),
    }))
    expect(told).toEqual(['deactivated', 'app-failed'])
    expect(repo).toMatchObject({ upstreamStatus: 'deactivated', hearsay: null, nextTry: null })
  })

  /** The app refuses a commit, and then the host refuses the repo. */
  const refusingRepo = async (hostStatus: HostStatus, resync: () => AsyncGenerator<ResyncPart> = refused) => {
    const world = createWorld('refused')
    const account = world.createAccount()
    const { frames, add } = stream()
    for (const rkey of ['a', 'b']) add('#commit', world.event(await world.commit(account, [create(rkey)])))
    const told: string[] = []
    const { state } = await run(world, frames, {
      onEvent(event) {
        if (event.kind === 'commit' && event.seq === 2) throw new Error('no room')
        if (event.kind === 'account') told.push(event.status ?? 'active')
        if (event.kind === 'failure') told.push(event.reason)
      },
      resyncPolicy: { pollMs: 5, intervalMs: 0 },
      resync,
      hostStatus,
    })
    return { told, repo: state.repos.get(account.did)! }
  }

  it('is told as soon as the host refuses the repo', async () => {
    const { told, repo } = await refusingRepo(async () => 'deactivated')
    expect(told).toEqual(['app-failed', 'resync-terminal', 'deactivated'])
    expect(repo).toMatchObject({ status: 'terminal', upstreamStatus: 'deactivated', hearsay: null })
  })

  it('is not, when the host refuses the repo and says that nothing changed', async () => {
    const { told, repo } = await refusingRepo(async () => 'active')
    expect(told).toEqual(['app-failed', 'resync-terminal'])
    expect(repo).toMatchObject({ status: 'terminal', upstreamStatus: 'active', hearsay: null })
  })

  // oxlint-disable-next-line require-yield
  const notFound = async function* (): AsyncGenerator<ResyncPart> {
    throw new ResyncError('repo-not-found', 'no such repo')
  }

  it('a host that knows neither the repo nor the account has deleted it, though no event told', async () => {
    const { told, repo } = await refusingRepo(async () => null, notFound)
    expect(told).toEqual(['app-failed', 'resync-terminal', 'deleted'])
    expect(repo).toMatchObject({ status: 'synchronized', upstreamStatus: 'deleted', rev: null })
  })

  it('one that does not find the repo and still has the account has not', async () => {
    const { told, repo } = await refusingRepo(async () => 'active', notFound)
    expect(told).toEqual(['app-failed', 'resync-terminal'])
    expect(repo).toMatchObject({ status: 'terminal', reason: 'repo-not-found', upstreamStatus: 'active' })
  })

  it('one that does not find the repo, and is silent then, is asked whether it is deleted', async () => {
    const { told, repo } = await refusingRepo(async () => {
      throw new Error('down')
    }, notFound)
    expect(told).toEqual(['app-failed', 'resync-terminal'])
    expect(repo).toMatchObject({ upstreamStatus: 'active', hearsay: { status: 'deleted' } })
  })

  it('is asked for again, when the host is silent about that', async () => {
    let asked = 0
    const { told, repo } = await refusingRepo(async () => {
      asked++
      throw new Error('down')
    })
    expect(told).toEqual(['app-failed', 'resync-terminal'])
    expect(repo).toMatchObject({ upstreamStatus: 'active', hearsay: { status: 'active', tries: 0, gone: 0 } })
    expect(asked).toBe(2)
  })

  /** An account that is off, whose host gives its repo when it is asked for by hand. */
  const givenByHand = async (name: string, hostStatus: HostStatus, said: readonly string[] = []) => {
    const world = createWorld(name)
    const account = world.createAccount()
    const { did } = account
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    for (const status of ['deactivated', ...said]) {
      add('#account', { did, active: false, status, time: world.time() })
    }
    const running = start(world, [], {
      sources: [fromFrames(frames, { stay: true })],
      onEvent(event) {
        if (event.kind === 'account' && event.active) throw new Error('no room')
      },
      resync: () => copy(account),
      resyncPolicy: { pollMs: 5, intervalMs: 0, reactivationMs: 0, backoffMs: 60_000 },
      hostStatus,
    })
    const repo = (): RepoState | undefined => running.state.repos.get(did)
    await expect.poll(() => repo()?.upstreamStatus).toBe('deactivated')
    for (const status of said) await expect.poll(() => repo()?.hearsay?.status).toBe(status)
    await running.consumer.requestResync(did)
    return { consumer: running.consumer, repo }
  }
  /** A host that says that it is off, and later this. */
  const later = (answer: () => Promise<string>): HostStatus & { asked: number } => {
    const host = Object.assign(async () => (++host.asked === 1 ? 'deactivated' : answer()), { asked: 0 })
    return host
  }

  it('a silent host is asked about it again, and not at once', async () => {
    const host = later(async () => {
      throw new Error('down')
    })
    const { consumer, repo } = await givenByHand('silent', host)
    await expect.poll(() => repo()?.hearsay).toMatchObject({ status: 'active', tries: 0 })
    expect(repo()!.hearsay!.askAt).toBeGreaterThan(Date.now() + 20_000)
    await consumer.close()
  })

  it('what the app refuses is asked about again at once', async () => {
    const host = later(async () => 'active')
    const { consumer, repo } = await givenByHand('refused', host)
    await expect.poll(() => host.asked).toBeGreaterThan(2)
    expect(repo()).toMatchObject({ upstreamStatus: 'deactivated', hearsay: { status: 'active' } })
    await consumer.close()
  })

  it('a host that knows nothing of it any more agrees with who said that it is deleted', async () => {
    let asked = 0
    const host: HostStatus = async () => {
      if (++asked === 2) throw new Error('down')
      return asked === 1 ? 'deactivated' : null
    }
    const { consumer, repo } = await givenByHand('deleted meanwhile', host, ['deleted'])
    await expect.poll(() => repo()?.upstreamStatus).toBe('deleted')
    expect(repo()).toMatchObject({ rev: null, hearsay: null })
    await consumer.close()
  })

  it('where no host can be asked the repo is not said to be whole', async () => {
    const { told, repo } = await refusing(['deactivated', 'active'], (account) => ({
      ...TRUSTING,
      resync: () => copy(account),
    }))
    expect(told).toEqual(['deactivated', 'app-failed'])
    expect(repo).toMatchObject({
      status: 'suspect',
      reason: 'account-inactive',
      upstreamStatus: 'deactivated',
      nextTry: null,
    })
  })
})

describe('identities', () => {
  it('refreshes a key that does not fit once, and no more often than allowed', async () => {
    const world = createWorld('limited')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    const stranger = world.createAccount().keypair
    for (let i = 0; i < 5; i++) {
      add(
        '#commit',
        world.event(await world.commit(account, [create('b')], { signer: stranger, keep: false })),
      )
    }
    const resolveKey = worldResolver(world)
    const { lines } = await run(world, frames, { resolveKey, identity: { refreshMs: 60_000 } })
    expect(lines().slice(1)).toEqual(Array.from({ length: 5 }, () => 'failure signature-invalid'))
    expect(resolveKey.calls.map(({ forced }) => forced)).toEqual([false, true])
  })

  it('tries a failing resolution again, then gives the event up and doubts the repo', async () => {
    const world = createWorld('unresolved')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    let calls = 0
    const flaky = worldResolver(world)
    const { lines } = await run(world, frames, {
      identity: { retryMs: [1, 1] },
      resolveKey: (did, options) => {
        if (++calls < 3) throw new Error('directory is down')
        return flaky(did, options)
      },
    })
    expect(lines()).toEqual(['commit create:app.bsky.feed.post/a'])
    // Of a repo that is known it says that something was refused; of one that is not there is nothing to say.
    const { state } = await run(world, frames)
    add('#commit', world.event(await world.commit(account, [create('b')])))
    const down = await run(world, frames.slice(1), {
      state,
      identity: { retryMs: [1] },
      resolveKey: async () => {
        throw new Error('directory is down')
      },
    })
    expect(down.lines()).toEqual(['failure identity-unresolved'])
    expect(state.repos.get(account.did)).toMatchObject({
      status: 'suspect',
      reason: 'identity-unresolved',
      claimed: account.head!.rev,
    })
    const never = await run(world, frames, {
      identity: { retryMs: [] },
      resolveKey: async () => {
        throw new Error('directory is down')
      },
    })
    expect(never.state.repos.size).toBe(0)
  })

  it('an #identity is answered by the directory, never by the cache', async () => {
    const world = createWorld('identity')
    const account = world.createAccount()
    const { did } = account
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    add('#identity', { did, handle: 'liar.example.com', time: world.time() })
    const resolveKey = worldResolver(world)
    const { events } = await run(world, frames, { resolveKey })
    expect(events[1]).toMatchObject({ kind: 'identity', handle: account.handle })
    expect(resolveKey.calls.map(({ forced }) => forced)).toEqual([false, true])
  })

  it('a PDS speaks only for its accounts, also about their status', async () => {
    const world = createWorld('hosts')
    const mine = world.createAccount({ pds: 'https://pds.example.com' })
    const foreign = world.createAccount({ pds: 'https://other.example.com' })
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(mine, [create('a')])))
    add('#commit', world.event(await world.commit(foreign, [create('a')])))
    add('#account', { did: foreign.did, active: false, status: 'deleted', time: world.time() })
    const { lines } = await run(world, [], {
      sources: [fromFrames(frames, { kind: 'pds', host: 'wss://pds.example.com' })],
    })
    expect(lines()).toEqual([
      'commit create:app.bsky.feed.post/a',
      'failure wrong-host',
      'failure wrong-host',
    ])
  })

  it('a PDS tells of the identities of its own accounts alone; of others nothing is stored', async () => {
    const world = createWorld('foreign identities')
    const mine = world.createAccount({ pds: 'https://pds.example.com' })
    const foreign = world.createAccount({ pds: 'https://other.example.com' })
    const { frames, add } = stream()
    for (const { did } of [foreign, mine, foreign]) add('#identity', { did, time: world.time() })
    const { lines, state } = await run(world, [], {
      sources: [fromFrames(frames, { kind: 'pds', host: 'https://pds.example.com' })],
    })
    expect(lines().toSorted()).toEqual([
      'failure wrong-host',
      'failure wrong-host',
      `identity ${mine.handle}`,
    ])
    expect([...state.repos.keys()]).toEqual([mine.did])
  })

  it('a PDS that speaks of an account of others does not use up the look-up that its new key needs', async () => {
    const world = createWorld('used up')
    const account = world.createAccount({ pds: 'https://pds.example.com' })
    const first = stream()
    first.add('#commit', world.event(await world.commit(account, [create('a')])))
    const forged = world.event(await world.commit(account, [create('b')], { keep: false }))
    const hostile = stream()
    for (let i = 0; i < 5; i++) hostile.add('#commit', forged)
    const known = Promise.withResolvers<void>()
    const told = Promise.withResolvers<void>()
    const relay = async function* (): AsyncGenerator<Uint8Array> {
      yield* first.frames
      await told.promise
      world.rotateKey(account)()
      yield stream(2).add('#commit', world.event(await world.commit(account, [create('c')])))
    }
    const other = async function* (): AsyncGenerator<Uint8Array> {
      await known.promise
      yield* hostile.frames
    }
    const lines: string[] = []
    const running = start(world, [], {
      sources: [
        fromFrames(relay()),
        fromFrames(other(), { id: 'other', kind: 'pds', host: 'https://elsewhere.example.com' }),
      ],
      identity: { refreshMs: 60_000, retryMs: [] },
      onEvent(event) {
        lines.push(outline(event).replace(/^commit \S+ /, 'commit '))
        known.resolve()
        if (lines.length === 6) told.resolve()
      },
    })
    await running.consumer.done
    expect(lines).toEqual([
      'commit create:app.bsky.feed.post/a',
      ...Array(5).fill('failure wrong-host'),
      'commit create:app.bsky.feed.post/c',
    ])
  })

  it('a PDS cannot make the accounts of others be doubted; its own are, and the head that follows clears that', async () => {
    const world = createWorld('foreign faults')
    const mine = world.createAccount({ pds: 'https://pds.example.com' })
    const foreign = world.createAccount({ pds: 'https://other.example.com' })
    const { frames, add } = stream()
    for (const account of [mine, foreign]) {
      add('#commit', world.event(await world.commit(account, [create('a')])))
    }
    const { state } = await run(world, frames)
    for (const account of [mine, foreign]) {
      const commit = await world.commit(account, [create('b')], { keep: false })
      add('#commit', { ...world.event(commit), tooBig: true })
    }
    const sources = (from: number) => [
      fromFrames(frames.slice(from), { kind: 'pds', host: 'https://pds.example.com' }),
    ]
    const { lines } = await run(world, [], { state, sources: sources(2) })
    expect(lines()).toEqual(['failure too-big-flag', 'failure too-big-flag'])
    // Nor one that is well made.
    add('#commit', world.event(await world.commit(foreign, [create('c')], { keep: false })))
    const wellMade = await run(world, [], { state, sources: sources(4) })
    expect(wellMade.lines()).toEqual(['failure wrong-host'])
    expect(state.repos.get(mine.did)).toMatchObject({ status: 'suspect', reason: 'too-big-flag' })
    expect(state.repos.get(foreign.did)).toMatchObject({ status: 'synchronized', reason: null })
    // It was not part of the repo after all.
    add('#commit', world.event(await world.commit(mine, [create('c')])))
    await run(world, [], { state, sources: sources(5) })
    expect(state.repos.get(mine.did)).toMatchObject({ status: 'synchronized', rev: mine.head!.rev })
  })
})
