// Killed at work, again and again: a group of Tap and a webhook are given every event, in the order of each account.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeAck, parseTapEvent } from '@avocet/tap/wire'
import { expect, test } from 'vitest'
import { eventually } from './support/indexer.ts'
import { startReceiver } from './support/receiver.ts'
import { openStreamed, statusOf } from './support/streamed.ts'
import { listen } from './support/streams.ts'

const KILLS = process.env['AVOCET_CRASH'] === undefined ? 2 : 40

/** What came, in order: each event by account and record, when it came first; and how often events came again. */
type Taken = { readonly order: string[]; again: number }
const take = (into: Taken, place: string): void => {
  if (into.order.includes(place)) into.again++
  else into.order.push(place)
}

test('each event at least once, over kills at work', { timeout: 60_000 + KILLS * 8000 }, async () => {
  await using streamed = await openStreamed('delivery-crash')
  const hooked: Taken = { order: [], again: 0 }
  const tapped: Taken = { order: [], again: 0 }
  await using receiver = await startReceiver(({ json }) => {
    for (const { did, rkey } of json.events as { did: string; rkey: string }[]) take(hooked, `${did} ${rkey}`)
    return 200
  })
  const file = join(streamed.folder, 'webhooks.json')
  writeFileSync(file, JSON.stringify([{ name: 'h', url: receiver.url, kinds: ['commit'] }]))
  const accounts = [1, 2, 3].map(() => streamed.world.createAccount())
  const sent: string[] = []
  const stop = new AbortController()
  const writer = (async () => {
    for (let i = 0; !stop.signal.aborted; i++) {
      const account = accounts[i % 3]!
      await streamed.honest(account, `n${i}`)
      sent.push(`${account.did} n${i}`)
      await new Promise((resolve) => setTimeout(resolve, 4))
    }
  })()
  const connect = (url: string): void => {
    const { socket } = listen(url, '/channel')
    socket.on('message', (data: Buffer) => {
      const event = parseTapEvent(data.toString())
      if (!event.ok || event.value.type !== 'record') return
      take(tapped, `${event.value.did} ${event.value.rkey}`)
      socket.send(encodeAck(event.value.id))
    })
  }
  let url = ''
  try {
    for (let kill = 0; kill <= KILLS; kill++) {
      const run = streamed.start(['--no-backfill', '--tap', `--webhooks=${file}`])
      url = await run.ready()
      const before = [hooked.order.length, tapped.order.length]
      connect(url)
      await eventually(
        () => hooked.order.length > before[0]! + 30 && tapped.order.length > before[1]! + 30,
        30_000,
      )
      if (kill < KILLS) await run.kill()
    }
  } finally {
    stop.abort()
    await writer
  }
  await eventually(() => hooked.order.length >= sent.length && tapped.order.length >= sent.length, 60_000)
  await eventually(async () => {
    const { consumers } = await statusOf(url)
    return consumers.length === 2 && consumers.every(({ unacked, behind }) => unacked + behind === 0)
  }, 30_000)
  for (const { order } of [hooked, tapped]) {
    expect(order.toSorted()).toEqual(sent.toSorted())
    for (const { did } of accounts) {
      const own = (list: readonly string[]): string[] => list.filter((place) => place.startsWith(did))
      expect(own(order)).toEqual(own(sent))
    }
  }
  // Of what was acknowledged at most what a quarter of a second brings comes again.
  for (const { again } of [hooked, tapped]) expect(again).toBeLessThan(KILLS * 150)
})
