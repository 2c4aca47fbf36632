// The indexer's side of Tap, with the published clients as they are, over real sockets and kill -9.
import { TapClient } from '@atcute/tap'
import { formatAdminAuthHeader, LexIndexer, Tap, TapChannel, type TapEvent } from '@atproto/tap'
import { l } from '@atproto/lex'
import { createTap, openChannel } from '@avocet/tap'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { COLLECTION, type Consumed, type Folded, openConsumed, PASSWORD, until } from '../support/consumed.ts'

let consumed: Consumed
const FLAGS = ['--tap', '--tap-retry-seconds=1', '--tap-tries=3']
const env = { AVOCET_TAP_PASSWORD: PASSWORD }
const didOf = (i: number) => consumed.agents[i]!.session!.did as `did:plc:${string}`

type Taken = { did: string; rkey: string; action: string; record?: Record<string, unknown> | undefined }
/** As any consumer does it: by place, what comes last counts. */
const fold = (into: Folded, { did, rkey, action, record }: Taken): void => {
  if (action === 'delete') into.delete(`${did}/${rkey}`)
  else into.set(`${did}/${rkey}`, String(record?.['text']))
}
const expectSame = async (seen: Folded): Promise<void> => {
  const wanted = await consumed.folded()
  await until(() => seen.size === wanted.size && [...wanted].every(([at, text]) => seen.get(at) === text))
  expect(seen).toEqual(wanted)
}

beforeAll(async () => {
  consumed = await openConsumed(['ada', 'ben', 'cyn'])
  for (const agent of consumed.agents)
    for (const i of [1, 2, 3]) await consumed.put(agent, `old${i}`, { text: `old ${i}` })
  await consumed.start(FLAGS, env)
}, 60_000)
afterAll(async () => {
  await consumed?.[Symbol.asyncDispose]()
})

describe('@atproto/tap', () => {
  test('adds repos, asks about them, and is kept out without the password', { timeout: 60_000 }, async () => {
    const tap = new Tap(consumed.url, { adminPassword: PASSWORD })
    await tap.addRepos([didOf(0), didOf(1)])
    await until(async () => (await tap.getRepoInfo(didOf(0)).catch(() => null))?.state === 'active')
    expect(await tap.getRepoInfo(didOf(0))).toMatchObject({ did: didOf(0), handle: 'ada.test', records: 3 })
    expect((await tap.resolveDid(didOf(1)))?.id).toBe(didOf(1))
    expect(await tap.resolveDid('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')).toBeNull()
    await expect(tap.getRepoInfo('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')).rejects.toThrow('Not Found')
    const stranger = new Tap(consumed.url, { adminPassword: 'wrong' })
    await expect(stranger.addRepos([didOf(0)])).rejects.toThrow('Unauthorized')
    await expect(stranger.getRepoInfo(didOf(0))).rejects.toThrow('Unauthorized')
  })

  test(
    'folds its events into what the PDS has, over kill -9 of the indexer',
    { timeout: 90_000 },
    async () => {
      const seen: Folded = new Map()
      const order: TapEvent[] = []
      const channel = new Tap(consumed.url, { adminPassword: PASSWORD }).channel(
        {
          async onEvent(event, { ack }) {
            order.push(event)
            if (event.type === 'record') fold(seen, event)
            await ack()
          },
          onError: () => {},
        },
        { maxReconnectSeconds: 1 },
      )
      const running = channel.start()
      for (let round = 0; round < 3; round++) {
        for (const [i, agent] of consumed.agents.entries()) {
          await consumed.put(agent, `r${round}`, { text: `round ${round} of ${i}` })
          await consumed.put(agent, 'old1', { text: `changed ${round}` })
          if (round === 1) await consumed.remove(agent, 'old2')
          if (round < 2 && i === 1) await consumed.kill()
          if (round < 2 && i === 1) await consumed.start(FLAGS, env)
        }
      }
      await expectSame(seen)
      await until(async () => (await consumed.stats('tap/default'))['unacked'] === 0)
      // What comes twice is the same event; those of an account that happened come in their order.
      for (const { did } of consumed.agents.map((agent) => agent.session!)) {
        const ids = order.filter((event) => event.did === did && event.type === 'record' && event.live)
        const firsts = [...new Set(ids.map(({ id }) => id))]
        expect(firsts).toEqual(firsts.toSorted((a, b) => a - b))
      }
      await channel.destroy()
      await running
    },
  )

  test(
    'with a record that its indexer refuses: that one is given up, its account goes on',
    { timeout: 90_000 },
    async () => {
      const [ada, ben] = consumed.agents
      const note = l.record('any', COLLECTION, l.object({ text: l.string() }))
      const seen: string[] = []
      const errors: Error[] = []
      const indexer = new LexIndexer()
        .put(note, async (event) => void seen.push(`${event.did === didOf(0) ? 'ada' : 'ben'} ${event.rkey}`))
        .error((error) => void errors.push(error))
      const url = `${consumed.url.replace('http', 'ws')}/channel?group=lex&start=live`
      const channel = new TapChannel(url, indexer, { adminPassword: PASSWORD })
      const running = channel.start()
      await until(async () => (await consumed.stats('tap/lex'))['consumers'] === 1)
      await consumed.put(ada!, 'poison', { text: 7 })
      await consumed.put(ada!, 'behind', { text: 'behind' })
      let n = 0
      await until(async () => {
        await consumed.put(ben!, `pulse${++n}`, { text: 'still there' })
        return seen.includes('ada behind')
      })
      expect(errors.length).toBe(3)
      expect(errors[0]!.cause).toMatchObject({ message: expect.stringContaining('Record validation failed') })
      expect(seen).toContain('ben pulse1')
      await until(async () => (await consumed.stats('tap/lex'))['unacked'] === 0)
      expect(await consumed.stats('tap/lex')).toMatchObject({ deadLetters: 1, failing: 0 })
      await channel.destroy()
      await running
      for (let i = 1; i <= n; i++) await consumed.remove(ben!, `pulse${i}`)
      await consumed.remove(ada!, 'poison')
      await consumed.remove(ada!, 'behind')
    },
  )
})

describe('@atcute/tap', () => {
  test('folds the same, and asks about repos', { timeout: 60_000 }, async () => {
    const tap = new TapClient({ url: consumed.url, adminPassword: PASSWORD })
    await tap.addRepos([didOf(0)])
    await until(async () => (await tap.getRepoInfo(didOf(0))).state === 'active')
    // Its `resolveDid` calls a method that the version of `@atcute/identity` it installs does not have.
    const seen: Folded = new Map()
    const errors: unknown[] = []
    const places: string[] = []
    const wanted = [0, 1, 2].map((i) => `${didOf(i)} create atcute`)
    wanted.push(`${didOf(2)} delete atcute`)
    // Whatever was written above is acknowledged: what comes now is for whom is here now.
    for (const [i, agent] of consumed.agents.entries()) await consumed.put(agent, 'atcute', { text: `${i}` })
    await consumed.remove(consumed.agents[2]!, 'atcute')
    // Its own socket with a password calls the constructor of Node's WebSocket as that of others is called, which fails.
    class WithPassword extends WebSocket {
      constructor(url: string | URL) {
        super(url, { headers: { authorization: formatAdminAuthHeader(PASSWORD) } })
      }
    }
    const subscription = tap.subscribe({
      ws: { WebSocket: WithPassword },
      onError: (error) => void errors.push(error),
    })
    for await (const { event, ack } of subscription) {
      await ack()
      if (event.type !== 'record') continue
      fold(seen, event)
      places.push(`${event.did} ${event.action} ${event.rkey}`)
      // Each account in its order, whatever the others have before that.
      if (wanted.every((place) => places.includes(place))) break
    }
    expect(errors).toEqual([])
    expect([...seen.keys()].filter((at) => at.endsWith('/atcute')).toSorted()).toEqual(
      [`${didOf(0)}/atcute`, `${didOf(1)}/atcute`].toSorted(),
    )
  })
})

describe('@avocet/tap', () => {
  test('folds the whole log in a group of its own, and reads the figures', { timeout: 60_000 }, async () => {
    const seen: Folded = new Map()
    await using channel = openChannel({
      service: consumed.url,
      password: PASSWORD,
      group: 'ours',
      onEvent: (event) => void (event.type === 'record' && fold(seen, event as Taken)),
      onFailure: () => undefined,
    })
    await expectSame(seen)
    await until(() => channel.stats.pending === 0)
    const tap = createTap({ service: consumed.url, password: PASSWORD })
    expect(await tap.health()).toBe(true)
    const stats = await tap.stats()
    expect(stats).toMatchObject({ repoCount: 3, recordCount: seen.size, resyncBuffer: 0 })
    expect(stats.cursors.firehose).toBeGreaterThan(0)
    expect(await tap.repoInfo(didOf(1))).toMatchObject({ state: 'active', handle: 'ben.test' })
    await expect(createTap({ service: consumed.url }).health()).rejects.toThrow('wrong password')
  })
})
