// What a relay says of an account's status: nothing changes until the account's own host says so.

import type { Did, Tid } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'
import { type Account, create, createWorld, type World } from '../src/conformance/world.ts'
import {
  type ConsumeOptions,
  createMemoryState,
  type HostStatus,
  newRepo,
  ResyncError,
  type RepoState,
} from '../src/index.ts'
import { run, start } from './consume-run.ts'
import { fromFrames, stream, worldResolver } from './support.ts'

const BEGAN = Date.parse('2030-01-01T00:00:00Z')
const REV = '3jzfcijpj2z2a' as Tid

/** An account with a commit, what relays say of it, and a clock that only the test moves. */
async function setUp(name: string, options: Partial<ConsumeOptions<void>> = {}) {
  const world = createWorld(name)
  const account = world.createAccount()
  const { did } = account
  const { frames, add } = stream()
  add('#commit', world.event(await world.commit(account, [create('a')])))
  const clock = { now: BEGAN }
  const state = createMemoryState()
  const repo = (): RepoState => state.repos.get(did)!
  const say = (status: string, of: Did = did): Uint8Array =>
    add('#account', {
      did: of,
      active: status === 'active',
      ...(status === 'active' ? {} : { status }),
      time: world.time(),
    })
  let from = 0
  /** A process that reads what was said since the one before it. */
  const play = (more: Partial<ConsumeOptions<void>> = {}) => {
    const unread = frames.slice(from)
    from = frames.length
    return run(world, unread, {
      state,
      now: () => clock.now,
      random: () => 0.5,
      resyncPolicy: { pollMs: 5, intervalMs: 60_000, backoffMs: 10_000, maxBackoffMs: 40_000 },
      ...options,
      ...more,
    })
  }
  return { world, account, did, add, say, play, clock, state, repo }
}

/** A host that says this, and counts how often it is asked. */
const saying = (answer: string | null | Error): HostStatus & { asked: number } => {
  const host = Object.assign(
    async () => {
      host.asked++
      if (answer instanceof Error) throw answer
      return answer
    },
    { asked: 0 },
  )
  return host
}

const reasonsOf = ({ ignored }: { ignored: readonly { reason: string }[] }): string[] =>
  ignored.map(({ reason }) => reason)

const told = ({ lines }: { lines: () => string[] }): string[] =>
  lines().filter((line) => line.startsWith('account'))

describe('one relay is the only source', () => {
  it.each(['deactivated', 'takendown', 'suspended', 'deleted', 'throttled', 'desynchronized'])(
    'that says %s of an account whose host says active changes nothing',
    async (status) => {
      const { world, account, add, say, play, repo } = await setUp(`lies ${status}`)
      say(status)
      add('#commit', world.event(await world.commit(account, [create('b')])))
      const running = await play({ hostStatus: saying('active') })
      expect(running.lines()).toEqual([
        'commit create:app.bsky.feed.post/a',
        'commit create:app.bsky.feed.post/b',
      ])
      expect(reasonsOf(running)).toEqual(['status-overruled'])
      expect(repo()).toMatchObject({ upstreamStatus: 'active', hearsay: null, rev: account.head!.rev })
    },
  )

  it.each(['active', 'deleted', 'takendown'])(
    'that says %s of an account whose host says deactivated changes nothing, and purges nothing',
    async (status) => {
      const { account, say, play, repo } = await setUp(`lies of the inactive ${status}`)
      say('deactivated')
      await play({ hostStatus: saying('deactivated') })
      say(status)
      const running = await play({ hostStatus: saying('deactivated') })
      expect(running.lines()).toEqual([])
      expect(reasonsOf(running)).toEqual(['status-overruled'])
      expect(repo()).toMatchObject({ upstreamStatus: 'deactivated', rev: account.head!.rev })
    },
  )

  it.each(['deactivated', 'takendown', 'suspended', 'deleted', 'hibernating'])(
    'is followed where the host says %s as well, with its seq',
    async (status) => {
      const { say, play, did, repo } = await setUp(`agrees ${status}`)
      say(status)
      const hostStatus = saying(status)
      const running = await play({ hostStatus })
      expect(running.events.at(-1)).toMatchObject({ kind: 'account', source: 'test', seq: 2, did, status })
      expect(repo()).toMatchObject({ upstreamStatus: status, hearsay: null })
      // Said again it is not asked again; its return is.
      say(status)
      say('active')
      const back = saying('active')
      expect(told(await play({ hostStatus: back }))).toEqual([`account ${status}`, 'account active'])
      expect([hostStatus.asked, back.asked]).toEqual([1, 1])
    },
  )

  it('is followed where the host deletes what it had deactivated', async () => {
    const { say, play, repo } = await setUp('deleted in the end')
    say('deactivated')
    await play({ hostStatus: saying('deactivated') })
    say('deleted')
    expect(told(await play({ hostStatus: saying('deleted') }))).toEqual(['account deleted'])
    expect(repo()).toMatchObject({ upstreamStatus: 'deleted', rev: null })
  })

  it('where both differ from what is known, the word of the host counts: what it suspended is not purged', async () => {
    const { account, say, play, repo } = await setUp('another word')
    say('deleted')
    const running = await play({ hostStatus: saying('suspended') })
    expect(told(running)).toEqual(['account suspended'])
    expect(repo()).toMatchObject({ upstreamStatus: 'suspended', rev: account.head!.rev })
  })

  it('what a host knows nothing of any more is deleted, also if a relay calls it something milder', async () => {
    const { say, play, repo } = await setUp('milder')
    say('deactivated')
    expect(told(await play({ hostStatus: saying(null) }))).toEqual(['account deleted'])
    expect(repo()).toMatchObject({ upstreamStatus: 'deleted', rev: null })
  })

  it('a status without a word stays so, and one that is too long is cut', async () => {
    const { world, did, add, say, play, repo } = await setUp('words')
    add('#account', { did, active: false, time: world.time() })
    const running = await play({ hostStatus: saying('inactive') })
    expect(running.events.at(-1)).toMatchObject({ kind: 'account', active: false, status: null })
    say('x'.repeat(65))
    await play({ hostStatus: saying(new Error('down')) })
    expect(repo().hearsay!.status).toBe('x'.repeat(64))
  })

  it('a host that has no such account agrees that it is gone, once a fresh identity names it; not that it is back', async () => {
    const { world, say, play, repo } = await setUp('no such account')
    const resolveKey = worldResolver(world)
    say('deleted')
    expect(told(await play({ hostStatus: saying(null), resolveKey }))).toEqual(['account deleted'])
    expect(resolveKey.calls.map(({ forced }) => forced)).toEqual([false, true])
    say('active')
    const back = await play({ hostStatus: saying(null) })
    expect([told(back), reasonsOf(back)]).toEqual([[], ['status-overruled']])
    expect(repo().upstreamStatus).toBe('deleted')
    // Where all say that it is active no fresh one is needed.
    say('active')
    resolveKey.calls.length = 0
    expect(told(await play({ hostStatus: saying('active'), resolveKey }))).toEqual(['account active'])
    expect(resolveKey.calls.map(({ forced }) => forced)).toEqual([false])
  })

  it.each(['deactivated', 'active'])(
    'that says %s: a host that the account has left does not speak for it',
    async (status) => {
      const { account, say, play, repo, world } = await setUp(`left ${status}`)
      if (status === 'active') {
        say('deactivated')
        await play({ hostStatus: saying('deactivated') })
      }
      say(status)
      const asked: (string | null)[] = []
      let moved = false
      const resolveKey = worldResolver(world)
      const running = await play({
        resolveKey: async (did, how) => {
          moved ||= how.forceRefresh
          const found = await resolveKey(did, how)
          return found && { ...found, pds: moved ? 'https://new.example.com' : account.pds }
        },
        hostStatus: async ({ identity }) => {
          asked.push(identity.pds)
          return (identity.pds === account.pds) === (status === 'active') ? 'deactivated' : status
        },
      })
      const is = status === 'active' ? ['account active'] : ['account deactivated']
      expect([told(running), repo().upstreamStatus]).toEqual([is, status])
      const fresh = ['https://new.example.com']
      expect(asked).toEqual(status === 'active' ? [account.pds, ...fresh] : fresh)
    },
  )

  it('that says deactivated, as the host that the account has left: the host it has says otherwise', async () => {
    const { account, say, play, world } = await setUp('left behind')
    say('deactivated')
    const resolveKey = worldResolver(world)
    const running = await play({
      resolveKey: async (did, how) => {
        const found = await resolveKey(did, how)
        return found && { ...found, pds: how.forceRefresh ? 'https://new.example.com' : account.pds }
      },
      hostStatus: async ({ identity }) => (identity.pds === account.pds ? 'deactivated' : 'active'),
    })
    expect([told(running), reasonsOf(running)]).toEqual([[], ['status-overruled']])
  })

  it('where that cannot be asked again yet, the question stays open until it can', async () => {
    const { account, say, play, repo, clock, world } = await setUp('left lately')
    const resolveKey = worldResolver(world)
    let pds: string | null = account.pds
    const options = {
      identity: { refreshMs: 60_000, retryMs: [] },
      resolveKey: async (did: Did, how: { forceRefresh: boolean }) => {
        const found = await resolveKey(did, how)
        return found && { ...found, pds }
      },
      // Five words that are asked about, in four of which the identity is asked for anew.
      hostStatus: (async ({ identity }) => (identity.pds === pds ? 'active' : 'deactivated')) as HostStatus,
      resyncPolicy: { pollMs: 5, intervalMs: 0, backoffMs: 10_000 },
    }
    for (let i = 0; i < 5; i++) say('takendown')
    const running = await play({
      ...options,
      hostStatus: async (request) => {
        const answer = await options.hostStatus(request)
        // After the fourth it moves, and nobody tells.
        if (resolveKey.calls.filter(({ forced }) => forced).length === 4) pds = 'https://new.example.com'
        return answer
      },
    })
    expect(reasonsOf(running)).toEqual([...Array(4).fill('status-overruled'), 'status-unconfirmed'])
    expect(repo()).toMatchObject({ upstreamStatus: 'active', hearsay: { askAt: BEGAN + 60_000, tries: 0 } })
    clock.now = BEGAN + 60_000
    expect(told(await play(options))).toEqual([])
    expect(repo()).toMatchObject({ upstreamStatus: 'active', hearsay: null })
  })

  it('a PDS speaks for its own accounts: nobody is asked', async () => {
    const { world, account, say, play, repo } = await setUp('own')
    say('takendown')
    const hostStatus = saying('active')
    const all = stream(9)
    all.add('#account', { did: account.did, active: false, status: 'takendown', time: world.time() })
    await play({ hostStatus: saying(new Error('down')) })
    expect(repo().hearsay).toMatchObject({ status: 'takendown' })
    const sources = [fromFrames(all.frames, { id: 'pds', kind: 'pds', host: account.pds })]
    const running = await play({ hostStatus, sources })
    expect([told(running), hostStatus.asked]).toEqual([['account takendown'], 0])
    // What it says closes the question that a relay had opened.
    expect(repo()).toMatchObject({ upstreamStatus: 'takendown', hearsay: null })
  })
})

describe('a host that is a source', () => {
  /** It has the account, tells of a commit, and then the account is at another host. */
  async function moved(name: string) {
    const set = await setUp(name)
    const { account, world } = set
    const source = { id: 'pds', kind: 'pds', host: account.pds } as const
    await set.play()
    const commit = stream()
    commit.add('#commit', world.event(await world.commit(account, [create('b')])))
    const resolveKey = worldResolver(world)
    const directory = { down: false }
    const resolve = async (did: Did, how: { forceRefresh: boolean }) => {
      if (directory.down && how.forceRefresh) throw new Error('directory is down')
      const found = await resolveKey(did, how)
      return found && { ...found, pds: how.forceRefresh ? 'https://new.example.com' : account.pds }
    }
    await set.play({ sources: [fromFrames(commit.frames, source)], resolveKey: resolve })
    expect(set.repo()).toMatchObject({ lastSource: 'pds', rev: account.head!.rev })
    let seq = 10
    /** The host before says this, in a process that knows it as the host. */
    const hear = (status: string, hostStatus: HostStatus | null = saying('active')) => {
      const { frames, add } = stream(seq++)
      add('#account', { did: account.did, active: status === 'active', status, time: world.time() })
      return set.play({
        sources: [fromFrames(frames, source)],
        resolveKey: resolve,
        identity: { refreshMs: 60_000, retryMs: [] },
        ...(hostStatus === null ? {} : { hostStatus }),
      })
    }
    return { ...set, hear, directory }
  }

  it.each(['deleted', 'deactivated', 'takendown'])(
    'and had the account once, is not believed that it is %s; nor does it vouch for the repo any more',
    async (status) => {
      const { hear, repo } = await moved(`moved ${status}`)
      const hostStatus = saying('active')
      const running = await hear(status, hostStatus)
      expect([running.lines(), hostStatus.asked]).toEqual([['failure wrong-host'], 0])
      expect(repo()).toMatchObject({
        upstreamStatus: 'active',
        hearsay: null,
        lastSource: null,
        confirmedAt: null,
      })
      expect(repo().rev).not.toBeNull()
    },
  )

  it('and never had the account takes nothing from the one that vouches for it', async () => {
    const { account, play, repo, world } = await moved('of others')
    const { frames, add } = stream(10)
    add('#account', { did: account.did, active: false, status: 'deleted', time: world.time() })
    const stranger = { id: 'stranger', kind: 'pds', host: 'https://stranger.example.com' } as const
    const running = await play({ sources: [fromFrames(frames, stranger)] })
    expect(running.lines()).toEqual(['failure wrong-host'])
    expect(repo()).toMatchObject({ upstreamStatus: 'active', lastSource: 'pds' })
  })

  it('is not believed while the directory is silent: the host that it names then is asked', async () => {
    const { hear, play, directory, repo, clock } = await moved('silent directory')
    directory.down = true
    const running = await hear('deleted')
    expect([told(running), reasonsOf(running)]).toEqual([[], ['status-unconfirmed']])
    expect(repo()).toMatchObject({ upstreamStatus: 'active', hearsay: { status: 'deleted' } })
    directory.down = false
    clock.now += 60_000
    const hostStatus = saying('active')
    await play({ hostStatus })
    expect([hostStatus.asked, repo().hearsay]).toEqual([1, null])
    expect(repo()).toMatchObject({ upstreamStatus: 'active' })
  })

  it('is believed while the directory is silent, where no host could be asked later', async () => {
    const { hear, directory, repo } = await moved('nobody to ask')
    directory.down = true
    expect(told(await hear('takendown', null))).toEqual(['account takendown'])
    expect(repo()).toMatchObject({ upstreamStatus: 'takendown' })
  })
})

describe('a host that is silent', () => {
  it.each([
    ['refuses', new ResyncError('fetch-failed', 'status=500')],
    ['cannot be reached', new TypeError('refused')],
    ['wants a pause', new ResyncError('fetch-failed', 'status=429', { retryAfterMs: 7000 })],
  ])('because it %s: nothing changes, and it is asked again', async (_, error) => {
    const { world, account, add, say, play, clock, repo } = await setUp(`silent ${error.message}`)
    say('deleted')
    add('#commit', world.event(await world.commit(account, [create('b')])))
    const running = await play({ hostStatus: saying(error) })
    expect(running.lines()).toEqual([
      'commit create:app.bsky.feed.post/a',
      'commit create:app.bsky.feed.post/b',
    ])
    expect(reasonsOf(running)).toEqual(['status-unconfirmed'])
    expect(running.consumer.stats().reasons).toEqual({ 'status-unconfirmed': 1 })
    const hearsay = { status: 'deleted', askAt: BEGAN + 10_000, tries: 0, gone: 0 }
    expect(repo()).toMatchObject({ upstreamStatus: 'active', rev: account.head!.rev, hearsay })
    // Not sooner; then again in vain; then it is heard.
    clock.now = BEGAN + 9_999
    const early = saying('deactivated')
    await play({ hostStatus: early })
    clock.now = BEGAN + 10_000
    const again = saying(error)
    await play({ hostStatus: again })
    expect([early.asked, again.asked]).toEqual([0, 1])
    expect(repo().hearsay).toEqual({ ...hearsay, askAt: BEGAN + 20_000, tries: 1, gone: 0 })
    clock.now = BEGAN + 20_000
    const heard = await play({ hostStatus: saying('deactivated') })
    expect(heard.events).toEqual([
      {
        kind: 'account',
        source: 'host',
        seq: null,
        did: account.did,
        active: false,
        status: 'deactivated',
        time: new Date(clock.now).toISOString(),
      },
    ])
    expect(repo()).toMatchObject({ upstreamStatus: 'deactivated', hearsay: null, rev: account.head!.rev })
  })

  it('waits twice as long each time, and no longer than the longest', async () => {
    const { say, play, clock, repo } = await setUp('backoff')
    say('takendown')
    const waits: number[] = []
    for (let tries = 0; tries < 5; tries++) {
      await play({ hostStatus: saying(new Error('down')) })
      waits.push(repo().hearsay!.askAt - clock.now)
      clock.now = repo().hearsay!.askAt
    }
    expect(waits).toEqual([10_000, 10_000, 20_000, 40_000, 40_000])
    expect(told(await play({ hostStatus: saying('active') }))).toEqual([])
    expect(repo()).toMatchObject({ upstreamStatus: 'active', hearsay: null })
  })

  it('is not asked sooner by what is said meanwhile; the newest word is kept', async () => {
    const { say, play, clock, repo } = await setUp('meanwhile')
    say('deactivated')
    await play({ hostStatus: saying(new Error('down')) })
    clock.now += 5000
    say('takendown')
    say('active')
    say('deleted')
    const hostStatus = saying(new Error('down'))
    const running = await play({ hostStatus })
    expect(reasonsOf(running)).toEqual(Array(3).fill('status-unconfirmed'))
    expect(hostStatus.asked).toBe(0)
    expect(repo().hearsay).toEqual({ status: 'deleted', askAt: BEGAN + 10_000, tries: 0, gone: 0 })
    clock.now = BEGAN + 10_000
    expect(told(await play({ hostStatus: saying(null) }))).toEqual(['account deleted'])
  })

  it('a process that lives on asks by itself', async () => {
    const { world, did, say, state } = await setUp('lives on')
    const frame = say('deactivated')
    let isUp = false
    const running = start(world, [], {
      state,
      sources: [fromFrames([frame], { stay: true })],
      resyncPolicy: { pollMs: 5, intervalMs: 0, backoffMs: 1 },
      hostStatus: async () => {
        if (!isUp) throw new Error('down')
        return 'deactivated'
      },
    })
    await expect.poll(() => state.repos.get(did)?.hearsay?.tries, { timeout: 8000 }).toBeGreaterThan(0)
    isUp = true
    await expect.poll(() => told(running), { timeout: 8000 }).toEqual(['account deactivated'])
    await running.consumer.close()
  })

  it('a DID that is not found ten times in a row counts as deleted, as a relay says; before that it does not', async () => {
    const { world, did, say, play, clock, repo } = await setUp('tombstone')
    say('deleted')
    await play({ hostStatus: saying(new Error('down')) })
    world.missing.add(did)
    const hostStatus = saying('active')
    const again = async (): Promise<[string[], number | undefined]> => {
      clock.now = repo().hearsay!.askAt
      const running = await play({ hostStatus })
      return [told(running), repo().hearsay?.gone]
    }
    for (let gone = 1; gone <= 9; gone++) expect(await again()).toEqual([[], gone])
    // Found once in between, whatever its host says then.
    world.missing.delete(did)
    clock.now = repo().hearsay!.askAt
    await play({ hostStatus: saying(new Error('down')) })
    expect(repo()).toMatchObject({ upstreamStatus: 'active', hearsay: { tries: 10, gone: 0 } })
    world.missing.add(did)
    for (let gone = 1; gone <= 9; gone++) expect(await again()).toEqual([[], gone])
    expect(await again()).toEqual([['account deleted'], undefined])
    expect([hostStatus.asked, repo().upstreamStatus]).toEqual([0, 'deleted'])
  })

  it('what the app refuses to be told is told again later', async () => {
    const { say, play, clock, repo } = await setUp('refused')
    say('deactivated')
    await play({ hostStatus: saying(new Error('down')) })
    clock.now = repo().hearsay!.askAt
    await play({
      hostStatus: saying('deactivated'),
      onEvent() {
        throw new Error('no room')
      },
    })
    expect(repo()).toMatchObject({ upstreamStatus: 'active', hearsay: { tries: 1 } })
    clock.now = repo().hearsay!.askAt
    expect(told(await play({ hostStatus: saying('deactivated') }))).toEqual(['account deactivated'])
  })

  it('holds its account for ten seconds, and then nobody', async () => {
    const { world, account, add, say, play, repo } = await setUp('hangs')
    say('deactivated')
    add('#commit', world.event(await world.commit(account, [create('b')])))
    const waits: number[] = []
    let [isAborted, wasAborted] = [false, false]
    const running = await play({
      timers: {
        after(ms, call) {
          waits.push(ms)
          const timer = setTimeout(call, ms === 10_000 ? 1 : ms)
          return () => clearTimeout(timer)
        },
      },
      hostStatus: ({ signal }) => {
        signal.addEventListener('abort', () => (isAborted = true))
        return new Promise(() => {})
      },
      onIgnored: () => (wasAborted = isAborted),
    })
    expect(waits).toContain(10_000)
    expect(wasAborted).toBe(true)
    expect(running.lines().at(-1)).toBe('commit create:app.bsky.feed.post/b')
    expect(repo().hearsay).toMatchObject({ status: 'deactivated' })
  })

  it('a consumer that stops meanwhile concludes nothing: the event is read again', async () => {
    const { world, did, say, state } = await setUp('stopped')
    const frame = say('deactivated')
    const asked = Promise.withResolvers<void>()
    const running = start(world, [], {
      state,
      sources: [fromFrames([frame], { stay: true })],
      hostStatus: () => {
        asked.resolve()
        return new Promise(() => {})
      },
    })
    await asked.promise
    await running.consumer.close()
    expect([state.repos.get(did), running.ignored]).toEqual([undefined, []])
    expect(state.cursors.get('test')?.seq ?? 0).toBeLessThan(2)
  })
})

it('what waits behind a question is not taken for finished by a consumer that stops', async () => {
  const { say, play, state, world, did } = await setUp('stopped in order')
  await play()
  const frames = [say('deactivated'), say('active')]
  const asked = Promise.withResolvers<void>()
  const stopped = start(world, [], {
    state,
    sources: [fromFrames(frames, { stay: true })],
    hostStatus: () => {
      asked.resolve()
      return new Promise(() => {})
    },
  })
  await asked.promise
  await stopped.consumer.close()
  expect([stopped.events, state.repos.get(did)!.lastSeq]).toEqual([[], 1])
  expect(told(await play({ hostStatus: saying('deactivated') }))).toEqual(['account deactivated'])
})

describe('floods', () => {
  const commitOf = async (world: World, account: Account) =>
    world.event(await world.commit(account, [create('b')]))

  it('of one account: its host is asked four times, then once an interval', async () => {
    const { world, account, add, say, play, clock, repo } = await setUp('flood of one')
    for (let i = 0; i < 1000; i++) say(i % 2 === 0 ? 'deactivated' : 'takendown')
    add('#commit', await commitOf(world, account))
    const hostStatus = saying('active')
    const running = await play({ hostStatus })
    expect(hostStatus.asked).toBe(4)
    expect(running.lines().at(-1)).toBe('commit create:app.bsky.feed.post/b')
    expect(repo().hearsay).toEqual({ status: 'takendown', askAt: BEGAN + 60_000, tries: 0, gone: 0 })
    clock.now = BEGAN + 60_000
    for (let i = 0; i < 1000; i++) say(i % 2 === 0 ? 'deactivated' : 'takendown')
    await play({ hostStatus })
    // The next process has the open question and four more.
    expect(hostStatus.asked).toBe(9)
    expect(repo().upstreamStatus).toBe('active')
  })

  it('of many: 64 lanes wait, the rest is asked about in its turn, and the stream goes on', async () => {
    const { world, account, add, say, state } = await setUp('flood of many')
    const others = Array.from({ length: 200 }, () => world.createAccount())
    const frames = others.map(({ did }) => say('deleted', did))
    frames.push(add('#commit', await commitOf(world, account)))
    const hold = Promise.withResolvers<void>()
    let [asked, most, now] = [0, 0, 0]
    const running = start(world, [], {
      state,
      concurrency: 8,
      sources: [fromFrames(frames, { stay: true })],
      async hostStatus() {
        asked++
        most = Math.max(most, ++now)
        await hold.promise
        now--
        return 'active'
      },
    })
    await expect
      .poll(() => running.lines(), { timeout: 8000 })
      .toEqual(['commit create:app.bsky.feed.post/b [first-sighting]'])
    await expect.poll(() => asked, { timeout: 8000 }).toBe(128)
    hold.resolve()
    await expect.poll(() => asked, { timeout: 8000 }).toBe(200)
    await running.consumer.close()
    // So many of the events that wait, and so many of those that were put off.
    expect(most).toBe(128)
    expect(told(running)).toEqual([])
  })

  it('places are free again behind an answer', async () => {
    const { world, say, state } = await setUp('places')
    const frames = Array.from({ length: 80 }, () => say('takendown', world.createAccount().did))
    const rest = Promise.withResolvers<void>()
    async function* play(): AsyncGenerator<Uint8Array> {
      yield* frames.slice(0, 40)
      await rest.promise
      yield* frames.slice(40)
    }
    const running = start(world, play(), { state, hostStatus: saying('takendown') })
    await expect.poll(() => told(running).length, { timeout: 8000 }).toBe(40)
    rest.resolve()
    await running.consumer.done
    expect([told(running).length, running.ignored]).toEqual([80, []])
  })

  it('of open questions: each is asked once, as many as places, and the next as soon as one is free', async () => {
    const { world, say, play, clock, state } = await setUp('many open')
    for (let i = 0; i < 70; i++) say('takendown', world.createAccount().did)
    await play({ hostStatus: saying(new Error('down')) })
    const open = () => [...state.repos.values()].filter(({ hearsay }) => hearsay !== null)
    expect(open()).toHaveLength(70)
    clock.now += 10_000
    let [asked, now, most] = [0, 0, 0]
    const slow: HostStatus = async () => {
      asked++
      most = Math.max(most, ++now)
      await new Promise((resolve) => setTimeout(resolve, 40))
      now--
      throw new Error('down')
    }
    await play({ hostStatus: slow, resyncPolicy: { pollMs: 5, backoffMs: 10_000 } })
    expect([asked, most, open().length]).toEqual([70, 64, 70])
    expect(open().map(({ hearsay }) => hearsay!.tries)).toEqual(open().map(() => 1))
    clock.now += 10_000
    const late: HostStatus = () => new Promise((resolve) => setTimeout(resolve, 40, 'takendown'))
    const running = await play({ hostStatus: late, resyncPolicy: { pollMs: 3_600_000 } })
    expect([told(running).length, open()]).toEqual([70, []])
  })

  it('of which the end of the source leaves questions open: they are asked before the consumer ends', async () => {
    const { world, say, play } = await setUp('the end')
    for (let i = 0; i < 70; i++) say('takendown', world.createAccount().did)
    const late: HostStatus = () => new Promise((resolve) => setTimeout(resolve, 40, 'takendown'))
    const running = await play({ hostStatus: late, resyncPolicy: { pollMs: 3_600_000 } })
    expect(reasonsOf(running)).toEqual(Array(6).fill('status-unconfirmed'))
    expect(told(running)).toHaveLength(70)
  })

  it('that a busy host has no time for come back in turns, and no try is counted', async () => {
    const { world, did, say, play, clock, state } = await setUp('busy')
    const others = Array.from({ length: 3 }, () => world.createAccount().did)
    for (const other of [did, ...others]) say('takendown', other)
    const error = new ResyncError('host-busy', 'busy', { retryAfterMs: 500, host: 'pds.example.com' })
    await play({ hostStatus: saying(error) })
    const open = () => [did, ...others].map((other) => state.repos.get(other)!.hearsay!)
    expect(open().map(({ askAt, tries }) => [askAt - BEGAN, tries])).toEqual(
      others.concat(did).map(() => [500, 0]),
    )
    clock.now = BEGAN + 500
    const patience: unknown[] = []
    await play({
      hostStatus: ({ patient }) => {
        patience.push(patient)
        return Promise.reject(error)
      },
    })
    const turns = open().map(({ askAt }) => askAt - clock.now)
    expect(turns.toSorted((a, b) => a - b)).toEqual([500, 600, 700, 800])
    expect(open().map(({ tries }) => tries)).toEqual([0, 0, 0, 0])
    expect(patience).toEqual([false, false, false, false])
  })
})

describe('a gap, after which the lists were read', () => {
  const GAP = 2000

  /** Accounts as they were known before, a source that lost events, and a consumer that the test drives. */
  async function afterGap(
    name: string,
    known: readonly Partial<RepoState>[],
    options: Partial<ConsumeOptions<void>> = {},
  ) {
    const world = createWorld(name)
    const state = createMemoryState()
    for (const about of known) {
      const { did } = world.createAccount()
      await state.save({ repo: { ...newRepo(did), status: 'synchronized', lastSource: 'test', ...about } })
    }
    await state.save({ cursor: { source: 'test', seq: 1, high: 1, numbering: 0, gapAt: GAP } })
    const clock = { now: BEGAN }
    const running = start(world, [], {
      state,
      sources: [fromFrames([], { stay: true })],
      now: () => clock.now,
      random: () => 0.5,
      ...options,
    })
    const repos = (): RepoState[] => [...state.repos.values()]
    await expect.poll(() => running.consumer.stats().sources[0]?.connected).toBe(true)
    return { ...running, repos, clock }
  }

  it.each([
    ['deleted', 'deleted', ['account deleted'], { upstreamStatus: 'deleted', rev: null }],
    ['nothing: it has no such account', null, ['account deleted'], { upstreamStatus: 'deleted', rev: null }],
    ['active', 'active', ['account active'], { upstreamStatus: 'active', reason: 'reactivated' }],
    ['suspended', 'suspended', ['account suspended'], { upstreamStatus: 'suspended', confirmedAt: BEGAN }],
    ['what is known', 'takendown', [], { upstreamStatus: 'takendown', confirmedAt: BEGAN, rev: REV }],
  ])('the host of an account that is not active is asked, and says %s', async (_, answer, lines, then) => {
    const hostStatus = saying(answer)
    const known = { upstreamStatus: 'takendown', confirmedAt: GAP - 1, rev: REV }
    const running = await afterGap(`a gap; ${answer}`, [known], { hostStatus })
    expect([running.repos()[0]!.hearsay, hostStatus.asked]).toEqual([null, 0])
    await running.consumer.confirmRest()
    await expect.poll(() => [hostStatus.asked, running.repos()[0]!.hearsay]).toEqual([1, null])
    expect(told(running)).toEqual(lines)
    expect(running.repos()[0]).toMatchObject(then)
    // The next list is read after the same gap: there is nothing to ask any more.
    await running.consumer.confirmRest()
    expect([hostStatus.asked, running.repos()[0]!.hearsay]).toEqual([1, null])
    await running.consumer.close()
  })

  it.each<[string, Partial<RepoState>, boolean]>([
    ['was never asked for', { confirmedAt: null }, true],
    ['said so at the same moment', { confirmedAt: GAP }, true],
    ['said so after it', { confirmedAt: GAP + 1 }, false],
    ['is deleted', { upstreamStatus: 'deleted', confirmedAt: null }, false],
    ['is active', { upstreamStatus: 'active', confirmedAt: null }, false],
    ['is hidden here, and active', { upstreamStatus: 'active', localStatus: 'hidden' }, false],
    ['is hidden here, and deactivated', { localStatus: 'hidden' }, true],
    ['was seen by a source that is gone', { lastSource: 'other' }, true],
    ['was never seen by a source', { lastSource: null }, true],
  ])('of an account that %s', async (_, about, isAsked) => {
    const hostStatus = saying(new Error('down'))
    const known = { upstreamStatus: 'deactivated', rev: REV, ...about }
    const { consumer, repos } = await afterGap(`a gap; ${_}`, [known], { hostStatus })
    await consumer.confirmRest()
    if (isAsked) await expect.poll(() => repos()[0]!.hearsay?.tries).toBe(1)
    expect(repos()[0]!.hearsay?.status).toBe(isAsked ? 'deleted' : undefined)
    await consumer.close()
    expect(hostStatus.asked).toBe(isAsked ? 1 : 0)
  })

  it('a host that is silent is asked later, and what it says then is followed', async () => {
    let answer: string | null = null
    const hostStatus = async (): Promise<string> => answer ?? Promise.reject(new Error('down'))
    const known = { upstreamStatus: 'deactivated', rev: REV }
    const running = await afterGap('a gap; silent', [known], {
      hostStatus,
      resyncPolicy: { pollMs: 5, backoffMs: 10_000 },
    })
    await running.consumer.confirmRest()
    await expect.poll(() => running.repos()[0]!.hearsay?.tries).toBe(1)
    await running.consumer.confirmRest()
    expect(running.repos()[0]!.hearsay).toMatchObject({ tries: 1, askAt: BEGAN + 10_000 })
    answer = 'deleted'
    running.clock.now = BEGAN + 10_000
    await expect.poll(() => running.repos()[0]!.upstreamStatus).toBe('deleted')
    await running.consumer.close()
  })

  it('an answer counts from when its host was asked', async () => {
    const known = { upstreamStatus: 'deactivated', rev: REV }
    let hear: ((status: string) => void) | null = null
    const hostStatus = (): Promise<string> => new Promise((resolve) => (hear = resolve))
    const { consumer, repos, clock } = await afterGap('a gap; asked before', [known], { hostStatus })
    await consumer.confirmRest()
    await expect.poll(() => hear).not.toBeNull()
    clock.now = BEGAN + 5000
    hear!('deactivated')
    await expect.poll(() => repos()[0]!.hearsay).toBeNull()
    expect(repos()[0]!.confirmedAt).toBe(BEGAN)
    await consumer.close()
  })

  it('many are asked about one after the other, 10 ms apart, so that nobody waits behind them all', async () => {
    const hostStatus = saying('deactivated')
    const known = Array.from({ length: 3 }, () => ({ upstreamStatus: 'deactivated', rev: REV }))
    const { consumer, repos, clock } = await afterGap('a gap; many', known, { hostStatus })
    await consumer.confirmRest()
    await expect.poll(() => hostStatus.asked).toBe(1)
    const open = repos().flatMap(({ hearsay }) => (hearsay === null ? [] : [hearsay.askAt]))
    expect(open.toSorted((a, b) => a - b)).toEqual([BEGAN + 10, BEGAN + 20])
    clock.now = BEGAN + 20
    await expect.poll(() => hostStatus.asked).toBe(3)
    await consumer.close()
  })

  it('a question that is open stays as it is', async () => {
    const hearsay = { status: 'suspended', askAt: BEGAN + 60_000, tries: 3, gone: 1 }
    const known = { upstreamStatus: 'deactivated', rev: REV, hearsay }
    const { consumer, repos } = await afterGap('a gap; open', [known], { hostStatus: saying('active') })
    await consumer.confirmRest()
    expect(repos()[0]!.hearsay).toEqual(hearsay)
    await consumer.close()
  })

  it('without a way to ask nothing is left open', async () => {
    const { consumer, repos } = await afterGap('a gap; nobody', [{ upstreamStatus: 'deactivated' }])
    await consumer.confirmRest()
    expect(repos()[0]!.hearsay).toBeNull()
    await consumer.close()
  })
})

describe('without a way to ask', () => {
  it('what a relay says is kept and changes nothing, until somebody can be asked', async () => {
    const { account, say, play, repo } = await setUp('nobody to ask')
    say('deleted')
    const running = await play()
    expect([told(running), reasonsOf(running)]).toEqual([[], ['status-unconfirmed']])
    expect(repo()).toMatchObject({
      upstreamStatus: 'active',
      rev: account.head!.rev,
      hearsay: { status: 'deleted', askAt: BEGAN, tries: 0, gone: 0 },
    })
    expect(told(await play())).toEqual([])
    expect(told(await play({ hostStatus: saying('deleted') }))).toEqual(['account deleted'])
  })

  it('a relay is believed where the application says so, and only there', async () => {
    const { say, play, repo } = await setUp('trusted')
    say('takendown')
    expect(told(await play({ hostStatus: 'trust-relays' }))).toEqual(['account takendown'])
    expect(repo()).toMatchObject({ upstreamStatus: 'takendown', hearsay: null })
  })

  it('several sources are no reason to believe one of them', async () => {
    const { world, account, say, play, repo } = await setUp('several')
    await play()
    const lie = say('deleted')
    const running = await play({
      sources: [fromFrames([lie]), fromFrames([], { id: 'other' })],
      hostStatus: saying(new Error('down')),
    })
    expect([told(running), reasonsOf(running)]).toEqual([[], ['status-unconfirmed']])
    expect(repo()).toMatchObject({ upstreamStatus: 'active', rev: account.head!.rev })
    expect(world.accounts.size).toBe(1)
  })
})
