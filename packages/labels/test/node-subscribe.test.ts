// Our subscriber at labelers that behave, and at such that do not.
import { createKeypair } from '@avocet/crypto'
import type { DataObject } from '@avocet/data'
import * as Lexicon from '@avocet/lexicons/com.atproto.label.subscribeLabels'
import { encodeErrorFrame, encodeFrame, XrpcError } from '@avocet/xrpc'
import { createRouter } from '@avocet/xrpc-server'
import { serve, type Serving } from '@avocet/xrpc-server/node'
import { describe, expect, test } from 'vitest'
import {
  subscribeLabels,
  type LabelStreamEvent,
  type LabelSubscription,
  type SubscribeLabelsOptions,
} from '../src/index.ts'
import { createLabeler, createMemoryLabelStore, subscribeLabels as mount } from '../src/server/index.ts'
import { keypair, keys, LABELER, OTHER, POST, signed } from './support.ts'

const frame = (seq: unknown, labels: unknown): Uint8Array =>
  encodeFrame('#labels', { seq, labels } as DataObject)

/** A labeler that sends what it is told, to each connection its own list, and then waits. */
async function scripted(...connections: readonly (readonly (Uint8Array | Error)[])[]) {
  const cursors: (number | undefined)[] = []
  const router = createRouter().add(Lexicon.main, {
    async *handler({ params, signal }) {
      const script = connections[cursors.length] ?? []
      const isLast = cursors.length >= connections.length - 1
      cursors.push(params.cursor)
      for (const item of script) {
        if (item instanceof Error) throw item
        yield item
      }
      if (isLast) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  })
  const server: Serving = await serve({ router })
  return { url: server.url, cursors, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

const own = keys({ [LABELER]: keypair.publicKey })
const settings = { sources: LABELER, resolveKey: own.resolveKey, backoff: { minMs: 1, maxMs: 5 } } as const

const subscribeTo = (url: string, options: Partial<SubscribeLabelsOptions> = {}): LabelSubscription =>
  subscribeLabels({ ...settings, service: url, ...options })

/** The next events, as many as are asked for. */
async function take(
  stream: AsyncIterator<LabelStreamEvent, undefined>,
  count: number,
): Promise<LabelStreamEvent[]> {
  const events: LabelStreamEvent[] = []
  while (events.length < count) {
    const next = await stream.next()
    if (next.done === true) break
    events.push(next.value)
  }
  return events
}

/** What is left of an event when only its kind counts. */
const brief = (event: LabelStreamEvent): unknown[] =>
  event.kind === 'label'
    ? ['label', event.seq, event.label.val]
    : event.kind === 'refused'
      ? [event.reason, event.seq]
      : ['info', event.name]

describe('a labeler that behaves', () => {
  test('is read from its first label on, then live; over a cut nothing is lost or comes twice', async () => {
    const labeler = createLabeler({ did: LABELER, signer: keypair, store: createMemoryLabelStore() })
    const start = async (port: number): Promise<Serving> => {
      const router = createRouter()
      mount(router, labeler)
      return await serve({ router, port })
    }
    let server = await start(0)
    const port = Number(new URL(server.url).port)
    await labeler.create([
      { uri: POST, val: 'a' },
      { uri: POST, val: 'b' },
    ])
    const stream = subscribeTo(server.url, { cursor: 0 })
    const seen = await take(stream, 2)
    await labeler.create({ uri: POST, val: 'c' })
    seen.push(...(await take(stream, 1)))
    await server.close()
    await labeler.negate({ uri: POST, val: 'a' })
    server = await start(port)
    seen.push(...(await take(stream, 1)))
    await labeler.create({ uri: POST, val: 'd' })
    seen.push(...(await take(stream, 1)))
    expect(seen.map(brief)).toEqual([
      ['label', 1, 'a'],
      ['label', 2, 'b'],
      ['label', 3, 'c'],
      ['label', 4, 'a'],
      ['label', 5, 'd'],
    ])
    expect(seen[3]).toMatchObject({ label: { neg: true, src: LABELER } })
    await stream.return()
    await labeler.close()
    await server.close()
  })

  test('keeps the cursor: only past what the reader is done with', async () => {
    const labels = [await signed({ val: 'a' }), await signed({ val: 'b' }), await signed({ val: 'c' })]
    await using server = await scripted([frame(3, labels.slice(0, 2)), frame(7, labels.slice(2))])
    const saved: number[] = []
    const store = { load: async () => null, save: (seq: number) => void saved.push(seq) }
    const stream = subscribeTo(server.url, { cursor: store, saveMs: 1 })
    expect((await take(stream, 2)).map(brief)).toEqual([
      ['label', 3, 'a'],
      ['label', 3, 'b'],
    ])
    // A store without a position has seen nothing: everything comes.
    expect(server.cursors).toEqual([0])
    // One label of the message is in hand still.
    expect([stream.position, saved]).toEqual([0, []])
    await take(stream, 1)
    expect(stream.position).toBe(3)
    await expect.poll(() => saved).toEqual([3])
    await stream.return()
    expect(saved).toEqual([3])
    const again = subscribeTo(server.url, { cursor: { load: () => 3, save: () => {} } })
    const next = again.next()
    await expect.poll(() => server.cursors).toEqual([0, 3])
    await again.return()
    expect((await next).done).toBe(true)
  })

  test('saves now and then, and at the end', async () => {
    const frames = await Promise.all(
      [1, 2, 3, 4].map(async (seq) => frame(seq, [await signed({ val: `v${seq}` })])),
    )
    await using server = await scripted(frames)
    const saved: number[] = []
    const store = { load: () => 0, save: async (seq: number) => void saved.push(seq) }
    const stream = subscribeTo(server.url, { cursor: store, saveMs: 1 })
    await take(stream, 3)
    await expect.poll(() => saved.at(-1)).toBe(2)
    await take(stream, 1)
    await stream.return()
    expect(saved.at(-1)).toBe(3)
    await using other = await scripted(frames)
    const rarely = subscribeTo(other.url, { cursor: store, saveMs: 60_000 })
    saved.length = 0
    await take(rarely, 4)
    expect(saved).toEqual([])
    await rarely.return()
    expect(saved).toEqual([3])
  })

  test('a store that fails ends the iteration', async () => {
    await using server = await scripted([frame(1, [await signed()]), frame(2, [await signed()])])
    const save = (): never => {
      throw new Error('disk is full')
    }
    const tries = { made: 0 }
    const counted = (): never => {
      tries.made++
      return save()
    }
    const stream = subscribeTo(server.url, { cursor: { load: () => 0, save: counted }, saveMs: 1 })
    await take(stream, 2)
    await expect.poll(() => tries.made).toBe(1)
    await expect(stream.next()).rejects.toMatchObject({ code: 'cursor-failed' })
    // One that is told only at the end is told all the same.
    await using other = await scripted([frame(1, [await signed()]), frame(2, [await signed()])])
    const late = subscribeTo(other.url, { cursor: { load: () => 0, save }, saveMs: 60_000 })
    await take(late, 2)
    await expect(late.return()).rejects.toMatchObject({ code: 'cursor-failed' })
    const load = (): never => {
      throw new Error('disk is away')
    }
    await expect(subscribeTo(server.url, { cursor: { load, save } }).next()).rejects.toMatchObject({
      code: 'cursor-failed',
    })
  })

  test('without a cursor: with the next label', async () => {
    await using server = await scripted([frame(9, [await signed()])])
    const stream = subscribeTo(server.url)
    expect((await take(stream, 1)).map(brief)).toEqual([['label', 9, 'spam']])
    expect([server.cursors, stream.position]).toEqual([[undefined], null])
    await stream.return()
  })

  test('tells what the stream says of itself, and passes over what it does not know', async () => {
    await using server = await scripted([
      encodeFrame('#info', { name: 'OutdatedCursor', message: 'too old' }),
      encodeFrame('#identity', { seq: 1, did: LABELER }),
      frame(2, []),
      frame(3, [await signed()]),
    ])
    const stream = subscribeTo(server.url, { cursor: 0 })
    expect(await take(stream, 2)).toMatchObject([
      { kind: 'info', name: 'OutdatedCursor', message: 'too old' },
      { kind: 'label', seq: 3 },
    ])
    expect(stream.position).toBe(2)
    await stream.return()
  })

  test('a new key is found where a signature fails', async () => {
    const next = createKeypair('p256')
    let key = keypair.publicKey
    const { resolveKey, asked } = keys({ [LABELER]: () => key })
    const old = await signed({ val: 'old' })
    const made = await signed({ val: 'new' }, next)
    await using server = await scripted([frame(1, [old]), frame(2, [made]), frame(3, [old])])
    const stream = subscribeTo(server.url, { resolveKey, cursor: 0 })
    expect((await take(stream, 1)).map(brief)).toEqual([['label', 1, 'old']])
    key = next.publicKey
    expect((await take(stream, 2)).map(brief)).toEqual([
      ['label', 2, 'new'],
      ['bad-signature', 3],
    ])
    expect(asked).toEqual([LABELER, `${LABELER} again`])
    await stream.return()
  })
})

describe('a hostile labeler', () => {
  test('each label is refused by itself, with its reason; the others come', async () => {
    const good = await signed({ val: 'good' })
    const forged = await signed({ val: 'forged' }, createKeypair('k256'))
    const foreign = await signed({ val: 'foreign', src: OTHER })
    const { sig: _, ...unsigned } = good
    const bad: [string, unknown][] = [
      ['malformed', 'label'],
      ['malformed', null],
      ['malformed', { ...good, uri: 'no uri' }],
      ['malformed', { ...good, val: 'v'.repeat(129) }],
      ['unsigned', unsigned],
      ['unsupported-version', { ...good, ver: 2 }],
      ['bad-signature', forged],
      ['bad-signature', { ...good, neg: true }],
      ['bad-signature', { ...good, sig: new Uint8Array(1000) }],
      ['foreign-source', foreign],
      ['foreign-source', { src: `did:web:${'a'.repeat(5000)}` }],
    ]
    const { resolveKey, asked } = keys({ [LABELER]: keypair.publicKey, [OTHER]: keypair.publicKey })
    await using server = await scripted([frame(5, [...bad.map(([, one]) => one), good])])
    const stream = subscribeTo(server.url, { cursor: 0, resolveKey })
    const events = await take(stream, bad.length + 1)
    expect(events.map(brief)).toEqual([...bad.map(([reason]) => [reason, 5]), ['label', 5, 'good']])
    expect(events[9]).toMatchObject({ label: foreign, message: expect.stringContaining(OTHER) })
    // Whose key is looked up is not for it to say; how often, neither.
    expect(asked).toEqual([LABELER, `${LABELER} again`])
    await stream.return()
  })

  test('several sources are taken where they are asked for', async () => {
    const { resolveKey } = keys({ [LABELER]: keypair.publicKey, [OTHER]: keypair.publicKey })
    await using server = await scripted([frame(1, [await signed(), await signed({ src: OTHER })])])
    const stream = subscribeTo(server.url, { cursor: 0, resolveKey, sources: [LABELER, OTHER] })
    expect((await take(stream, 2)).map(({ kind }) => kind)).toEqual(['label', 'label'])
    await stream.return()
  })

  test('numbers go up, or the message is refused', async () => {
    const good = await signed()
    const seqs = [4, 4, 3, 0, -1, 'x', null, 5]
    await using server = await scripted([
      ...seqs.map((seq) => frame(seq, [good])),
      encodeFrame('#labels', { labels: [] }),
    ])
    const stream = subscribeTo(server.url, { cursor: 3 })
    const events = await take(stream, 9)
    expect(events.map(brief)).toEqual([
      ['label', 4, 'spam'],
      ['old-seq', 4],
      ['old-seq', 3],
      ['malformed-message', null],
      ['malformed-message', null],
      ['malformed-message', null],
      ['malformed-message', null],
      ['label', 5, 'spam'],
      ['malformed-message', null],
    ])
    expect(stream.position).toBe(5)
    await stream.return()
  })

  test('a number that is none in this language, or the last there is, is no way to stop what comes after', async () => {
    const good = await signed()
    const beyond = Uint8Array.from([
      ...encodeFrame('#labels', {}).slice(0, -1),
      // { seq: 2^53, labels: [] }
      0xa2,
      0x63,
      0x73,
      0x65,
      0x71,
      0x1b,
      0,
      0x20,
      0,
      0,
      0,
      0,
      0,
      0,
      0x66,
      0x6c,
      0x61,
      0x62,
      0x65,
      0x6c,
      0x73,
      0x80,
    ])
    await using server = await scripted(
      [beyond, frame(1, [good]), frame(Number.MAX_SAFE_INTEGER, [good]), frame(2, [good])],
      [new XrpcError(400, 'FutureCursor', 'cursor is ahead')],
    )
    const stream = subscribeTo(server.url, { cursor: 0 })
    expect((await take(stream, 4)).map(brief)).toEqual([
      ['malformed-message', null],
      ['label', 1, 'spam'],
      ['label', Number.MAX_SAFE_INTEGER, 'spam'],
      ['old-seq', 2],
    ])
    await expect(stream.next()).rejects.toMatchObject({ code: 'future-cursor' })
    expect(server.cursors).toEqual([0, Number.MAX_SAFE_INTEGER])
  })

  test('the last number of a connection counts for the next', async () => {
    const good = await signed()
    await using server = await scripted([frame(4, [good])], [frame(4, [good]), frame(5, [good])])
    const stream = subscribeTo(server.url, { cursor: 0 })
    expect((await take(stream, 3)).map(brief)).toEqual([
      ['label', 4, 'spam'],
      ['old-seq', 4],
      ['label', 5, 'spam'],
    ])
    expect(server.cursors).toEqual([0, 4])
    await stream.return()
  })

  test('a message has so many labels and no more; it is passed over as a whole', async () => {
    const good = await signed()
    const many = (count: number) => Array.from({ length: count }, () => good)
    await using server = await scripted([
      frame(1, many(4)),
      frame(2, many(3)),
      frame(3, 'none'),
      frame(4, [good]),
    ])
    const stream = subscribeTo(server.url, { cursor: 0, maxLabels: 3 })
    expect((await take(stream, 6)).map(brief)).toEqual([
      ['too-many-labels', 1],
      ['label', 2, 'spam'],
      ['label', 2, 'spam'],
      ['label', 2, 'spam'],
      ['malformed-message', 3],
      ['label', 4, 'spam'],
    ])
    expect(stream.position).toBe(3)
    await stream.return()
  })

  test('what a message would expand to is bounded', async () => {
    const nested = (count: number): unknown => Array.from({ length: count }, () => 1)
    const good = await signed()
    await using server = await scripted([
      frame(1, [{ ...good, more: nested(20_000) }]),
      encodeFrame('#labels', { seq: 2, labels: [], more: nested(200) } as DataObject),
      frame(3, [good]),
    ])
    const stream = subscribeTo(server.url, { cursor: 0, maxLabels: 3 })
    expect((await take(stream, 3)).map(brief)).toEqual([
      ['too-many-labels', null],
      ['too-many-labels', null],
      ['label', 3, 'spam'],
    ])
    await stream.return()
  })

  test('a message of more bytes than are taken ends the iteration, rather than to come again and again', async () => {
    await using server = await scripted([new Uint8Array(2000)], [new Uint8Array(2000)])
    const stream = subscribeTo(server.url, { cursor: 0, maxFrameBytes: 1000 })
    await expect(stream.next()).rejects.toMatchObject({ code: 'connection', cause: { code: 'too-large' } })
  })

  test('what is no message is refused, and the next one read', async () => {
    const good = await signed()
    await using server = await scripted([
      new Uint8Array([0xff, 0x00]),
      encodeFrame('#labels', {}).slice(0, -1),
      new Uint8Array(0),
      frame(1, [good]),
    ])
    const stream = subscribeTo(server.url, { cursor: 0 })
    expect((await take(stream, 4)).map(brief)).toEqual([
      ['malformed-message', null],
      ['malformed-message', null],
      ['malformed-message', null],
      ['label', 1, 'spam'],
    ])
    await stream.return()
  })

  test('a cursor that it does not know ends the iteration, with a name', async () => {
    await using server = await scripted([new XrpcError(400, 'FutureCursor', 'cursor is ahead')])
    await expect(subscribeTo(server.url, { cursor: 99 }).next()).rejects.toMatchObject({
      code: 'future-cursor',
    })
    await using other = await scripted([encodeErrorFrame('Gone', 'no more')])
    await expect(subscribeTo(other.url, { cursor: 99 }).next()).rejects.toMatchObject({ code: 'connection' })
  })
})

describe('a key that cannot be looked up', () => {
  test('is looked up again, and the label waits', async () => {
    let fails = 2
    const resolveKey = async () => {
      if (fails-- > 0) throw new Error('directory is away')
      return keypair.publicKey
    }
    await using server = await scripted([frame(1, [await signed()])])
    const stream = subscribeTo(server.url, { cursor: 0, resolveKey, keyWaitMs: 1 })
    expect((await take(stream, 1)).map(brief)).toEqual([['label', 1, 'spam']])
    await stream.return()
  })

  test('so many times; then the iteration throws, and the label comes again', async () => {
    let asked = 0
    const resolveKey = async () => {
      asked++
      throw new Error('directory is away')
    }
    await using server = await scripted([frame(1, [await signed()])])
    const saved: number[] = []
    const cursor = { load: () => 0, save: (seq: number) => void saved.push(seq) }
    const stream = subscribeTo(server.url, { cursor, resolveKey, keyAttempts: 3, keyWaitMs: 1 })
    await expect(stream.next()).rejects.toMatchObject({ code: 'key-unavailable' })
    expect([asked, saved, stream.position]).toEqual([3, [], 0])
  })

  test('does not hold up an end', async () => {
    const resolveKey = (): Promise<null> => new Promise(() => {})
    await using server = await scripted([frame(1, [await signed()])])
    const stream = subscribeTo(server.url, { cursor: 0, resolveKey })
    const next = stream.next()
    await expect.poll(() => server.cursors.length).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    await stream.return()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(stream.position).toBe(0)
  })
})

test('a signal ends the iteration, in the middle of a message too', async () => {
  const good = await signed()
  await using server = await scripted([frame(1, [good, good])])
  const saved: number[] = []
  const stop = new AbortController()
  const cursor = { load: () => 0, save: (seq: number) => void saved.push(seq) }
  const stream = subscribeTo(server.url, { cursor, signal: stop.signal })
  await take(stream, 1)
  stop.abort()
  expect((await stream.next()).done).toBe(true)
  expect([saved, stream.position]).toEqual([[], 0])
})

test.for<[string, Partial<SubscribeLabelsOptions>]>([
  ['no source', { sources: [] }],
  ['a cursor below zero', { cursor: -1 }],
  ['a cursor that is no integer', { cursor: 1.5 }],
  ['a service that is no URL', { service: 'labels.example.com' }],
  ['no label', { maxLabels: 0 }],
  ['no attempt', { keyAttempts: 0 }],
])('refuses %s', ([, options]) => {
  expect(() => subscribeTo('http://127.0.0.1:9', options)).toThrow(
    expect.objectContaining({ code: 'invalid-options' }),
  )
})

test('a stored cursor that is none is refused', async () => {
  const cursor = { load: () => -5, save: () => {} }
  await expect(subscribeTo('http://127.0.0.1:9', { cursor }).next()).rejects.toMatchObject({
    code: 'invalid-options',
  })
})

test('ten thousand labels that fail cost two lookups', async () => {
  const forged = await signed({}, createKeypair('k256'))
  const { resolveKey, asked } = keys({ [LABELER]: keypair.publicKey })
  const verify = (): boolean => false
  await using server = await scripted(
    Array.from({ length: 10 }, (_, i) =>
      frame(
        i + 1,
        Array.from({ length: 1000 }, () => forged),
      ),
    ),
  )
  const stream = subscribeTo(server.url, { cursor: 0, resolveKey, verifySignature: verify })
  const events = await take(stream, 10_000)
  expect(events.every((event) => event.kind === 'refused' && event.reason === 'bad-signature')).toBe(true)
  expect(asked).toEqual([LABELER, `${LABELER} again`])
  await stream.return()
})
