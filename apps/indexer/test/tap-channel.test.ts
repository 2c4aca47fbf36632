// Tap's `/channel` over a real host: acks, what comes again, order of an account, groups.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type GroupStart, openChannel } from '@avocet/tap'
import { encodeAck, parseTapEvent, type TapEvent } from '@avocet/tap/wire'
import { afterEach, describe, expect, test } from 'vitest'
import type { GroupStats, Indexer, IndexerConfig } from '../src/app.ts'
import { type Host, post, startHost, type TestAccount } from './support/host.ts'
import { eventually, startIndexer } from './support/indexer.ts'
import { type Heard, listen, refused } from './support/streams.ts'

const opened: AsyncDisposable[] = []
const heard: Heard[] = []
const folders: string[] = []
afterEach(async () => {
  for (const each of heard.splice(0)) each.close()
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

type Channel = Heard & {
  events(): TapEvent[]
  ack(...ids: number[]): void
  /** Once there are so many, those that came. */
  many(count: number): Promise<TapEvent[]>
}

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'avocet-tap-'))
  folders.push(made)
  return made
}
const openHost = async (): Promise<Host> => {
  const host = await startHost()
  opened.push(host)
  return host
}
const start = async (host: Host, config: Partial<IndexerConfig> = {}): Promise<Indexer> => {
  const indexer = await startIndexer(host, { tap: { password: null, ackMs: 30_000 }, ...config })
  opened.push(indexer)
  return indexer
}
const channel = (indexer: Indexer, query = ''): Channel => {
  const each = listen(indexer.url!, `/channel${query}`)
  heard.push(each)
  const events = (): TapEvent[] =>
    each.frames.map((frame) => {
      const parsed = parseTapEvent(String(frame))
      if (!parsed.ok) throw new Error(parsed.error.message)
      return parsed.value
    })
  return {
    ...each,
    events,
    ack: (...ids) => ids.forEach((id) => each.socket.send(encodeAck(id))),
    async many(count) {
      await eventually(() => each.frames.length >= count)
      return events()
    },
  }
}
/** Acknowledges all that comes but what this is true of. */
const acking = (each: Channel, isPoison: (event: TapEvent) => boolean = () => false): Channel => {
  each.socket.on('message', (data: Buffer) => {
    const parsed = parseTapEvent(data.toString())
    if (parsed.ok && !isPoison(parsed.value)) each.ack(parsed.value.id)
  })
  return each
}
const created = (rkey: string, text = rkey) =>
  ({ action: 'create', collection: 'app.bsky.feed.post', rkey, record: post(text) }) as const
const rkeys = (events: readonly TapEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'record' ? [event.rkey] : []))
const statsOf = (indexer: Indexer, name = 'tap/default'): GroupStats =>
  indexer.status().consumers.find((each) => each.name === name)!
const write = (host: Host, account: TestAccount, ...keys: string[]): Promise<unknown> =>
  keys.reduce<Promise<unknown>>(
    (before, key) => before.then(() => host.write(account, [created(key)])),
    Promise.resolve(),
  )

describe('what a consumer is given', () => {
  test('of an account: what was there side by side, then what happens one after the other', async () => {
    const host = await openHost()
    const alice = await host.createAccount('alice')
    await host.write(alice, [created('a'), created('b')], { silent: true })
    const indexer = await start(host)
    await eventually(() => indexer.status().totals.records === 2)
    const each = channel(indexer)
    const first = await each.many(2)
    expect(rkeys(first).toSorted()).toEqual(['a', 'b'])
    expect(first.every((event) => event.type === 'record' && !event.live && event.action === 'create')).toBe(
      true,
    )
    await write(host, alice, 'c', 'd')
    await eventually(() => statsOf(indexer).unacked === 4)
    // Neither comes before what was there is acknowledged.
    expect(each.frames).toHaveLength(2)
    each.ack(first[0]!.id)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(each.frames).toHaveLength(2)
    each.ack(first[1]!.id)
    const third = (await each.many(3))[2]!
    expect(third).toMatchObject({ type: 'record', live: true, rkey: 'c', did: alice.did, action: 'create' })
    expect(third).toMatchObject({ record: { text: 'c' } })
    each.ack(third.id)
    const fourth = (await each.many(4))[3]!
    expect(rkeys([fourth])).toEqual(['d'])
    each.ack(fourth.id)
    await eventually(() => statsOf(indexer).unacked === 0)
    await host.write(alice, [{ action: 'delete', collection: 'app.bsky.feed.post', rkey: 'd' }])
    const deleted = (await each.many(5))[4]!
    expect(deleted).toMatchObject({ action: 'delete', rkey: 'd', live: true })
    expect(Object.keys(deleted)).not.toContain('record')
  })
})

describe('what is not acknowledged', () => {
  const quick = { tap: { password: null, ackMs: 300, tries: 3 } }

  test('comes again, and then is given up, while others go on', async () => {
    const host = await openHost()
    const [alice, bob] = [await host.createAccount('alice'), await host.createAccount('bob')]
    const lines: string[] = []
    const indexer = await start(host, { ...quick, backfill: false, onLog: (line) => void lines.push(line) })
    const each = acking(channel(indexer), (event) => event.type === 'record' && event.rkey === 'poison')
    await eventually(() => each.socket.readyState === 1)
    await write(host, alice, 'poison', 'behind')
    await write(host, bob, 'b0')
    await eventually(() => rkeys(each.events()).includes('b0'))
    // Bob writes on: that is how the server knows that somebody is there.
    let n = 0
    await eventually(async () => {
      await write(host, bob, `b${++n}`)
      return statsOf(indexer).deadLetters === 1
    }, 20_000)
    await eventually(() => rkeys(each.events()).includes('behind'))
    const keys = rkeys(each.events())
    expect(keys.filter((key) => key === 'poison')).toHaveLength(3)
    expect(keys.filter((key) => key === 'behind')).toHaveLength(1)
    expect(keys.indexOf('b1')).toBeLessThan(keys.lastIndexOf('poison'))
    expect(keys.indexOf('behind')).toBeGreaterThan(keys.lastIndexOf('poison'))
    expect(lines.some((line) => line.includes('tap/default: given up after 3 tries'))).toBe(true)

    const letters = await (await fetch(`${indexer.url}/groups/dead-letters`)).json()
    expect(letters.deadLetters).toMatchObject([
      { kind: 'create', rkey: 'poison', did: alice.did, tries: 3, reason: 'not acknowledged in time' },
    ])
    const ask = (path: string, body: object): Promise<Response> =>
      fetch(`${indexer.url}/groups/${path}`, { method: 'POST', body: JSON.stringify(body) })
    const ids = [letters.deadLetters[0].id]
    expect(await (await ask('retry', { ids: [...ids, ...ids, 999] })).json()).toEqual({ count: 1 })
    await eventually(() => rkeys(each.events()).filter((key) => key === 'poison').length === 4)
    await eventually(async () => {
      await write(host, bob, `b${++n}`)
      return statsOf(indexer).deadLetters === 1 && statsOf(indexer).unacked === 0
    }, 20_000)
    const again = await (await fetch(`${indexer.url}/groups/dead-letters`)).json()
    expect(await (await ask('dismiss', { ids: [again.deadLetters[0].id] })).json()).toEqual({ count: 1 })
    expect(statsOf(indexer).deadLetters).toBe(0)
  })

  test('is not given up while nothing is: nobody is there to take it', async () => {
    const host = await openHost()
    const alice = await host.createAccount('alice')
    const indexer = await start(host, { ...quick, backfill: false })
    const each = channel(indexer)
    await eventually(() => each.socket.readyState === 1)
    await write(host, alice, 'a')
    await each.many(6)
    expect(statsOf(indexer)).toMatchObject({ deadLetters: 0, unacked: 1, failing: 1 })
    each.ack(each.events()[0]!.id)
    await eventually(() => statsOf(indexer).unacked === 0)
    expect(statsOf(indexer).failing).toBe(0)
  })

  test('goes to another of the group at once when one leaves', async () => {
    const host = await openHost()
    const alice = await host.createAccount('alice')
    const indexer = await start(host, { backfill: false })
    const first = channel(indexer)
    await eventually(() => first.socket.readyState === 1)
    await write(host, alice, 'a')
    await first.many(1)
    const second = channel(indexer)
    await eventually(() => statsOf(indexer).consumers === 2)
    first.close()
    expect(rkeys(await second.many(1))).toEqual(['a'])
  })

  test('is there after a restart, and what is acknowledged is not', async () => {
    const host = await openHost()
    const accounts = await Promise.all(['a', 'b', 'c'].map((name) => host.createAccount(name)))
    const dataFolder = folder()
    const before = await startIndexer(host, { dataFolder, tap: { password: null }, backfill: false })
    const each = channel(before)
    await eventually(() => each.socket.readyState === 1)
    for (const account of accounts) await write(host, account, 'one', 'two')
    const given = await each.many(3)
    expect(rkeys(given)).toEqual(['one', 'one', 'one'])
    const kept = given.find(({ did }) => did === accounts[1]!.did)!
    each.ack(...given.filter((event) => event !== kept).map(({ id }) => id))
    // The next of the two others; those are acknowledged as the process ends.
    const next = (await each.many(5)).slice(3)
    each.ack(...next.map(({ id }) => id))
    await eventually(() => statsOf(before).unacked === 2)
    await before.close()

    const after = await start(host, { dataFolder, backfill: false })
    expect(statsOf(after)).toMatchObject({ unacked: 2, consumers: 0, deadLetters: 0 })
    const again = channel(after)
    const [back] = await again.many(1)
    expect(back).toEqual(kept)
    again.ack(kept.id)
    expect((await again.many(2))[1]).toMatchObject({ did: accounts[1]!.did, rkey: 'two' })
    again.ack(again.events()[1]!.id)
    await eventually(() => statsOf(after).unacked === 0)
    await write(host, accounts[0]!, 'three')
    expect(rkeys(await again.many(3))).toEqual(['one', 'two', 'three'])
  })
})

describe('groups', () => {
  test('have each event once, and share it among those who are at one', async () => {
    const host = await openHost()
    const accounts = await Promise.all(Array.from({ length: 6 }, (_, i) => host.createAccount(`n${i}`)))
    const indexer = await start(host, { backfill: false })
    const [one, two, other] = [
      acking(channel(indexer, '?group=shared')),
      acking(channel(indexer, '?group=shared')),
      acking(channel(indexer, '?group=other')),
    ]
    await eventually(() => statsOf(indexer, 'tap/shared')?.consumers === 2)
    for (const account of accounts) await write(host, account, 'x', 'y', 'z')
    await eventually(() => other.frames.length === 18 && one.frames.length + two.frames.length === 18)
    const place = (event: TapEvent): string => `${event.did} ${rkeys([event])}`
    const shared = [...one.events(), ...two.events()].map(place)
    expect(shared.toSorted()).toEqual(other.events().map(place).toSorted())
    expect(new Set(shared).size).toBe(18)
    // A group that begins later begins at the oldest event; or with what happens, when it says so.
    const late = acking(channel(indexer, '?group=late'))
    const live = acking(channel(indexer, '?group=live&start=live'))
    await late.many(18)
    await write(host, accounts[0]!, 'last')
    expect(rkeys(await live.many(1))).toEqual(['last'])
    const list = (await (await fetch(`${indexer.url}/groups/list`)).json()) as object
    expect(Object.keys(list).toSorted()).toEqual(['tap/late', 'tap/live', 'tap/other', 'tap/shared'])
    const remove = (group: string): Promise<Response> =>
      fetch(`${indexer.url}/groups/remove`, { method: 'POST', body: JSON.stringify({ group }) })
    expect((await remove('live')).status).toBe(409)
    live.close()
    await eventually(() => statsOf(indexer, 'tap/live').consumers === 0)
    expect((await remove('live')).status).toBe(200)
    expect(statsOf(indexer, 'tap/live')).toBeUndefined()
    expect(await refused(indexer.url!, '/channel?group=a/b')).toMatchObject({ status: 400 })
    expect(await refused(indexer.url!, '/channel?start=then')).toMatchObject({ status: 400 })
  })

  test('begin where a client says, the first time', async () => {
    const host = await openHost()
    const ada = await host.createAccount('ada')
    const indexer = await start(host, { backfill: false })
    await write(host, ada, 'one', 'two')
    await eventually(() => indexer.status().totals.records === 2)
    /** What the client hears first, with whether it is of the log. */
    const hear = async (group: string, from: GroupStart, count: number): Promise<[string, boolean][]> => {
      const told: TapEvent[] = []
      await using reading = openChannel({
        service: indexer.url!,
        group,
        start: from,
        onEvent: (event) => void told.push(event),
        onFailure: ({ event }) => expect.fail(JSON.stringify(event)),
      })
      await eventually(() => statsOf(indexer, `tap/${group}`)?.consumers === 1)
      if (from === 'live') await write(host, ada, `after-${group}`)
      await eventually(() => told.length >= count && reading.stats.acked === told.length)
      return told.map((event) => [event.type === 'record' ? event.rkey : event.type, event.id < 2 ** 52])
    }
    const log = [
      ['one', true],
      ['two', true],
    ]
    expect(await hear('oldest', 'oldest', 2)).toEqual(log)
    // The log has lost nothing yet.
    expect(await hear('all', 'all', 2)).toEqual(log)
    expect((await hear('snapshot', 'snapshot', 3)).toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual([
      ['identity', false],
      ['one', false],
      ['two', false],
    ])
    expect(await hear('live', 'live', 1)).toEqual([['after-live', true]])
    // One that is there goes on where it was.
    expect(await hear('all', 'snapshot', 1)).toEqual([['after-live', true]])
  })
})
