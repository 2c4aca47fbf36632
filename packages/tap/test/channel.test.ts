import { createRandom, fuzzRounds, mutate } from '@avocet/testing'
import { describe, expect, it } from 'vitest'
import { openChannel, TapError, type ChannelOptions, type TapEvent, type TapFailure } from '../src/index.ts'
import { didOf, eventText, serveTap } from './server.ts'

/** Waits for something, long enough for a busy machine. */
const eventually = (read: () => unknown) => expect.poll(read, { timeout: 15_000 })

const backoff = { minMs: 5, maxMs: 20 }
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const range = (n: number, from = 1): number[] => Array.from({ length: n }, (_, i) => from + i)

const sorted = (ids: readonly number[]): number[] => ids.toSorted((a, b) => a - b)

/** A channel that keeps what it handled; a failure that nobody expects fails the test. */
function open(options: Partial<ChannelOptions> & { readonly service: string }): {
  channel: ReturnType<typeof openChannel>
  handled: TapEvent[]
  failures: TapFailure[]
} {
  const handled: TapEvent[] = []
  const failures: TapFailure[] = []
  const channel = openChannel({
    backoff,
    onEvent: (event) => void handled.push(event),
    onFailure: (failure) => void failures.push(failure),
    ...options,
  })
  return { channel, handled, failures }
}

describe('a channel', () => {
  it('handles events and acks them after that', async () => {
    await using server = await serveTap()
    let release: (() => void) | undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const { channel } = open({ service: server.url, onEvent: () => held })
    server.push(eventText(7))
    await eventually(() => channel.stats.pending).toBe(1)
    await pause(30)
    expect(server.acked).toEqual([])
    release!()
    await eventually(() => server.acked).toEqual([7])
    await channel.close()
    expect(channel.stats).toEqual({
      received: 1,
      handled: 1,
      acked: 1,
      failed: 0,
      invalid: 0,
      duplicates: 0,
      pending: 0,
    })
    await channel.done
  })

  it('says at each connection where its group begins, and nothing that it was not told', async () => {
    await using server = await serveTap()
    const { channel } = open({ service: server.url, group: 'a b', start: 'snapshot' })
    await eventually(() => server.sockets.size).toBe(1)
    for (const socket of server.sockets) socket.terminate()
    const path = '/channel?group=a+b&start=snapshot'
    await eventually(() => server.asked.map((asked) => asked.path)).toEqual([path, path])
    await channel.close()
    const { channel: plain } = open({ service: server.url })
    await eventually(() => server.asked.at(-1)?.path).toBe('/channel')
    await plain.close()
    expect(() => open({ service: server.url, start: 'newest' as 'live' })).toThrow(
      expect.objectContaining({ code: 'invalid-options', message: expect.stringContaining('start=newest') }),
    )
  })

  it('gives events flat, with members that are not known', async () => {
    await using server = await serveTap()
    const { channel, handled } = open({ service: server.url })
    const did = didOf(1)
    server.push(eventText(1, did, { later: [1] }))
    server.push(
      `{"id":2,"type":"identity","identity":{"did":"${did}","handle":"","is_active":false,"status":"odd"}}`,
    )
    server.push(eventText(3, did, { action: 'delete', cid: undefined, record: undefined, live: false }))
    server.push(eventText(4, did, { record: undefined, live: false }))
    await eventually(() => handled.length).toBe(4)
    expect(handled[0]).toMatchObject({
      id: 1,
      type: 'record',
      action: 'create',
      live: true,
      rkey: 'k1',
      later: [1],
    })
    expect(handled[1]).toEqual({ id: 2, type: 'identity', did, handle: '', isActive: false, status: 'odd' })
    expect(handled[2]).toMatchObject({ action: 'delete' })
    expect(handled[3]).not.toHaveProperty('record')
    await channel.close()
  })

  it('keeps the order of each account, and works on several at a time, up to a bound', async () => {
    await using server = await serveTap()
    const order = new Map<string, number[]>()
    let running = 0
    let most = 0
    const busy = new Set<string>()
    const onEvent = async (event: TapEvent): Promise<void> => {
      expect(busy.has(event.did)).toBe(false)
      busy.add(event.did)
      running += 1
      most = Math.max(most, running)
      await pause((event.id * 7) % 5)
      running -= 1
      busy.delete(event.did)
      order.set(event.did, [...(order.get(event.did) ?? []), event.id])
    }
    const { channel } = open({ service: server.url, concurrency: 4, onEvent })
    for (const id of range(200)) server.push(eventText(id, didOf(id % 10), { live: false }))
    await eventually(() => server.acked.length).toBe(200)
    expect(most).toBe(4)
    for (const [did, ids] of order) expect(ids).toEqual(range(200).filter((id) => didOf(id % 10) === did))
    await channel.close()
  })

  it('does not ack what its handler refused: it comes again, and its account waits', async () => {
    await using server = await serveTap()
    const seen: number[] = []
    const failures: [number | null, number][] = []
    const onEvent = ({ id }: TapEvent): void => {
      seen.push(id)
      if (id === 2 && seen.filter((other) => other === 2).length < 3) throw new Error('not yet')
    }
    const { channel } = open({
      service: server.url,
      onEvent,
      onFailure: ({ event }, { tries }) => void failures.push([event.id, tries]),
    })
    for (const id of range(4)) server.push(eventText(id))
    await eventually(() => failures.length).toBe(1)
    expect(seen).toEqual([1, 2])
    server.resend()
    await eventually(() => failures.length).toBe(2)
    server.resend()
    await eventually(() => server.acked).toEqual([1, 2, 3, 4])
    expect(seen).toEqual([1, 2, 2, 2, 3, 4])
    expect(failures).toEqual([
      [2, 1],
      [2, 2],
    ])
    await channel.close()
  })

  it('gives up an event when it is told to', async () => {
    await using server = await serveTap()
    const { channel } = open({
      service: server.url,
      onEvent: () => {
        throw new Error('poison')
      },
      onFailure: (_, { tries }) => (tries >= 2 ? 'ack' : undefined),
    })
    server.push(eventText(1))
    await eventually(() => channel.stats.failed).toBe(1)
    expect(server.acked).toEqual([])
    server.resend()
    await eventually(() => server.acked).toEqual([1])
    await channel.close()
  })

  it('handles once what is sent again while it waits, or because its ack was lost', async () => {
    await using server = await serveTap({ loseAcks: 3 })
    let release: (() => void) | undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const seen: number[] = []
    const onEvent = async ({ id }: TapEvent): Promise<void> => {
      seen.push(id)
      await held
    }
    const { channel } = open({ service: server.url, onEvent })
    for (const id of range(3)) server.push(eventText(id, didOf(1), { live: false }))
    await eventually(() => channel.stats.pending).toBe(3)
    expect(seen).toEqual([1])
    server.resend()
    await eventually(() => channel.stats.duplicates).toBe(3)
    release!()
    await eventually(() => channel.stats.acked).toBe(3)
    expect(server.acked).toEqual([])
    server.resend()
    await eventually(() => sorted(server.acked)).toEqual([1, 2, 3])
    expect(seen).toEqual([1, 2, 3])
    expect(channel.stats.duplicates).toBe(6)
    await channel.close()
  })

  it('handles another event under a number that it knows: the server began anew', async () => {
    await using server = await serveTap()
    const { channel, handled } = open({ service: server.url })
    server.push(eventText(1))
    await eventually(() => server.acked).toEqual([1])
    server.push(eventText(1, didOf(1), { rev: '3mptbypluud2b' }))
    await eventually(() => server.acked).toEqual([1, 1])
    expect(handled.length).toBe(2)
    await channel.close()
  })

  it('connects again, and acks there what it handled meanwhile', async () => {
    await using server = await serveTap()
    let release: (() => void) | undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const { channel } = open({
      service: server.url,
      onEvent: () => held,
      backoff: { minMs: 100, maxMs: 100 },
    })
    for (const id of range(3)) server.push(eventText(id, didOf(id)))
    await eventually(() => channel.stats.pending).toBe(3)
    for (const ws of server.sockets) ws.terminate()
    await eventually(() => server.sockets.size).toBe(0)
    await pause(20)
    release!()
    await eventually(() => channel.stats.handled).toBe(3)
    expect(server.acked).toEqual([])
    await eventually(() => sorted(server.acked)).toEqual([1, 2, 3])
    await channel.close()
  })

  it('loses nothing and repeats nothing over many cuts', async () => {
    await using server = await serveTap({ cutAfterAcks: 9 })
    const { channel, handled } = open({ service: server.url })
    for (const id of range(150)) server.push(eventText(id, didOf(id % 7), { live: id % 3 === 0 }))
    const tick = setInterval(() => server.resend(), 20)
    await eventually(() => new Set(server.acked).size).toBe(150)
    clearInterval(tick)
    expect(handled.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(range(150))
    await channel.close()
  })

  it('tells of what is no event, and acks it only when told to', async () => {
    await using server = await serveTap()
    const failures: TapFailure[] = []
    const { channel, handled } = open({
      service: server.url,
      maxMessageBytes: 1000,
      onFailure: (failure) => {
        failures.push(failure)
        return failure.event.id === 5 ? 'ack' : undefined
      },
    })
    const texts = [
      '{',
      eventText(4, didOf(1), { rkey: '..' }),
      '{"id":5,"type":"later"}',
      eventText(6, didOf(6), { rev: 'x'.repeat(1000) }),
    ]
    for (const text of [...texts, eventText(7, didOf(7))]) server.push(text)
    await eventually(() => handled.length).toBe(1)
    expect(failures.map(({ kind, event }) => [kind, 'reason' in event && event.reason, event.id])).toEqual([
      ['invalid', 'not-json', null],
      ['invalid', 'bad-field', 4],
      ['invalid', 'unknown-type', 5],
      ['invalid', 'too-large', null],
    ])
    await eventually(() => server.acked).toEqual([5, 7])
    expect(channel.stats.invalid).toBe(4)
    await channel.close()
  })

  it('goes on whatever a stranger sends', async () => {
    await using server = await serveTap()
    const random = createRandom(7)
    const seeds = range(5).map((id) => new TextEncoder().encode(eventText(id, didOf(id))))
    const count = fuzzRounds(500, 20_000)
    const { channel, failures } = open({ service: server.url })
    await eventually(() => server.sockets.size).toBe(1)
    const [socket] = server.sockets
    for (let i = 0; i < count; i += 1) {
      const bytes = mutate(random, random.pick(seeds), seeds)
      socket!.send(i % 2 === 0 ? new TextDecoder().decode(bytes) : bytes)
    }
    await eventually(() => channel.stats.received).toBe(count)
    const { handled, invalid, duplicates } = channel.stats
    await eventually(() => channel.stats.pending).toBe(0)
    expect(handled + invalid + duplicates).toBe(count)
    expect(failures.length).toBe(invalid)
    expect(invalid).toBeGreaterThan(count / 4)
    await channel.close()
  })

  it('acks nothing where the server wants none', async () => {
    await using server = await serveTap({ noAcks: true })
    const { channel, handled } = open({ service: server.url, acks: false })
    await eventually(() => server.sockets.size).toBe(1)
    for (const id of range(5)) server.push(eventText(id, didOf(1), { live: false }))
    await eventually(() => handled.length).toBe(5)
    await pause(20)
    expect(server.acked).toEqual([])
    expect(channel.stats.acked).toBe(0)
    await channel.close()
  })

  it('reads no more than it may while handlers are busy', async () => {
    await using server = await serveTap()
    let release: (() => void) | undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const { channel } = open({
      service: server.url,
      maxPending: 10,
      maxBufferedBytes: 1,
      onEvent: () => held,
    })
    for (const id of range(100)) server.push(eventText(id, didOf(id), { live: false }))
    await eventually(() => channel.stats.pending).toBe(10)
    await pause(50)
    expect(channel.stats.received).toBe(10)
    release!()
    await eventually(() => server.acked.length).toBe(100)
    await channel.close()
  })

  it('when closed, waits for what is under way, acks it, and leaves the rest', async () => {
    await using server = await serveTap()
    let release: (() => void) | undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const seen: number[] = []
    const { channel } = open({
      service: server.url,
      concurrency: 2,
      onEvent: async ({ id }) => {
        seen.push(id)
        await held
      },
    })
    for (const id of range(6)) server.push(eventText(id, didOf(id % 3), { live: false }))
    await eventually(() => seen.length).toBe(2)
    const closed = channel.close()
    await pause(30)
    expect(server.sockets.size).toBe(1)
    release!()
    await closed
    await channel.done
    await eventually(() => server.sockets.size).toBe(0)
    expect(seen).toEqual([1, 2])
    expect(sorted(server.acked)).toEqual([1, 2])
  })

  it('is closed by its signal, which the handlers have too', async () => {
    await using server = await serveTap()
    const stop = new AbortController()
    let aborted = false
    const { channel } = open({
      service: server.url,
      signal: stop.signal,
      onEvent: (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            aborted = true
            resolve()
          })
        }),
    })
    server.push(eventText(1))
    await eventually(() => channel.stats.pending).toBe(1)
    stop.abort()
    await channel.done
    expect(aborted).toBe(true)
    await eventually(() => server.acked).toEqual([1])
    const late = open({ service: server.url, signal: stop.signal })
    await late.channel.done
    expect(server.asked.length).toBe(1)
  })

  it('ends with what the server refused it for, and with what onFailure threw', async () => {
    await using closed = await serveTap({ password: 'secret' })
    await expect(open({ service: closed.url, password: 'wrong' }).channel.done).rejects.toMatchObject({
      code: 'refused',
      status: 401,
    })
    await using webhooks = await serveTap({ webhooks: true })
    await expect(open({ service: webhooks.url }).channel.done).rejects.toMatchObject({
      code: 'refused',
      status: 400,
      message: 'webhook mode: no channel; path=/channel',
    })
    await using server = await serveTap()
    const fault = new Error('mine')
    const { channel } = open({
      service: server.url,
      onEvent: () => {
        throw new Error('not handled')
      },
      onFailure: () => {
        throw fault
      },
    })
    server.push(eventText(1))
    await expect(channel.done).rejects.toBe(fault)
  })

  it('sends the password and the group', async () => {
    await using server = await serveTap({ password: 'sécret' })
    const { channel } = open({ service: `${server.url}/`, password: 'sécret', group: 'search' })
    await eventually(() => server.sockets.size).toBe(1)
    expect(server.asked[0]!.path).toBe('/channel?group=search')
    await channel.close()
  })

  it('checks its options', () => {
    const service = 'http://127.0.0.1:1'
    for (const options of [
      { service: 'ftp://x' },
      { service: 'x' },
      { service, concurrency: 0 },
      { service, maxPending: 0.5 },
    ])
      expect(() => open(options)).toThrow(TapError)
  })
})
