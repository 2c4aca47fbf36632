// What every store of labels does.
import { createKeypair } from '@avocet/crypto'
import { describe, expect, test } from 'vitest'
import type { Label } from '../src/index.ts'
import type { LabelPage, LabelStore, Statement } from '../src/server/index.ts'
import { at, CID_A, CID_B, keypair, label, LABELER, OTHER, POST } from './support.ts'

/** A store to be tested, and the same once more after it was closed. */
export interface Opened {
  readonly store: LabelStore
  /** Null where nothing is kept. */
  readonly reopen: (() => LabelStore) | null
  readonly close: () => void
}

const rotated = createKeypair('p256')
let signatures = 0

/** A statement with a signature of its own, which no store looks at. */
function statement(fields: Partial<Label> = {}): Statement {
  const sig = new Uint8Array(64).fill(++signatures % 256)
  return { label: { ...label(fields), ver: 1, sig }, key: keypair.didKey }
}

export function testStore(name: string, open: (clock: { now: number }) => Opened): void {
  const run = async (work: (opened: Opened, clock: { now: number }) => Promise<void>): Promise<void> => {
    const clock = { now: 1000 }
    const opened = open(clock)
    try {
      await work(opened, clock)
    } finally {
      opened.close()
    }
  }
  const seqs = (labels: readonly { readonly seq: number }[]): number[] => labels.map(({ seq }) => seq)

  describe(`store of labels: ${name}`, () => {
    test('numbers statements in their order, and gives them back as they are', () =>
      run(async ({ store }) => {
        const given = [
          statement(),
          statement({ val: 'é😀', cid: CID_A, exp: at(5) }),
          statement({ uri: LABELER, neg: true }),
        ]
        expect(await store.bounds()).toEqual({ oldest: 1, newest: 0 })
        expect(await store.write({ append: given.slice(0, 2) })).toEqual([1, 2])
        expect(await store.write({ append: given.slice(2) })).toEqual([3])
        expect(await store.write({ append: [] })).toEqual([])
        expect(await store.bounds()).toEqual({ oldest: 1, newest: 3 })
        const read = await store.read(0, 10)
        expect(read.map(({ label: one, key }) => ({ label: one, key }))).toEqual(given)
        expect(seqs(read)).toEqual([1, 2, 3])
        expect(seqs(await store.read(1, 1))).toEqual([2])
        expect(await store.read(3, 10)).toEqual([])
        expect(await store.read(99, 10)).toEqual([])
      }))

    test('a statement takes the place of the one about the same, and no other', () =>
      run(async ({ store }) => {
        const others = [{ src: OTHER }, { uri: LABELER }, { val: 'porn' }, { cid: CID_A }, { cid: CID_B }]
        await store.write({ append: [statement(), ...others.map((fields) => statement(fields as never))] })
        expect(await store.write({ append: [statement({ neg: true, cts: at(1) })] })).toEqual([7])
        expect(seqs(await store.read(0, 10))).toEqual([2, 3, 4, 5, 6, 7])
        expect(await store.write({ append: [statement({ cid: CID_A, cts: at(1) })] })).toEqual([8])
        expect(seqs(await store.read(0, 10))).toEqual([2, 3, 4, 6, 7, 8])
        // Twice in one change: the last one is left.
        expect(await store.write({ append: [statement({ cts: at(2) }), statement({ cts: at(3) })] })).toEqual(
          [9, 10],
        )
        expect(seqs(await store.read(6, 10))).toEqual([8, 10])
      }))

    test('a number is never given twice, also when the newest is gone', () =>
      run(async ({ store, reopen }, clock) => {
        await store.write({ append: [statement(), statement({ val: 'b', neg: true })] })
        clock.now = 2000
        expect(await store.write({ trim: { olderThan: 1500, at: 0, limit: 10 } })).toEqual([2])
        expect(await store.bounds()).toEqual({ oldest: 3, newest: 2 })
        const again = reopen?.() ?? store
        expect(await again.write({ append: [statement({ val: 'c' })] })).toEqual([3])
        expect(seqs(await again.read(0, 10))).toEqual([3])
      }))

    test('trims what is over: negations and expired labels from before; the rest stays for queries', () =>
      run(async ({ store }, clock) => {
        const first = [
          statement({ val: 'a' }),
          statement({ val: 'b', neg: true }),
          statement({ val: 'c', exp: at(10) }),
          statement({ val: 'd', exp: at(20) }),
        ]
        await store.write({ append: first })
        clock.now = 2000
        await store.write({ append: [statement({ val: 'e', neg: true }), statement({ val: 'f' })] })
        const trim = (olderThan: number, limit = 10): Promise<readonly number[]> =>
          store.write({ trim: { olderThan, at: Date.parse(at(10)), limit } })
        expect(await trim(1000)).toEqual([])
        expect(await store.bounds()).toEqual({ oldest: 1, newest: 6 })
        expect(await trim(2000, 1)).toEqual([2])
        expect(await trim(2000, 1)).toEqual([3])
        expect(await trim(2000)).toEqual([])
        expect(await store.bounds()).toEqual({ oldest: 5, newest: 6 })
        expect(seqs(await store.read(0, 10))).toEqual([5, 6])
        const page = await store.find({ uris: [POST], prefixes: [], after: 0, limit: 10 })
        expect([seqs(page.labels), page.next]).toEqual([[1, 4, 5, 6], null])
        // A subject that was forgotten is free again.
        expect(await store.write({ append: [statement({ val: 'b' })] })).toEqual([7])
      }))

    test('the start of the stream never goes back', () =>
      run(async ({ store }, clock) => {
        for (const val of ['a', 'b', 'c']) {
          await store.write({ append: [statement({ val })] })
          clock.now += 1000
        }
        const trim = (olderThan: number): Promise<readonly number[]> =>
          store.write({ trim: { olderThan, at: 0, limit: 10 } })
        await trim(2500)
        expect(await store.bounds()).toEqual({ oldest: 3, newest: 3 })
        await trim(1500)
        expect(await store.bounds()).toEqual({ oldest: 3, newest: 3 })
      }))

    test('signs anew what is still there', () =>
      run(async ({ store, reopen }) => {
        await store.write({ append: [statement(), statement({ val: 'b' })] })
        await store.write({ append: [statement({ cts: at(1) })] })
        const sig = new Uint8Array(64).fill(7)
        const sign = [1, 2, 3, 9].map((seq) => ({ seq, sig, key: rotated.didKey }))
        expect(await store.write({ sign })).toEqual([2, 3])
        const all = await (reopen?.() ?? store).read(0, 10)
        expect(all.map((one) => [one.seq, one.key, one.label.sig])).toEqual([
          [2, rotated.didKey, sig],
          [3, rotated.didKey, sig],
        ])
      }))

    test('finds subjects, in full and by what they begin with', () =>
      run(async ({ store }) => {
        const uris = [
          'at://did:web:a.example/x/1',
          'at://did:web:a.example/x/12',
          'did:web:a.example',
          'at://did:web:b.example/x/1',
        ]
        await store.write({ append: uris.map((uri) => statement({ uri: uri as never })) })
        const find = async (query: {
          uris?: string[]
          prefixes?: string[]
          after?: number
          limit?: number
        }) => {
          const page = await store.find({ uris: [], prefixes: [], after: 0, limit: 10, ...query })
          return [seqs(page.labels), page.next]
        }
        expect(await find({})).toEqual([[], null])
        expect(await find({ uris: [uris[0]!] })).toEqual([[1], null])
        expect(await find({ prefixes: [uris[0]!] })).toEqual([[1, 2], null])
        expect(await find({ uris: [uris[3]!, uris[2]!], prefixes: [uris[1]!] })).toEqual([[2, 3, 4], null])
        expect(await find({ uris: [uris[0]!], prefixes: [uris[0]!] })).toEqual([[1, 2], null])
        expect(await find({ prefixes: [''] })).toEqual([[1, 2, 3, 4], null])
        expect(await find({ prefixes: ['at://did:web:a.example'], after: 1 })).toEqual([[2], null])
        expect(await find({ prefixes: ['at:'], limit: 2 })).toEqual([[1, 2], 2])
        expect(await find({ prefixes: ['at:'], limit: 3 })).toEqual([[1, 2, 4], null])
        expect(await find({ prefixes: [''], limit: 3 })).toEqual([[1, 2, 3], 3])
        expect(await find({ prefixes: [''], limit: 4 })).toEqual([[1, 2, 3, 4], null])
        // What patterns of other systems mean is nothing here.
        expect(await find({ uris: ['at://did:web:a_example/x/1'], prefixes: ['at://%', '_t://'] })).toEqual([
          [],
          null,
        ])
      }))

    test('a row of pages is everything, each once, whatever their size', () =>
      run(async ({ store }) => {
        const append = Array.from({ length: 60 }, (_, i) =>
          statement({ uri: `at://did:web:${i % 3 === 0 ? 'a' : 'b'}.example/x/${i}` as never }),
        )
        await store.write({ append })
        for (const [prefix, count] of [
          ['', 60],
          ['at://did:web:a.example/', 20],
        ] as const) {
          for (const limit of [1, 7, 20, 60]) {
            const all: number[] = []
            let after: number | null = 0
            while (after !== null) {
              const page: LabelPage = await store.find({ uris: [], prefixes: [prefix], after, limit })
              expect(page.labels.length).toBeLessThanOrEqual(limit)
              all.push(...seqs(page.labels))
              if (page.next !== null) expect(page.next).toBeGreaterThan(after)
              after = page.next
            }
            expect(all).toHaveLength(count)
            expect(all).toEqual(all.toSorted((a, b) => a - b))
          }
        }
      }))

    test('tells watchers when new statements can be read, until they have enough', () =>
      run(async ({ store }) => {
        const seen: number[][] = []
        const stop = store.watch(() => {
          void Promise.resolve(store.read(0, 10)).then((page) => seen.push(seqs(page)))
        })
        await store.write({ append: [statement()] })
        await store.write({ sign: [] })
        await store.write({ append: [] })
        await store.write({ append: [statement({ val: 'b' }), statement({ val: 'c' })] })
        await Promise.resolve()
        expect(seen).toEqual([[1], [1, 2, 3]])
        stop()
        await store.write({ append: [statement({ val: 'd' })] })
        expect(seen).toHaveLength(2)
      }))

    test('many labels that are replaced leave the order as it is', () =>
      run(async ({ store }) => {
        for (let round = 0; round < 4; round++) {
          const append = Array.from({ length: 900 }, (_, i) => statement({ val: `v${i}`, cts: at(round) }))
          await store.write({ append })
        }
        const all = seqs(await store.read(0, 10_000))
        expect(all).toEqual(Array.from({ length: 900 }, (_, i) => 2701 + i))
        expect(seqs(await store.read(3000, 3))).toEqual([3001, 3002, 3003])
        expect(
          await store.write({ sign: [{ seq: 3001, sig: new Uint8Array(64), key: rotated.didKey }] }),
        ).toEqual([3001])
      }))
  })
}
