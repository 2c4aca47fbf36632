// Killed at work, again and again: a subscriber that comes back with its cursor sees each event once.

import { expect, test } from 'vitest'
import { eventually } from './support/indexer.ts'
import { openStreamed } from './support/streamed.ts'
import { listen } from './support/streams.ts'

const KILLS = process.env['AVOCET_CRASH'] === undefined ? 2 : 40
const V2 = '/xrpc/network.bsky.jetstream.subscribeEvents'

/** Follows a stream over all the lives of its server. @param seqOf the number of a frame's event */
function follow(path: string, seqOf: (frame: any) => number) {
  const seen: { seq: number; frame: any }[] = []
  let next = 1
  return {
    seen,
    connect(url: string): void {
      const { socket } = listen(url, `${path}?cursor=${next}`)
      socket.on('message', (data: Buffer) => {
        const frame: unknown = JSON.parse(data.toString())
        const seq = seqOf(frame)
        seen.push({ seq, frame })
        next = seq + 1
      })
    },
  }
}

test('each event once, over kills at work', { timeout: 60_000 + KILLS * 8000 }, async () => {
  await using streamed = await openStreamed('stream-crash')
  const accounts = [streamed.world.createAccount(), streamed.world.createAccount()]
  const sent: string[] = []
  const stop = new AbortController()
  const writer = (async () => {
    for (let i = 0; !stop.signal.aborted; i++) {
      const account = accounts[i % 2]!
      await streamed.honest(account, `n${i}`)
      sent.push(`${account.did} n${i}`)
      await new Promise((resolve) => setTimeout(resolve, 4))
    }
  })()
  const second = follow(V2, ({ payload }) => payload.seq)
  const first = follow('/subscribe', ({ cursor }) => cursor)
  try {
    for (let kill = 0; kill <= KILLS; kill++) {
      const run = streamed.start(['--no-backfill'])
      const url = await run.ready()
      const before = second.seen.length
      second.connect(url)
      first.connect(url)
      await eventually(() => second.seen.length > before + 30, 30_000)
      if (kill < KILLS) await run.kill()
    }
  } finally {
    stop.abort()
    await writer
  }
  await eventually(() => second.seen.length >= sent.length && first.seen.length >= sent.length, 30_000)
  const shown = (list: typeof second.seen, of: (frame: any) => string) =>
    list.map(({ frame }) => of(frame)).toSorted()
  expect(shown(second.seen, ({ payload }) => `${payload.did} ${payload.rkey}`)).toEqual(sent.toSorted())
  expect(shown(first.seen, ({ did, commit }) => `${did} ${commit.rkey}`)).toEqual(sent.toSorted())
  for (const { seen } of [first, second]) {
    const seqs = seen.map(({ seq }) => seq)
    expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b))
  }
})
