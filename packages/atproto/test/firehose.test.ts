// What comes out of the stream: what is proved, once it is asked for, and what the cursor is told of it.
import { create, createWorld, frameOf, serveStream } from '@avocet/firehose/conformance'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'

import { createIdentity, firehose, type CursorStore, type RecordChange } from '../src/index.ts'

/** A stream of frames, each of which creates a record of one of two accounts; those of `forged` are damaged. */
async function startStream(
  frames: readonly (readonly [name: string, account: 'alice' | 'bob'])[],
): ReturnType<typeof serveStream> {
  const world = createWorld('front-door')
  const accounts = { alice: world.createAccount(), bob: world.createAccount() }
  const server = await serveStream(world)
  let seq = 0
  for (const [name, account] of frames) {
    seq += 1
    const frame = frameOf('#commit', world.event(await world.commit(accounts[account], [create(name)])), seq)
    if (name === 'forged') frame[frame.length >> 1]! ^= 1
    server.send({ seq, frame })
  }
  return server
}

const keeper = (at: number | null): CursorStore & { readonly saved: number[] } => {
  const saved: number[] = []
  return { saved, load: () => saved.at(-1) ?? at, save: (seq) => void saved.push(seq) }
}

describe('firehose', () => {
  it('gives what is proved in its order, and tells of the rest', async () => {
    await using stack = new AsyncDisposableStack()
    const server = await startStream([
      ['one', 'alice'],
      ['forged', 'bob'],
      ['two', 'alice'],
      ['three', 'alice'],
    ])
    stack.defer(() => server.close())
    const refused: string[] = []
    const seen: RecordChange[] = []
    const identity = createIdentity({ plcUrl: server.plcUrl, allowLoopback: true })
    const all = new AbortController()
    const look = (): void => {
      if (seen.length === 3 && refused.length === 1) all.abort()
    }
    const onFailure = ({ reason }: { readonly reason: string }): void => {
      refused.push(reason)
      look()
    }
    const options = { url: server.service, identity, cursor: keeper(0), onFailure, signal: all.signal }
    for await (const change of firehose(options)) {
      seen.push(change)
      look()
    }
    expect(seen.map(({ action, rkey, seq }) => [action, rkey, seq])).toEqual([
      ['create', 'one', 1],
      ['create', 'two', 3],
      ['create', 'three', 4],
    ])
    expect(seen[0]).toMatchObject({
      uri: `at://${seen[0]!.did}/app.bsky.feed.post/one`,
      cid: expect.stringMatching(/^bafyrei/) as string,
      value: { $type: 'app.bsky.feed.post' },
    })
    expect(refused).toEqual(['block-hash-mismatch'])
  })

  it.each([
    ['matching by itself', undefined, 0],
    ['all, where that is asked for', 'all', 2],
  ] as const)('looks up accounts: %s', async (_, scope, expected) => {
    await using stack = new AsyncDisposableStack()
    const server = await startStream([
      ['one', 'alice'],
      ['two', 'bob'],
      ['three', 'alice'],
    ])
    stack.defer(() => server.close())
    const { dids, handles } = createIdentity({ plcUrl: server.plcUrl, allowLoopback: true })
    const asked = new Set<string>()
    const counted: typeof dids = {
      ...dids,
      resolve: (did, options) => {
        asked.add(did)
        return dids.resolve(did, options)
      },
    }
    const stop = new AbortController()
    const saved: number[] = []
    const cursor: CursorStore = {
      load: () => 0,
      save: (seq) => {
        saved.push(seq)
        if (seq === 3) stop.abort()
      },
    }
    const options = {
      url: server.service,
      identity: { dids: counted, handles },
      cursor,
      collections: ['com.example.nothing'],
      ...(scope === undefined ? {} : { scope }),
      signal: stop.signal,
    }
    for await (const change of firehose(options)) expect(change).toBeUndefined()
    // What nobody wants is read past all the same.
    expect(saved.at(-1)).toBe(3)
    expect(asked.size).toBe(expected)
  })

  it('tells the cursor of nothing that the next one was not asked after', async () => {
    await using stack = new AsyncDisposableStack()
    const server = await startStream([
      ['one', 'alice'],
      ['two', 'alice'],
      ['three', 'alice'],
    ])
    stack.defer(() => server.close())
    const identity = createIdentity({ plcUrl: server.plcUrl, allowLoopback: true })
    const cursor = keeper(0)
    const options = { url: server.service, identity, cursor, collections: ['app.bsky.feed.post'] }
    for await (const change of firehose(options)) {
      if (change.rkey !== 'two') continue
      // Time for what must not be stored.
      await delay(100)
      break
    }
    await delay(100)
    expect(cursor.saved.filter((seq) => seq > 1)).toEqual([])
    const again: string[] = []
    for await (const change of firehose(options)) {
      again.push(change.rkey)
      if (change.rkey === 'three') break
    }
    expect(again.slice(-2)).toEqual(['two', 'three'])
  })

  it('ends with the signal, and by leaving the loop while others wait', async () => {
    await using stack = new AsyncDisposableStack()
    const server = await startStream([
      ['one', 'alice'],
      ['two', 'bob'],
      ['three', 'alice'],
    ])
    stack.defer(() => server.close())
    const identity = createIdentity({ plcUrl: server.plcUrl, allowLoopback: true })
    const stop = new AbortController()
    const seen: string[] = []
    for await (const change of firehose({
      url: server.service,
      identity,
      cursor: keeper(0),
      signal: stop.signal,
    })) {
      seen.push(change.rkey)
      // Time for the other account's to be offered.
      await delay(200)
      stop.abort()
    }
    expect(seen).toHaveLength(1)
  })

  it('fails with the word of the cursor store where that fails', async () => {
    await using stack = new AsyncDisposableStack()
    const server = await startStream([
      ['one', 'alice'],
      ['two', 'alice'],
    ])
    stack.defer(() => server.close())
    const identity = createIdentity({ plcUrl: server.plcUrl, allowLoopback: true })
    const cursor: CursorStore = { load: () => 0, save: () => Promise.reject(new Error('disk full')) }
    const run = (async () => {
      for await (const change of firehose({ url: server.service, identity, cursor })) void change
    })()
    await expect(run).rejects.toMatchObject({ speaker: '@avocet/firehose', code: 'state-failed' })
  })
})
