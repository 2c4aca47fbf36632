// What one resync makes of a copy that anybody's `Resync` hands over, and of answers that may be too early to believe.

import type { Did } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'
import { type Account, create, createWorld } from '../src/conformance/world.ts'
import { type ConsumeOptions, type Resync, ResyncError, type ResyncPart } from '../src/index.ts'
import { type Run, start } from './consume-run.ts'
import { fromFrames, stream, worldResolver } from './support.ts'

const headOf = (account: Account): Pick<ResyncPart, 'rev' | 'data' | 'commit'> => {
  const { rev, data, commit } = account.head!
  return { rev, data, commit }
}

/** A repo that missed a commit: its resync begins. Ends when `until` holds of what it said. */
async function reading(
  name: string,
  resync: (account: Account, first: Pick<ResyncPart, 'rev' | 'data' | 'commit'>) => Resync,
  until: (run: Run, did: Did) => boolean,
  options: Partial<ConsumeOptions<void>> = {},
): Promise<Run & { readonly did: Did }> {
  const world = createWorld(name)
  const account = world.createAccount()
  const { frames, add } = stream()
  add('#commit', world.event(await world.commit(account, [create('a')])))
  const first = headOf(account)
  await world.commit(account, [create('missed')])
  add('#commit', world.event(await world.commit(account, [create('b')])))
  const running = start(world, [], {
    sources: [fromFrames(frames, { stay: true })],
    resyncPolicy: { pollMs: 1, intervalMs: 0, backoffMs: 1, maxBackoffMs: 1 },
    resync: resync(account, first),
    ...options,
  })
  await expect.poll(() => until(running, account.did), { timeout: 8000 }).toBe(true)
  await running.consumer.close()
  return { ...running, did: account.did }
}

const isDone = ({ consumer }: Run): boolean => consumer.stats().resync.finished === 1
const failuresOf = (run: Run): string[] =>
  run.events.flatMap((event) =>
    event.kind === 'failure' ? [`${event.reason} ${event.message.split(';')[0]}`] : [],
  )

describe('a copy', () => {
  it('that is older than what is proved is not handed to the app', async () => {
    let tries = 0
    const run = await reading(
      'older copy',
      (account, first) =>
        async function* () {
          yield { ...(tries++ === 0 ? first : headOf(account)), ops: [], last: true }
        },
      isDone,
    )
    expect(failuresOf(run).slice(1)).toEqual([
      'resync-rev-regression rev-regression: copy is older than what is known',
    ])
    expect(run.lines().filter((line) => line.startsWith('resync'))).toEqual(['resync  last'])
    expect(tries).toBe(2)
  })

  it('that ends before its last part does not count as whole', async () => {
    let tries = 0
    const run = await reading(
      'early end',
      (account) =>
        async function* () {
          yield { ...headOf(account), ops: [], last: tries++ > 0 }
        },
      isDone,
    )
    expect(failuresOf(run).slice(1)).toEqual([
      'resync-failed fetch-failed: resync ended without its last part',
    ])
    expect(tries).toBe(2)
  })
})

describe('an answer', () => {
  it('that there is no such DID is believed at the third try', async () => {
    let gone = false
    let reads = 0
    const world = createWorld('gone thrice')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    await world.commit(account, [create('missed')])
    add('#commit', world.event(await world.commit(account, [create('b')])))
    const resolve = worldResolver(world)
    const running = start(world, [], {
      sources: [fromFrames(frames, { stay: true })],
      resyncPolicy: { pollMs: 1, intervalMs: 0, backoffMs: 1, maxBackoffMs: 1 },
      identity: { refreshMs: 0, retryMs: [], goneTtlMs: 0 },
      resolveKey: (did, options) => (gone ? Promise.resolve(null) : resolve(did, options)),
      // oxlint-disable-next-line require-yield
      async *resync() {
        reads++
        gone = true
        throw new ResyncError('repo-not-found', 'no such repo')
      },
    })
    await expect.poll(() => running.state.repos.get(account.did)?.status, { timeout: 8000 }).toBe('terminal')
    await running.consumer.close()
    const reasons = running.events.flatMap((event) => (event.kind === 'failure' ? [event.reason] : []))
    expect(reasons).toEqual(['chain-since', 'resync-failed', 'resync-failed', 'resync-terminal'])
    expect(reads).toBe(1)
  })

  it('of a busy host is spread over a quarter of what it asked for', async () => {
    const nextTry = async (random: number): Promise<number> => {
      const run = await reading(
        `busy ${random}`,
        () =>
          // oxlint-disable-next-line require-yield
          async function* () {
            throw new ResyncError('host-busy', 'busy', { retryAfterMs: 40_000 })
          },
        ({ state }, did) => (state.repos.get(did)?.nextTry ?? 0) > 1000,
        { now: () => 1000, random: () => random, policy: { maxFutureMs: Number.MAX_SAFE_INTEGER } },
      )
      return run.state.repos.get(run.did)!.nextTry!
    }
    expect(await nextTry(0)).toBe(41_001)
    expect(await nextTry(1)).toBe(51_001)
  })
})
