import type { Did } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'
import { create, createWorld, post, remove, update, type World } from '../src/conformance/world.ts'
import {
  consume,
  type ConsumeOptions,
  createMemoryState,
  type FailureEvent,
  type MemoryState,
  ResyncError,
  type VerifiedEvent,
} from '../src/index.ts'
import { fromFrames, outline, stream, worldResolver } from './support.ts'

type Run = {
  events: VerifiedEvent[]
  ignored: FailureEvent[]
  state: MemoryState
  lines: (did?: Did) => string[]
}

async function run(
  world: World,
  frames: Uint8Array[],
  options: Partial<ConsumeOptions<void>> = {},
): Promise<Run> {
  const events: VerifiedEvent[] = []
  const ignored: FailureEvent[] = []
  const state = (options.state as MemoryState | undefined) ?? createMemoryState()
  const consumer = consume({
    sources: [fromFrames(frames)],
    resolveKey: worldResolver(world),
    onEvent: (event) => void events.push(event),
    onIgnored: (failure) => ignored.push(failure),
    ...options,
    state,
  })
  await consumer.done
  return {
    events,
    ignored,
    state,
    lines: (did) =>
      events.filter((event) => did === undefined || ('did' in event && event.did === did)).map(outline),
  }
}

describe('consume', () => {
  it('delivers a chain of commits in order, with records and state', async () => {
    const world = createWorld('chain')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a'), create('b')])))
    add('#commit', world.event(await world.commit(account, [update('a', post('changed'))])))
    add('#commit', world.event(await world.commit(account, [remove('b'), create('c')])))
    const { events, lines, state, ignored } = await run(world, frames)
    expect(lines().map((line) => line.replace(/commit \S+ /, ''))).toEqual([
      'create:app.bsky.feed.post/a create:app.bsky.feed.post/b',
      'update:app.bsky.feed.post/a',
      'delete:app.bsky.feed.post/b create:app.bsky.feed.post/c',
    ])
    expect(ignored).toEqual([])
    const [, second] = events
    expect(second?.kind === 'commit' && second.ops[0]).toMatchObject({
      collection: 'app.bsky.feed.post',
      rkey: 'a',
      record: post('changed'),
    })
    const repo = state.repos.get(account.did)!
    expect(repo.rev).toBe(account.head!.rev)
    expect(repo.data!.toString()).toBe(account.head!.data.toString())
    expect(repo.status).toBe('synchronized')
    expect(state.cursors.get('test')).toEqual({
      source: 'test',
      seq: 3,
      high: 3,
      numbering: 0,
      gapAt: expect.any(Number),
    })
  })

  it('drops what it had before, and goes on behind the cursor', async () => {
    const world = createWorld('dup')
    const account = world.createAccount()
    const { frames, add } = stream()
    for (const rkey of ['a', 'b', 'c'])
      add('#commit', world.event(await world.commit(account, [create(rkey)])))
    const first = await run(world, [...frames.slice(0, 2), frames[0]!, frames[1]!])
    expect(first.lines()).toHaveLength(2)
    expect(first.ignored.map((failure) => failure.reason)).toEqual(['duplicate', 'duplicate'])
    let asked: number | undefined
    const second = await run(world, frames, {
      state: first.state,
      sources: [fromFrames(frames, { onCursor: (cursor) => (asked = cursor) })],
    })
    expect(asked).toBe(2)
    expect(second.lines()).toHaveLength(1)
  })

  it('a gap without resync: proved, delivered, flagged', async () => {
    const world = createWorld('gap')
    const account = world.createAccount()
    const { frames, add } = stream()
    for (const rkey of ['a', 'b', 'c', 'd'])
      add('#commit', world.event(await world.commit(account, [create(rkey)])))
    const { lines } = await run(world, [frames[0]!, frames[2]!, frames[3]!])
    expect(lines().map((line) => line.replace(/commit \S+ /, ''))).toEqual([
      'create:app.bsky.feed.post/a',
      'create:app.bsky.feed.post/c [gap]',
      'create:app.bsky.feed.post/d',
    ])
  })

  it('a gap with resync: read anew, queued meanwhile, then on', async () => {
    const world = createWorld('resync')
    const account = world.createAccount()
    const { frames, add } = stream()
    add('#commit', world.event(await world.commit(account, [create('a')])))
    await world.commit(account, [create('missed')])
    add('#commit', world.event(await world.commit(account, [create('c')])))
    const head = account.head!
    const later = Promise.withResolvers<void>()
    add('#commit', world.event(await world.commit(account, [create('d')])))
    async function* source(): AsyncGenerator<Uint8Array> {
      yield frames[0]!
      yield frames[1]!
      await later.promise
      yield frames[2]!
      // One more, so that the queue is drained under the lane before it.
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const { lines, state, ignored } = await run(world, [], {
      sources: [fromFrames(source())],
      async *resync({ repo, reason }) {
        expect(reason).toBe('chain-since')
        expect(repo.status).toBe('resyncing')
        later.resolve()
        await new Promise((resolve) => setTimeout(resolve, 20))
        yield { rev: head.rev, commit: head.commit, data: head.data, ops: [], last: false }
        yield { rev: head.rev, commit: head.commit, data: head.data, ops: [], last: true }
      },
    })
    expect(ignored).toEqual([])
    expect(lines().map((line) => line.replace(/commit \S+ /, 'commit '))).toEqual([
      'commit create:app.bsky.feed.post/a',
      'failure chain-since',
      'resync ',
      'resync  last',
      'commit create:app.bsky.feed.post/d [queued]',
    ])
    expect(state.repos.get(account.did)).toMatchObject({
      status: 'synchronized',
      rev: account.head!.rev,
      nextTry: null,
    })
    expect(state.loadQueue(account.did, 1e9)).toEqual([])
  })

  it('terminal repos are not tried again', async () => {
    const world = createWorld('terminal')
    const account = world.createAccount()
    const { frames, add } = stream()
    await world.commit(account, [create('a')])
    add('#commit', world.event(await world.commit(account, [create('b')])))
    let tries = 0
    const { lines, state } = await run(world, frames, {
      // oxlint-disable-next-line require-yield
      async *resync() {
        tries++
        throw new ResyncError('repo-takendown', 'RepoTakendown')
      },
    })
    expect(tries).toBe(1)
    expect(lines().at(-1)).toBe('failure resync-terminal')
    expect(state.repos.get(account.did)).toMatchObject({
      status: 'terminal',
      reason: 'repo-takendown',
      nextTry: null,
    })
  })
})
