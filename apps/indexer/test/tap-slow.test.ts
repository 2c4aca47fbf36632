// How many events a consumer has at a time: more as it keeps up, fewer when it does not.

import { encodeAck, parseTapEvent } from '@avocet/tap/wire'
import { afterEach, expect, test } from 'vitest'
import type { GroupStats, Indexer, IndexerConfig } from '../src/app.ts'
import { type Host, post, startHost } from './support/host.ts'
import { eventually, startIndexer } from './support/indexer.ts'
import { listen } from './support/streams.ts'

let host: Host
let indexer: Indexer
afterEach(async () => {
  await indexer.close()
  await host[Symbol.asyncDispose]()
})
/** A repo whose records are told side by side. */
const start = async (count: number, config: Partial<IndexerConfig>): Promise<void> => {
  host = await startHost()
  const alice = await host.createAccount('alice')
  for (let i = 0; i < count; i += 100)
    await host.write(
      alice,
      Array.from({ length: 100 }, (_, n) => ({
        action: 'create' as const,
        collection: 'app.bsky.feed.post',
        rkey: `r${i + n}`,
        record: post('x'),
      })),
      { silent: true },
    )
  indexer = await startIndexer(host, config)
  await eventually(() => indexer.status().totals.records === count, 20_000)
}
const stats = (): GroupStats => indexer.status().consumers[0]!
const idOf = (frame: unknown): number => {
  const parsed = parseTapEvent(String(frame))
  if (!parsed.ok) throw new Error(parsed.error.message)
  return parsed.value.id
}

test('one that keeps up has twice as many after as many acks', async () => {
  await start(500, { tap: { password: null, ackMs: 60_000 } })
  const each = listen(indexer.url!, '/channel')
  const { socket, frames } = each
  await eventually(() => frames.length >= 64)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(frames).toHaveLength(64)
  for (const frame of frames) socket.send(encodeAck(idOf(frame)))
  await eventually(() => frames.length >= 192)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(frames).toHaveLength(192)
  each.close()
})

test('one that does not has one at a time in the end, and that one', async () => {
  await start(100, { tap: { password: null, ackMs: 200, tries: 1000 } })
  const each = listen(indexer.url!, '/channel')
  const { socket, frames } = each
  // Twice 64 are overdue.
  await eventually(() => frames.length >= 64 && stats().failing >= 60)
  await eventually(() => stats().failing >= 64)
  const before = frames.length
  await eventually(() => frames.length > before + 3)
  // It takes one at a time, and gets each of them in the end.
  const seen = new Set<number>()
  socket.on('message', (data: Buffer) => {
    const id = idOf(data.toString())
    seen.add(id)
    socket.send(encodeAck(id))
  })
  await eventually(() => stats().unacked === 0 && stats().behind === 0, 30_000)
  expect(seen.size).toBe(100)
  each.close()
})
