import { createKeypair, type Signer } from '@avocet/crypto'
import { openDatabase } from '@avocet/sqlite'
import { decodeFrame } from '@avocet/xrpc'
import { describe, expect, test } from 'vitest'
import {
  createLabelSet,
  LabelsError,
  mergeLabels,
  verifyLabel,
  type Label,
  type LabelsErrorCode,
} from '../src/index.ts'
import { createLabeler, createMemoryLabelStore, type Labeler, type LabelStore } from '../src/server/index.ts'
import { createLabelLog } from '../src/server/log.ts'
import { openLabelStore } from '../src/sqlite/index.ts'
import { at, CID_A, CID_B, keypair, LABELER, POST } from './support.ts'

const NOON = Date.parse(at(0))
const rotated = createKeypair('p256')

const failsWith = (code: LabelsErrorCode) => (error: unknown) =>
  error instanceof LabelsError && error.code === code

/** The messages after a cursor, as many as are asked for. */
async function messages(labeler: Labeler, cursor: number | undefined, count: number) {
  const found: { seq: number | null; labels: Label[] }[] = []
  for await (const { seq, frame } of labeler.events(cursor)) {
    const decoded = decodeFrame(frame)
    if (!decoded.ok || decoded.value.kind !== 'message') throw new Error('not a message')
    found.push({ seq, labels: (decoded.value.body['labels'] ?? []) as unknown as Label[] })
    if (found.length === count) return found
  }
  return found
}

const stores: [string, () => LabelStore][] = [
  ['memory', () => createMemoryLabelStore()],
  ['SQLite', () => openLabelStore(openDatabase({ path: ':memory:' }))],
]

describe.each(stores)('a labeler on %s', (name, open) => {
  const make = (
    store = open(),
    signer: Signer = keypair,
  ): { labeler: Labeler; clock: { now: number }; store: LabelStore } => {
    const clock = { now: NOON }
    return { labeler: createLabeler({ did: LABELER, signer, store, now: () => clock.now }), clock, store }
  }

  test('says labels: signed, kept, and then told', async () => {
    const { labeler } = make()
    const [first, second] = await labeler.create([
      { uri: POST, val: 'spam', cid: CID_A, exp: new Date(NOON + 60_000) },
      { uri: LABELER, val: 'rude' },
    ])
    expect(first).toMatchObject({
      seq: 1,
      label: { src: LABELER, uri: POST, cid: CID_A, val: 'spam', cts: at(0), exp: at(60) },
    })
    expect(second).toMatchObject({ seq: 2, label: { src: LABELER, uri: LABELER, val: 'rude', cts: at(0) } })
    for (const { label } of [first!, second!])
      expect(verifyLabel(label, keypair.publicKey)).toEqual({ ok: true, value: label })
    expect(await messages(labeler, 0, 2)).toEqual([
      { seq: 1, labels: [first!.label] },
      { seq: 2, labels: [second!.label] },
    ])
    await labeler.close()
  })

  test('says nothing twice', async () => {
    const { labeler, clock, store } = make()
    const [first] = await labeler.create({ uri: POST, val: 'spam' })
    clock.now += 1000
    expect(await labeler.create({ uri: POST, val: 'spam' })).toEqual([first])
    expect(
      await labeler.create([
        { uri: POST, val: 'spam' },
        { uri: POST, val: 'spam' },
      ]),
    ).toEqual([first])
    expect(await store.bounds()).toMatchObject({ newest: 1 })
    // Another end, another version, another value: other statements.
    const exp = new Date(clock.now + 5000)
    expect(await labeler.create({ uri: POST, val: 'spam', exp })).toMatchObject([{ seq: 2 }])
    expect(await labeler.create({ uri: POST, val: 'spam', exp })).toMatchObject([{ seq: 2 }])
    expect(await labeler.create({ uri: POST, val: 'spam', cid: CID_A })).toMatchObject([{ seq: 3 }])
    clock.now = exp.getTime()
    expect(await labeler.create({ uri: POST, val: 'spam', exp })).toMatchObject([
      { seq: 4, label: { cts: at(6) } },
    ])
    await labeler.close()
  })

  test('retracts what is in force, each version by itself', async () => {
    const { labeler, clock } = make()
    await labeler.create([
      { uri: POST, val: 'spam' },
      { uri: POST, val: 'spam', cid: CID_A },
      { uri: POST, val: 'spam', cid: CID_B, exp: new Date(NOON + 500) },
      { uri: POST, val: 'rude' },
    ])
    clock.now += 1000
    expect(await labeler.negate({ uri: POST, val: 'spam', cid: CID_B })).toEqual([])
    expect(await labeler.negate({ uri: POST, val: 'nothing' })).toEqual([])
    const gone = await labeler.negate({ uri: POST, val: 'spam' })
    expect(gone.map(({ seq, label }) => [seq, label.cid, label.neg])).toEqual([
      [5, undefined, true],
      [6, CID_A, true],
    ])
    expect(await labeler.negate({ uri: POST, val: 'spam' })).toEqual([])
    // Who reads along, in whatever order, has what is in force.
    const set = createLabelSet()
    for (const { labels } of (await messages(labeler, 0, 4)).toReversed())
      for (const one of labels) set.apply(one)
    expect(set.inForce(POST, { at: clock.now }).map(({ val }) => val)).toEqual(['rude'])
    await labeler.close()
  })

  test('retracts one version alone', async () => {
    const { labeler } = make()
    await labeler.create([
      { uri: POST, val: 'spam' },
      { uri: POST, val: 'spam', cid: CID_A },
    ])
    expect(await labeler.negate({ uri: POST, val: 'spam', cid: CID_A })).toMatchObject([
      { seq: 3, label: { cid: CID_A } },
    ])
    expect(await labeler.negate({ uri: POST, val: 'spam', cid: CID_A })).toEqual([])
    await labeler.close()
  })

  test('is always later than what it said before, whatever the clock says', async () => {
    const { labeler, clock } = make()
    const times: string[] = []
    const note = async (said: Promise<readonly { label: Label }[]>): Promise<void> => {
      for (const { label } of await said) times.push(label.cts)
    }
    await note(labeler.create({ uri: POST, val: 'spam' }))
    await note(labeler.negate({ uri: POST, val: 'spam' }))
    clock.now -= 3_600_000
    await note(labeler.create({ uri: POST, val: 'spam' }))
    await note(labeler.negate({ uri: POST, val: 'spam' }))
    clock.now += 7_200_000
    await note(labeler.create({ uri: POST, val: 'spam' }))
    expect(times).toEqual([at(0), at(0.001), at(0.002), at(0.003), at(3600)])
    clock.now = Date.parse('9999-12-31T23:59:59.999Z')
    await labeler.negate({ uri: POST, val: 'spam' })
    await expect(labeler.create({ uri: POST, val: 'spam' })).rejects.toSatisfy(failsWith('clock-behind'))
    await labeler.close()
  })

  test('calls at the same time follow on each other', async () => {
    const { labeler, store } = make()
    const said = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        i % 2 === 0 ? labeler.create({ uri: POST, val: 'spam' }) : labeler.negate({ uri: POST, val: 'spam' }),
      ),
    )
    expect(said.map((one) => one.map(({ seq, label }) => [seq, label.cts]))).toEqual(
      Array.from({ length: 20 }, (_, i) => [[i + 1, at(i / 1000)]]),
    )
    expect((await store.read(0, 100)).map(({ seq }) => seq)).toEqual([20])
    await labeler.close()
  })

  test('a call that fails says nothing, and the next one is made', async () => {
    let fails = true
    const signer: Signer = {
      ...keypair,
      sign: async (message) => {
        if (fails) throw new Error('the device is away')
        return await keypair.sign(message)
      },
    }
    const { labeler, store } = make(open(), signer)
    const two = [
      { uri: POST, val: 'a' },
      { uri: POST, val: 'b' },
    ]
    const first = labeler.create(two)
    await expect(first).rejects.toThrow('the device is away')
    expect(await store.bounds()).toMatchObject({ newest: 0 })
    fails = false
    expect(await labeler.create(two)).toMatchObject([{ seq: 1 }, { seq: 2 }])
    await labeler.close()
  })

  test('refuses what is no label, before anything is said', async () => {
    const { labeler, store } = make()
    const bad = [
      { uri: 'no uri', val: 'a' },
      { uri: POST, val: '' },
      { uri: POST, val: 'v'.repeat(129) },
      { uri: POST, val: 'a', cid: 'Qm' },
      { uri: POST, val: 'a', exp: 'soon' as never },
    ]
    for (const one of bad) {
      expect(() => labeler.create([{ uri: POST, val: 'fine' }, one])).toThrow(
        expect.objectContaining({ code: 'invalid-label' }),
      )
    }
    const many = (count: number) => Array.from({ length: count }, (_, i) => ({ uri: POST, val: `v${i}` }))
    expect(() => labeler.create(many(1001))).toThrow(expect.objectContaining({ code: 'invalid-label' }))
    expect(await store.bounds()).toMatchObject({ newest: 0 })
    expect(await labeler.create(many(1000))).toHaveLength(1000)
    expect(await labeler.negate({ uri: POST, val: 'v999' })).toHaveLength(1)
    await labeler.close()
  })

  test('with a new key, what the old one signed is signed anew as it is read, and kept', async () => {
    const before = make()
    await before.labeler.create([
      { uri: POST, val: 'a' },
      { uri: POST, val: 'b' },
    ])
    await before.labeler.close()
    let signatures = 0
    const signer: Signer = {
      ...rotated,
      sign: async (message) => (signatures++, await rotated.sign(message)),
    }
    const { labeler, store, clock } = make(before.store, signer)
    clock.now += 60_000
    await labeler.create({ uri: POST, val: 'c' })
    expect(signatures).toBe(1)
    const told = await messages(labeler, 0, 3)
    expect(told.map(({ labels }) => [labels[0]!.cts, verifyLabel(labels[0], rotated.publicKey).ok])).toEqual([
      [at(0), true],
      [at(0), true],
      [at(60), true],
    ])
    expect(signatures).toBe(3)
    const page = await labeler.find({ uris: [POST], prefixes: [], after: 0, limit: 10 })
    expect(page.labels.map(({ label }) => label)).toEqual(told.map(({ labels }) => labels[0]))
    expect((await store.read(0, 10)).map(({ key }) => key)).toEqual([
      rotated.didKey,
      rotated.didKey,
      rotated.didKey,
    ])
    expect(signatures).toBe(3)
    await labeler.close()
  })

  test('moves the start of the stream on: older cursors are told', async () => {
    const { store } = make()
    let time = 1000
    const timed =
      name === 'memory'
        ? createMemoryLabelStore({ now: () => time })
        : openLabelStore(openDatabase({ path: ':memory:' }), { now: () => time })
    expect(store).not.toBe(timed)
    const { labeler } = make(timed)
    await labeler.create([
      { uri: POST, val: 'a' },
      { uri: POST, val: 'b' },
    ])
    await labeler.negate({ uri: POST, val: 'b' })
    time = 2000
    await labeler.create({ uri: POST, val: 'c' })
    expect(await labeler.trim(new Date(1500))).toBe(1)
    const told = await messages(labeler, 0, 2)
    expect(told.map(({ seq }) => seq)).toEqual([null, 4])
    expect((await messages(labeler, 3, 1)).map(({ seq }) => seq)).toEqual([4])
    await labeler.close()
  })

  test('a reader that breaks off and goes on has what is in force, wherever it was, and so has one that asks', async () => {
    const { labeler, clock, store } = make()
    let random = 1
    const below = (count: number): number => (random = (random * 48_271) % 2_147_483_647) % count
    const uris = [POST, LABELER, `${POST}x`]
    const say = async (): Promise<void> => {
      const [uri, val] = [uris[below(3)]!, `v${below(3)}`]
      const cid = [undefined, CID_A, CID_B][below(3)]
      const version = cid === undefined ? {} : { cid }
      clock.now += below(3)
      if (below(3) === 0) await labeler.negate({ uri, val, ...version })
      else
        await labeler.create({
          uri,
          val,
          ...version,
          ...(below(4) === 0 ? { exp: new Date(clock.now + 40) } : {}),
        })
    }
    const textOf = (labels: readonly Label[]): string[] =>
      labels.map(({ uri, val, cid, cts }) => `${uri} ${val} ${cid} ${cts}`).toSorted()
    const readers = Array.from({ length: 4 }, () => ({ set: createLabelSet(), cursor: 0 }))
    for (let round = 0; round < 60; round++) {
      for (let i = 0; i < 5; i++) await say()
      const { newest } = await store.bounds()
      for (const [index, reader] of readers.entries()) {
        if (round < 59 && below(index + 1) > 0) continue
        for await (const { seq, frame } of labeler.events(reader.cursor)) {
          const decoded = decodeFrame(frame)
          if (!decoded.ok || decoded.value.kind !== 'message') throw new Error('not a message')
          expect(seq).toBeGreaterThan(reader.cursor)
          reader.cursor = seq!
          for (const one of decoded.value.body['labels'] as unknown as Label[]) reader.set.apply(one)
          // The last number may be of a statement that is not there any more.
          if (seq === newest) break
        }
      }
    }
    const all = await labeler.find({ uris: [], prefixes: [''], after: 0, limit: 1000 })
    for (const moment of [clock.now, clock.now + 100]) {
      const asked = textOf(
        mergeLabels(
          all.labels.map(({ label }) => label),
          { at: moment },
        ),
      )
      expect(asked.length).toBeGreaterThan(0)
      for (const { set } of readers)
        expect(textOf(uris.flatMap((uri) => set.inForce(uri, { at: moment })))).toEqual(asked)
    }
    await labeler.close()
  })

  test('each subscriber gets every number once and in order, from wherever it begins', async () => {
    const { labeler } = make()
    const total = 60
    const readers = [0, 0, 7, 20].map(async (cursor, index) => {
      if (index > 0)
        while ((await labeler.newest()) < cursor + 3) await new Promise((resolve) => setTimeout(resolve, 1))
      return (await messages(labeler, cursor, total - cursor)).map(({ seq }) => seq)
    })
    for (let i = 0; i < total; i++) {
      await labeler.create({ uri: POST, val: `v${i}` })
      if (i % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    }
    const all = Array.from({ length: total }, (_, i) => i + 1)
    expect(await Promise.all(readers)).toEqual([all, all, all.slice(7), all.slice(20)])
    await labeler.close()
  })
})

test('a trim drops all that is over, however much', async () => {
  let time = 1000
  const store = createMemoryLabelStore({ now: () => time })
  await using labeler = createLabeler({ did: LABELER, signer: keypair, store, now: () => NOON })
  const exp = new Date(NOON - 1000)
  for (const part of [0, 1]) {
    await labeler.create(Array.from({ length: 700 }, (_, i) => ({ uri: POST, val: `v${part}-${i}`, exp })))
  }
  time = 2000
  expect(await labeler.trim(new Date(1500))).toBe(1400)
  expect(await labeler.trim(new Date(1500))).toBe(0)
})

test('a page of the stream ends with the message that reaches its bytes', async () => {
  const store = createMemoryLabelStore()
  await using labeler = createLabeler({ did: LABELER, signer: keypair, store })
  await labeler.create(Array.from({ length: 9 }, (_, i) => ({ uri: POST, val: `v${i}` })))
  const log = createLabelLog(store, async (labels) => labels)
  const [first] = await log.read(0, { count: 1, bytes: 1e6 })
  const size = first!.frame.length
  const lengths = await Promise.all(
    [1, size * 3, size * 3 + 1, 1e6].map(async (bytes) => (await log.read(0, { count: 8, bytes })).length),
  )
  expect(lengths).toEqual([1, 3, 4, 8])
  expect(await log.remove({ olderThan: 0 })).toBe(0)
})

test('a labeler has a DID', () => {
  const store = createMemoryLabelStore()
  expect(() => createLabeler({ did: 'alice.example.com' as never, signer: keypair, store })).toThrow(
    expect.objectContaining({ code: 'invalid-options' }),
  )
})

test('a reader that was overtaken by the start of the stream is cut off', async () => {
  let time = 1000
  const store = createMemoryLabelStore({ now: () => time })
  await using labeler = createLabeler({ did: LABELER, signer: keypair, store, tailBytes: 1 })
  for (let i = 0; i < 1200; i += 600) {
    await labeler.create(Array.from({ length: 600 }, (_, n) => ({ uri: POST, val: `v${i + n}` })))
  }
  const reader = labeler.events(0)[Symbol.asyncIterator]()
  expect((await reader.next()).value?.seq).toBe(1)
  time = 2000
  await labeler.trim(new Date(1500))
  const rest = async (): Promise<void> => {
    while ((await reader.next()).done !== true);
  }
  await expect(rest()).rejects.toMatchObject({ error: 'ConsumerTooSlow' })
})
