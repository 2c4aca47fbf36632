// What every state store must do. Each implementation's test file runs this over a store of its own.

import { cidForRaw } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RepoState, RepoStateStore } from '../src/index.ts'

export type StateFixture<Tx> = {
  readonly state: RepoStateStore<Tx>
  /** The same store opened anew; null when it keeps nothing. */
  reopen(): Promise<RepoStateStore<Tx> | null>
  close(): Promise<void>
}

const did: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const other: Did = 'did:web:example.com'

export const repo = (change: Partial<RepoState> = {}): RepoState => ({
  did,
  rev: '3mptbypluud2a' as Tid,
  data: cidForRaw(new Uint8Array([1])),
  status: 'synchronized',
  reason: null,
  nextTry: null,
  priority: 0,
  attempts: 0,
  epoch: 0,
  phase: null,
  lost: null,
  triedAt: null,
  floor: null,
  claimed: null,
  flags: [],
  partialSince: null,
  filter: 'all',
  confirmedAt: null,
  upstreamStatus: 'active',
  localStatus: 'active',
  hearsay: null,
  lastSource: 's',
  lastSeq: 9_000_000_000,
  ...change,
})

/** States compare by value: CIDs as text. */
const plain = (state: RepoState | null): unknown =>
  state && { ...state, data: state.data?.toString() ?? null }

export function describeState<Tx>(name: string, open: () => Promise<StateFixture<Tx>>): void {
  describe(`state: ${name}`, () => {
    let fixture: StateFixture<Tx>
    beforeEach(async () => {
      fixture = await open()
    })
    afterEach(() => fixture.close())

    it('gives back what was saved, every field, also after a restart', async () => {
      const { state } = fixture
      expect(await state.load(did)).toBe(null)
      const full = repo({
        status: 'desynchronized',
        reason: 'chain-data',
        nextTry: 5,
        priority: 2,
        attempts: 3,
        epoch: 7,
        phase: 'applying',
        lost: 'queue-full',
        triedAt: 11,
        floor: '3mptbypluud2b' as Tid,
        claimed: '3mptbypluud2c' as Tid,
        flags: ['first-sighting', 'legacy'],
        partialSince: '3mptbypluud22' as Tid,
        filter: 'x1',
        confirmedAt: 12,
        localStatus: 'takendown',
        hearsay: { status: 'deleted', askAt: 13, tries: 2, gone: 1 },
      })
      await state.save({ repo: full })
      const empty = repo({ did: other, rev: null, data: null, lastSource: null, lastSeq: null })
      await state.save({ repo: empty, cursor: { source: 's', seq: 7, high: 9, numbering: 0, gapAt: 4 } })
      for (const reach of [async () => state, () => fixture.reopen()]) {
        const store = await reach()
        if (store === null) continue
        expect(plain(await store.load(did))).toEqual(plain(full))
        expect(plain(await store.load(other))).toEqual(plain(empty))
        expect(await store.loadCursor('s')).toEqual({ source: 's', seq: 7, high: 9, numbering: 0, gapAt: 4 })
        expect(await store.loadCursor('t')).toBe(null)
      }
    })

    it('overwrites and removes', async () => {
      const { state } = fixture
      await state.save({ repo: repo(), enqueue: { did, source: 's', seq: 1, frame: new Uint8Array([1]) } })
      await state.save({
        repo: repo({ attempts: 1 }),
        cursor: { source: 's', seq: 1, high: 1, numbering: 0, gapAt: null },
      })
      await state.save({ cursor: { source: 's', seq: 2, high: 2, numbering: 0, gapAt: null } })
      expect((await state.load(did))?.attempts).toBe(1)
      expect((await state.loadCursor('s'))?.seq).toBe(2)
      await state.save({ remove: did })
      expect(await state.load(did)).toBe(null)
      expect(await state.loadQueue(did, 1e9)).toEqual([])
    })

    it('keeps queued frames in order, per repo, and pages them by bytes', async () => {
      const { state } = fixture
      for (let seq = 1; seq <= 5; seq++) {
        await state.save({ enqueue: { did, source: 's', seq, frame: new Uint8Array(10).fill(seq) } })
        await state.save({ enqueue: { did: other, source: 's', seq, frame: new Uint8Array([0]) } })
      }
      const all = await state.loadQueue(did, 1e9)
      expect(all.map(({ seq, frame }) => [seq, frame[0]])).toEqual([1, 2, 3, 4, 5].map((n) => [n, n]))
      expect(await state.loadQueue(did, 25)).toHaveLength(2)
      expect(await state.loadQueue(did, 1)).toHaveLength(1)
      await state.save({ dequeue: { did, upTo: all[2]!.id } })
      expect((await state.loadQueue(did, 1e9)).map(({ seq }) => seq)).toEqual([4, 5])
      await state.save({ dequeue: { did, upTo: Number.MAX_SAFE_INTEGER } })
      expect(await state.loadQueue(did, 1e9)).toEqual([])
      expect(await state.loadQueue(other, 1e9)).toHaveLength(5)
    })

    it('finds the repos of a priority that are due, the longest due first', async () => {
      const { state } = fixture
      const names = ['a', 'b', 'c', 'd', 'e'] as const
      const tries = [30, 10, null, 20, 15]
      for (const [i, letter] of names.entries()) {
        const priority = letter === 'e' ? 3 : 1
        await state.save({ repo: repo({ did: `did:web:${letter}.example`, nextTry: tries[i]!, priority }) })
      }
      const due = async (now: number, limit: number, priority: 1 | 3 = 1): Promise<string[]> =>
        (await state.find({ due: now, priority }, limit)).map((item) => item.did)
      expect(await due(9, 9)).toEqual([])
      expect(await due(20, 9)).toEqual(['did:web:b.example', 'did:web:d.example'])
      expect(await due(99, 2)).toEqual(['did:web:b.example', 'did:web:d.example'])
      expect(await due(14, 2, 3)).toEqual([])
      expect(await due(15, 2, 3)).toEqual(['did:web:e.example'])
    })

    it('finds the repos whose hearsay is to be asked about, the longest due first', async () => {
      const { state } = fixture
      for (const [letter, askAt] of [
        ['a', 30] as const,
        ['b', 10] as const,
        ['c', null] as const,
        ['d', 20] as const,
      ]) {
        const hearsay = askAt === null ? null : { status: 'deleted', askAt, tries: 0, gone: 0 }
        await state.save({ repo: repo({ did: `did:web:${letter}.example`, hearsay }) })
      }
      const openAt = async (now: number, limit = 9): Promise<string[]> =>
        (await state.find({ hearsay: now }, limit)).map((item) => item.did)
      expect(await openAt(9)).toEqual([])
      expect(await openAt(20)).toEqual(['did:web:b.example', 'did:web:d.example'])
      expect(await openAt(30, 1)).toEqual(['did:web:b.example'])
      await state.save({ repo: repo({ did: 'did:web:b.example' }) })
      expect(await openAt(30)).toEqual(['did:web:d.example', 'did:web:a.example'])
    })

    it('gives all repos page by page, in order of DID', async () => {
      const { state } = fixture
      for (const letter of ['c', 'a', 'b'])
        await state.save({ repo: repo({ did: `did:web:${letter}.example` }) })
      const page = async (after: Did | null, limit: number): Promise<string[]> =>
        (await state.find({ after }, limit)).map((item) => item.did)
      expect(await page(null, 2)).toEqual(['did:web:a.example', 'did:web:b.example'])
      expect(await page('did:web:b.example', 2)).toEqual(['did:web:c.example'])
      expect(await page('did:web:c.example', 2)).toEqual([])
    })

    it('runs `alongside` in the same transaction: a throw leaves everything as it was', async () => {
      const { state } = fixture
      await state.save({ repo: repo(), cursor: { source: 's', seq: 1, high: 1, numbering: 0, gapAt: null } })
      const failing = state.save(
        {
          repo: repo({ attempts: 9 }),
          cursor: { source: 's', seq: 2, high: 2, numbering: 0, gapAt: null },
          enqueue: { did, source: 's', seq: 2, frame: new Uint8Array([1]) },
        },
        () => {
          throw new Error('app')
        },
      )
      await expect(failing).rejects.toThrow('app')
      expect((await state.load(did))?.attempts).toBe(0)
      expect((await state.loadCursor('s'))?.seq).toBe(1)
      expect(await state.loadQueue(did, 1e9)).toEqual([])
      let ran = 0
      await state.save({ repo: repo({ attempts: 2 }) }, () => void ran++)
      expect(ran).toBe(1)
      expect((await state.load(did))?.attempts).toBe(2)
    })
  })
}
