// The model checker, a few seconds of it: each named sequence, and some hundred interleavings. The long run is a command:
// npx pnpm --filter @avocet/firehose model --count 1000000 --jobs 2

import { tidFromMicros } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'
import { type Action, USUAL_SIZE } from '../model/actions.ts'
import { type App, createApp } from '../model/app.ts'
import { MODEL_CASES } from '../model/cases.ts'
import { createClock } from '../model/clock.ts'
import { createNetwork, type Network } from '../model/network.ts'
import { createQueueWatch } from '../model/queue-watch.ts'
import { interleavingOf, search, seedsOf } from '../model/search.ts'
import { newRepo, type RepoState } from '../src/index.ts'
import { shrink } from '../model/shrink.ts'
import { simulate } from '../model/simulate.ts'
import { createStatusWatch } from '../model/status-watch.ts'

describe('model', () => {
  it.each(MODEL_CASES)('$name: $about', async (item) => {
    const { size: change, actions } = item
    for (const seed of seedsOf(item)) {
      expect(await simulate(seed, { ...USUAL_SIZE, ...change }, actions)).toBe(null)
    }
  })

  it('every sequence has a case, and every case a name of its own', () => {
    const sequences = new Set(MODEL_CASES.flatMap(({ sequence = [] }) => sequence))
    expect([...sequences].toSorted()).toEqual(Array.from({ length: 21 }, (_, i) => `C${i + 1}`).toSorted())
    expect(new Set(MODEL_CASES.map(({ name }) => name)).size).toBe(MODEL_CASES.length)
  })

  it('500 interleavings: what is said is true, and in the end all is equal', async () => {
    expect(await search(1, 500)).toMatchObject({ played: 500, finding: null })
  })

  it('is played the same way each time', async () => {
    const play = async (): Promise<string[]> => {
      const lines: string[] = []
      for (let seed = 1; seed <= 5; seed++) {
        const { size, actions } = interleavingOf(seed)
        await simulate(seed, size, actions, (at, did, what) => lines.push(`${at} ${did} ${what}`))
      }
      return lines
    }
    const first = await play()
    expect(first.length).toBeGreaterThan(20)
    expect(await play()).toEqual(first)
  })

  it('notices a record that is lost without a word, and shows what it takes', async () => {
    const actions: readonly Action[] = [
      ...[0, 1, 2].flatMap((record) => [
        { do: 'write', account: 0, record } as const,
        { do: 'write', account: 1, record } as const,
        { do: 'cut', relay: 0 } as const,
      ]),
      { do: 'lose-row', account: 0 },
    ]
    const found = await simulate(10, USUAL_SIZE, actions)
    expect(found).toMatchObject({ when: 'at-rest' })
    const { actions: few } = await shrink({
      seed: 10,
      size: USUAL_SIZE,
      actions,
      difference: found!,
    })
    expect(few.length).toBeLessThanOrEqual(3)
    expect(few.at(-1)).toEqual({ do: 'lose-row', account: 0 })
  })

  type Watched = {
    ms?: number
    relays?: number
    /** What the account is, and what is told of it. */
    is?: string
    told?: string
    change?: (network: Network, app: App) => unknown
  }
  const isNoticed = async ({
    ms = 2001,
    relays = 2,
    is = 'active',
    told = 'deactivated',
    change,
  }: Watched): Promise<boolean> => {
    const clock = createClock(0)
    const network = createNetwork(clock, { ...USUAL_SIZE, relays })
    const app = createApp()
    const watch = createStatusWatch(app, network, clock)
    const account = network.accounts[0]!
    network.setStatus(account, 'suspended', false)
    network.setStatus(account, is, false)
    await clock.run(ms)
    change?.(network, app)
    const time = new Date(0).toISOString()
    const about = { kind: 'account', source: 'relay1', seq: 1, did: account.did, time } as const
    if (is === 'active') watch.told({ ...about, active: true, status: null })
    expect(watch.wronged).toBe(null)
    watch.told({ ...about, active: told === 'active', status: told === 'active' ? null : told })
    return watch.wronged !== null
  }
  const hide = ({ accounts }: Network, app: App): unknown => app.statuses.set(accounts[0]!.did, 'x')
  it.each<[name: string, noticed: boolean, watched: Watched]>([
    ['an old status told again', true, {}],
    ['one that the answer of the host may be as old as', false, { ms: 2000 }],
    ['the word of the only relay', true, { relays: 1 }],
    ['what is so', false, { change: ({ accounts }) => (accounts[0]!.status = 'deactivated') }],
    ['what the app knew', false, { change: ({ accounts }, app) => app.statuses.set(accounts[0]!.did, 'x') }],
    ['what the app refuses', false, { change: (_, app) => (app.failNext = true) }],
    ['a directory that was silent', false, { change: ({ directory }) => (directory.wasSilent = true) }],
    ['an account that moved', false, { change: ({ accounts }) => (accounts[0]!.hasMoved = true) }],
    ['one that is shown though it is not', true, { is: 'deactivated', told: 'active', change: hide }],
    ['one that was shown all the time', false, { is: 'deactivated', told: 'active' }],
    [
      'one that is purged though it is not deleted',
      true,
      { is: 'deactivated', told: 'deleted', change: hide },
    ],
    ['one that is purged, as it is', false, { is: 'deleted', told: 'deleted' }],
    ['another word for the same', false, { is: 'deactivated', told: 'takendown', change: hide }],
  ])('an account is wronged for a while by %s: noticed %s', async (_name, noticed, watched) => {
    expect(await isNoticed(watched)).toBe(noticed)
  })

  it.each<[name: string, noticed: boolean, waits: Partial<RepoState>, readFor: string | null]>([
    ['a gap', true, { reason: 'chain-since' }, null],
    ['a gap whose read failed', true, { reason: 'fetch-failed', attempts: 1 }, 'chain-since'],
    ['what was discovered itself', false, { reason: 'discovered' }, null],
    ['a discovery whose read failed', false, { reason: 'app-failed', attempts: 1 }, 'filter-changed'],
    ['a gap of what was asked about', true, { reason: 'chain-since', attempts: 1 }, 'filter-changed'],
    ['a gap after a discovery', true, { reason: 'app-failed' }, 'filter-changed'],
    ['a gap of a moment ago', false, { reason: 'chain-since', nextTry: 55_000 }, null],
  ])('a discovery is read, and %s waits: noticed %s', async (_name, noticed, waits, readFor) => {
    const app = createApp()
    const network = createNetwork(createClock(0), USUAL_SIZE)
    const [first, second] = network.accounts.map((account): RepoState => {
      const about = {
        rev: tidFromMicros(1, 0),
        data: account.data,
        status: 'desynchronized',
        nextTry: 1000,
      } as const
      return { ...newRepo(account.did), ...about, triedAt: 100_000 }
    })
    const watch = createQueueWatch(app, network, createClock(0))
    const request = { identity: null, signal: new AbortController().signal }
    const begun = (repo: RepoState): void =>
      watch.begun({ ...request, did: repo.did, repo, reason: repo.reason! })
    if (readFor !== null) begun({ ...first!, reason: readFor })
    watch.restarted()
    expect(watch.overtaken).toBe(null)
    await app.state.save({ repo: { ...first!, ...waits } })
    begun({ ...second!, reason: 'discovered' })
    expect(watch.overtaken !== null).toBe(noticed)
  })

  it('a gap passes others, also where a discovery was read before; and what its own read holds up was not passed', async () => {
    const app = createApp()
    const clock = createClock(0)
    const network = createNetwork(clock, USUAL_SIZE)
    const watch = createQueueWatch(app, network, clock)
    const [first, second] = network.accounts.map(({ did, data }): RepoState => {
      const about = { rev: tidFromMicros(1, 0), data, status: 'desynchronized', nextTry: 1000 } as const
      return { ...newRepo(did), ...about, reason: 'chain-since' }
    })
    const begun = (repo: RepoState, reason: string, attempts = 0): void => {
      const read = { ...repo, reason, attempts, triedAt: clock.now() }
      watch.begun({ did: repo.did, repo: read, reason, identity: null, signal: new AbortController().signal })
    }
    begun(second!, 'filter-changed')
    watch.ended(second!.did)
    begun(first!, 'filter-changed')
    await app.state.save({ repo: first! })
    await clock.run(100_000)
    begun(second!, 'chain-since', 1)
    expect(watch.overtaken).toBe(null)
    begun(second!, 'discovered')
    expect(watch.overtaken).toBe(null)
    watch.ended(first!.did)
    await clock.run(45_000)
    begun(second!, 'discovered')
    expect(watch.overtaken).toBe(null)
    await clock.run(1)
    begun(second!, 'discovered')
    expect(watch.overtaken).toMatchObject({ did: first!.did })
  })
})
