// Entries of a host's list of repos: whom they are believed about, when the host is asked, and what is stored.

import type { Did } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'
import { type Account, create, createWorld, type World } from '../src/conformance/world.ts'
import type { ConsumeOptions, HostStatus, Listed, MemoryState, RepoState, Source } from '../src/index.ts'
import { type Run, start } from './consume-run.ts'
import { fromFrames, stream, worldResolver } from './support.ts'

const NOW = Date.parse('2030-01-01T00:00:00Z')
const FRESH = { refreshMs: 0, retryMs: [] }

type Listing = Run & AsyncDisposable & { list: (did: Did, more?: Partial<Listed>) => Promise<boolean> }

/** A consumer that follows one source, which has sent `frames`. */
async function following(
  world: World,
  options: Partial<ConsumeOptions<void>> & { frames?: Uint8Array[]; source?: Partial<Source> } = {},
): Promise<Listing> {
  const { frames = [], source, ...rest } = options
  const running = start(world, [], {
    sources: [fromFrames(frames, { stay: true, ...source })],
    now: () => NOW,
    resync: async function* () {},
    resyncPolicy: { pollMs: 3_600_000 },
    identity: FRESH,
    firstSighting: 'accept',
    ...rest,
  })
  await expect.poll(() => running.consumer.stats().accepted, { timeout: 8000 }).toBe(frames.length)
  const entry = { rev: null, status: 'active', own: false, source: 'test', at: NOW }
  return {
    ...running,
    list: (did, more = {}) => running.consumer.reportListed({ did, ...entry, ...more }),
    [Symbol.asyncDispose]: () => running.consumer.close(),
  }
}

/** An account whose first commit was read, and then its status, by a consumer that has ended. */
async function seen(world: World, status = 'active'): Promise<{ account: Account; state: MemoryState }> {
  const account = world.createAccount()
  const { frames, add } = stream()
  add('#commit', world.event(await world.commit(account, [create('a')])))
  await using running = await following(world, { frames, hostStatus: saying(status) })
  await running.list(account.did, { status })
  expect(running.state.repos.get(account.did)!.upstreamStatus).toBe(status)
  return { account, state: running.state }
}

const saying = (status: string | null): HostStatus & { asked: number } => {
  const host = Object.assign(
    async () => {
      host.asked++
      return status
    },
    { asked: 0 },
  )
  return host
}

describe('an account that is new', () => {
  it('is stored when a host lists what it has, and is to be read', async () => {
    const world = createWorld('listed new')
    const account = world.createAccount()
    await world.commit(account, [create('a')])
    const { rev } = account.head!
    await using running = await following(world, { source: { kind: 'pds', host: account.pds } })
    expect(await running.list(account.did, { rev, own: true })).toBe(true)
    expect(running.state.repos.get(account.did)).toMatchObject({
      status: 'desynchronized',
      reason: 'discovered',
      claimed: rev,
      lastSource: 'test',
    } satisfies Partial<RepoState>)
  })

  it('without a rev is there, and nothing is stored', async () => {
    const world = createWorld('listed empty')
    const account = world.createAccount()
    await using running = await following(world)
    expect(await running.list(account.did)).toBe(true)
    expect(running.state.repos.size).toBe(0)
  })

  it.each([
    ['nobody knows', 'relay', false],
    ['lives elsewhere', 'pds', false],
    ['lives elsewhere', 'relay', true],
  ] as const)('that %s: listed by a %s is %s', async (what, kind, expected) => {
    const world = createWorld(`listed ${what} ${kind}`)
    const { did } = world.createAccount({ pds: 'https://elsewhere.example.com' })
    if (what === 'nobody knows') world.missing.add(did)
    await using running = await following(world, { source: { kind, host: 'https://pds.example.com' } })
    expect(await running.list(did, { rev: null, own: kind === 'pds' })).toBe(expected)
    expect(running.state.repos.size).toBe(0)
  })

  it.each([
    ['relay', true],
    ['pds', false],
  ] as const)('while no directory answers: listed by a %s is %s', async (kind, expected) => {
    const world = createWorld(`listed down ${kind}`)
    const { did } = world.createAccount()
    await using running = await following(world, {
      source: { kind, host: 'https://pds.example.com' },
      resolveKey: () => Promise.reject(new Error('down')),
    })
    expect(await running.list(did)).toBe(expected)
  })
})

describe('a status', () => {
  it.each([
    // What was known, what the list says, whether that is asked of the host.
    ['active', 'active', 0],
    ['active', 'deactivated', 1],
    ['active', 'deleted', 1],
    ['deactivated', 'takendown', 0],
    ['deactivated', 'deleted', 1],
    // That it is not active is believed only of the host that a fresh identity names.
    ['deactivated', 'active', 2],
    ['deleted', 'deleted', 0],
    ['deleted', 'suspended', 1],
  ])('%s, listed as %s: the host is asked %i times', async (before, status, asked) => {
    const world = createWorld(`listed ${before} ${status}`)
    const { account, state } = await seen(world, before)
    const hostStatus = saying(before)
    await using running = await following(world, { state, hostStatus })
    expect(await running.list(account.did, { status })).toBe(true)
    expect(hostStatus.asked).toBe(asked)
    // The host says what was known.
    expect(running.events).toEqual([])
  })

  it.each([
    // Its own list, whether its host can be asked and what it says, what is believed then.
    [false, undefined, 'active'],
    [true, undefined, 'deactivated'],
    [false, null, 'active'],
    [true, null, 'active'],
    [false, 'takendown', 'takendown'],
    [true, 'active', 'active'],
  ])('own list: %s, asked: %s, believed: %s', async (own, answer, expected) => {
    const world = createWorld(`listed own ${own} ${answer}`)
    const { account, state } = await seen(world)
    const host = answer === undefined ? {} : { hostStatus: saying(answer) }
    await using running = await following(world, { state, ...host })
    expect(await running.list(account.did, { status: 'deactivated', own })).toBe(true)
    expect(running.state.repos.get(account.did)!.upstreamStatus).toBe(expected)
    const told = running.events.filter(({ kind }) => kind === 'account')
    expect(told).toEqual(
      expected === 'active'
        ? []
        : [
            {
              kind: 'account',
              source: 'test',
              seq: null,
              did: account.did,
              active: false,
              status: expected,
              time: new Date(NOW).toISOString(),
            },
          ],
    )
  })

  it.each(['deactivated', 'active'])(
    '%s, while the host is silent: it is asked again later',
    async (known) => {
      const world = createWorld(`listed silent ${known}`)
      const { account, state } = await seen(world, known)
      const status = known === 'active' ? 'takendown' : 'active'
      const before = state.repos.get(account.did)!
      let asked = 0
      const hostStatus = (): Promise<string | null> => {
        asked++
        return Promise.reject(new Error('down'))
      }
      await using running = await following(world, { state, hostStatus, random: () => 0.5 })
      expect(await running.list(account.did, { status })).toBe(true)
      const hearsay = { status, askAt: NOW + 10_000, tries: 0, gone: 0 }
      expect(state.repos.get(account.did)).toEqual({ ...before, hearsay })
      // The question is open: it is not asked once more for each list.
      const soFar = asked
      expect(await running.list(account.did, { status: known === 'active' ? 'deleted' : status })).toBe(true)
      expect(asked).toBe(soFar)
      expect(state.repos.get(account.did)!.hearsay).toEqual({
        ...hearsay,
        status: known === 'active' ? 'deleted' : status,
      })
      expect(running.events).toEqual([])
    },
  )

  it('of an account that nothing is known of, while its host is silent, leaves no row', async () => {
    const world = createWorld('listed silent and new')
    const account = world.createAccount()
    const hostStatus = (): Promise<string | null> => Promise.reject(new Error('down'))
    await using running = await following(world, { hostStatus })
    expect(await running.list(account.did, { status: 'takendown' })).toBe(true)
    expect(running.state.repos.size).toBe(0)
  })

  it('that the app refused is not stored, nor what came with it, and told again', async () => {
    const world = createWorld('listed refused')
    const { account, state } = await seen(world, 'deactivated')
    const hostStatus = saying('active')
    let refuses = true
    await using running = await following(world, {
      state,
      hostStatus,
      resyncPolicy: { pollMs: 5 },
      onEvent: ({ kind }) => {
        if (kind === 'account' && refuses) throw new Error('no')
      },
      now: () => (refuses ? NOW : NOW + 60_000),
    })
    const before = state.repos.get(account.did)!
    expect(await running.list(account.did, { rev: account.head!.rev })).toBe(true)
    const { hearsay, ...after } = state.repos.get(account.did)!
    expect({ ...after, hearsay: null }).toEqual(before)
    expect(hearsay).toMatchObject({ status: 'active', gone: 0 })
    refuses = false
    await expect.poll(() => state.repos.get(account.did)!.upstreamStatus).toBe('active')
    expect(state.repos.get(account.did)!.hearsay).toBeNull()
  })

  it('that the app refused of an account that nothing is known of is told again', async () => {
    const world = createWorld('listed refused and new')
    const account = world.createAccount()
    let refusals = 0
    await using running = await following(world, {
      hostStatus: saying('takendown'),
      resyncPolicy: { pollMs: 5 },
      onEvent: ({ kind }) => {
        if (kind === 'account' && refusals++ === 0) throw new Error('no')
      },
    })
    expect(await running.list(account.did, { status: 'takendown' })).toBe(true)
    const known = (): string | undefined => running.state.repos.get(account.did)?.upstreamStatus
    await expect.poll(known).toBe('takendown')
    expect(refusals).toBe(2)
  })
})

describe('what is known already', () => {
  it.each([
    [3_599_999, false],
    [3_600_000, true],
  ])('is noted again after %i ms: %s', async (later, noted) => {
    const world = createWorld(`listed again ${later}`)
    const { account, state } = await seen(world)
    let now = NOW
    await using running = await following(world, { state, now: () => now })
    const { rev } = account.head!
    await running.list(account.did, { rev, at: NOW })
    const { confirmedAt } = running.state.repos.get(account.did)!
    now = confirmedAt! + later
    await running.list(account.did, { rev, at: now })
    expect(running.state.repos.get(account.did)!.confirmedAt).toBe(noted ? now : confirmedAt)
  })

  it('a rev that is new is noted at once', async () => {
    const world = createWorld('listed news')
    const { account, state } = await seen(world)
    await using running = await following(world, { state })
    await world.commit(account, [create('b')])
    await running.list(account.did, { rev: account.head!.rev })
    expect(running.state.repos.get(account.did)).toMatchObject({
      status: 'suspect',
      claimed: account.head!.rev,
    })
  })

  it.each([
    ['of its own', 'https://pds.example.com', true],
    ['of another one', 'https://elsewhere.example.com', false],
  ])(
    'from a relay is confirmed, or made doubted, by the list of a PDS %s',
    async (_whose, host, expected) => {
      const world = createWorld(`listed by a PDS ${host}`)
      const { account, state } = await seen(world)
      const before = state.repos.get(account.did)!
      const source = { id: 'listing', kind: 'pds', host } as const
      const { rev } = account.head!
      const later = before.confirmedAt! + 7_200_000
      await using running = await following(world, { state, source, now: () => later })
      expect(await running.list(account.did, { rev, at: later, own: true, source: 'listing' })).toBe(true)
      expect(state.repos.get(account.did)!.confirmedAt).toBe(expected ? later : before.confirmedAt)
      const newer = world.nextRev(rev)
      expect(await running.list(account.did, { rev: newer, own: true, source: 'listing' })).toBe(true)
      expect(state.repos.get(account.did)).toMatchObject(
        expected ? { status: 'suspect', claimed: newer } : { status: 'synchronized', claimed: null },
      )
    },
  )

  it('from a PDS is listed by it without a look-up', async () => {
    const world = createWorld('listed by its PDS')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    const source = { kind: 'pds', host: account.pds } as const
    const first = await following(world, { frames, source })
    await first.consumer.close()
    const { state } = first
    const resolveKey = worldResolver(world)
    await using running = await following(world, { state, source, resolveKey })
    await running.list(account.did, { rev: account.head!.rev, own: true })
    expect(resolveKey.calls).toEqual([])
  })

  it('stays as it is while no directory answers, and is not held against the list of a PDS', async () => {
    const world = createWorld('listed in silence')
    const { account, state } = await seen(world)
    const before = state.repos.get(account.did)
    await using running = await following(world, {
      state,
      source: { id: 'listing', kind: 'pds', host: account.pds },
      resolveKey: () => Promise.reject(new Error('down')),
    })
    const rev = world.nextRev(account.head!.rev)
    expect(await running.list(account.did, { rev, own: true, source: 'listing' })).toBe(true)
    expect(state.repos.get(account.did)).toEqual(before)
  })
})
