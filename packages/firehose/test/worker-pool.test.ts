// The conformance cases and the capture once more, proved on worker threads: the same verdicts, the same events.

import { afterAll, describe, expect, it } from 'vitest'
import { costlyCommit, repeated, textOf, wrap } from '../src/conformance/costly.ts'
import { createWorld, create, frameOf } from '../src/conformance/world.ts'
import { consume, createMemoryState, type VerifiedEvent, verifyEvent } from '../src/index.ts'
import { createWorkerPool } from '../src/pool.ts'
import { loadCapture } from './capture-fixture.ts'
import { playCase } from './play-case.ts'
import { CASES } from '../src/conformance/suite.ts'
import { fromFrames, worldResolver } from './support.ts'

const capture = await loadCapture()
const pool = createWorkerPool({ size: 2 })
afterAll(() => pool.close())

describe('worker pool', () => {
  // Those that the workers decide on; the others never reach them.
  for (const item of CASES.filter(({ group }) =>
    ['blocks', 'signature', 'operations', 'tree', 'inversion', 'sync', 'costly'].includes(group),
  )) {
    it(`${item.group}: ${item.name}`, async () => {
      const { verdicts, expected } = await playCase(item, { prover: pool })
      expect(verdicts).toEqual(expected)
    })
  }

  it.skipIf(capture === null)('gives the same events of a real capture as this thread', async () => {
    const events: VerifiedEvent[] = []
    const now = Date.parse('2026-07-04T14:40:00Z')
    const consumer = consume({
      sources: [fromFrames(capture!.frames)],
      resolveKey: async (did) => ({ key: capture!.keys.get(did) ?? null, pds: null, handle: null }),
      state: createMemoryState(),
      prover: pool,
      now: () => now,
      onEvent: (event) => void events.push(event),
    })
    await consumer.done
    const bySeq = new Map(events.map((event) => [event.seq, event]))
    for (const { frame, event, key } of capture!.commits) {
      const verdict = verifyEvent({ frame, key, repo: null, now, source: 'test' })
      expect(bySeq.get(event.seq)).toEqual(verdict.event)
    }
  })

  it('tells records that repeat, as this thread does', async () => {
    const world = createWorld('pool repeats')
    const account = world.createAccount()
    const writes = [
      ...repeated(3, wrap(textOf(2, 0x41))),
      { path: 'com.example.note/z', bytes: wrap(textOf(3, 0x41)) },
    ]
    const frame = frameOf('#commit', await costlyCommit(world, account, writes), 1)
    const seen: VerifiedEvent[] = []
    await consume({
      sources: [fromFrames([frame])],
      resolveKey: worldResolver(world),
      state: createMemoryState(),
      prover: pool,
      onEvent: (event) => void seen.push(event),
    }).done
    const [event] = seen
    if (event?.kind !== 'commit') throw new Error(JSON.stringify(event))
    expect(event.ops.map(({ isRepeat }) => isRepeat)).toEqual([undefined, true, true, undefined])
  })

  it('keeps the order of each account', async () => {
    const world = createWorld('pool order')
    const accounts = Array.from({ length: 4 }, () => world.createAccount())
    const frames: Uint8Array[] = []
    for (let i = 0; i < 80; i++) {
      const commit = await world.commit(accounts[i % 4]!, [create(`k${i}`)])
      frames.push(frameOf('#commit', world.event(commit), i + 1))
    }
    const seen: VerifiedEvent[] = []
    const consumer = consume({
      sources: [fromFrames(frames)],
      resolveKey: worldResolver(world),
      state: createMemoryState(),
      prover: pool,
      onEvent: (event) => void seen.push(event),
    })
    await consumer.done
    expect(consumer.stats().reasons).toEqual({})
    for (const { did } of accounts) {
      const seqs = seen.filter((event) => 'did' in event && event.did === did).map(({ seq }) => seq!)
      expect(seqs).toHaveLength(20)
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    }
  })

  for (const [name, about] of [
    ['hanging', 'does not come back'],
    ['ending', 'ends its thread'],
    ['growing', 'needs more memory than its thread may have'],
  ]) {
    it(`loses no other event when one ${about}`, { timeout: 30_000 }, async () => {
      await using fragile = createWorkerPool({
        size: 1,
        verifier: { module: new URL('./hostile-verifier.ts', import.meta.url).href, name: name! },
        maxMs: name === 'growing' ? 20_000 : 1000,
        maxHeapMb: 32,
      })
      const world = createWorld(`pool ${name}`)
      const frames: Uint8Array[] = []
      const honest = Array.from({ length: 5 }, () => world.createAccount())
      const mallory = world.createAccount({ curve: 'p256' })
      for (const account of [...honest, mallory, ...honest]) {
        const commit = await world.commit(account, [create(`k${frames.length}`)])
        frames.push(frameOf('#commit', world.event(commit), frames.length + 1))
      }
      const seen: VerifiedEvent[] = []
      const consumer = consume({
        sources: [fromFrames(frames)],
        resolveKey: worldResolver(world),
        state: createMemoryState(),
        prover: fragile,
        onEvent: (event) => void seen.push(event),
      })
      await consumer.done
      expect(consumer.stats().reasons).toEqual({ 'too-costly': 1 })
      expect(seen.filter(({ kind }) => kind === 'failure')).toMatchObject([
        { did: mallory.did, seq: 6, reason: 'too-costly' },
      ])
      expect(
        seen
          .filter(({ kind }) => kind === 'commit')
          .map(({ seq }) => seq)
          .toSorted((a, b) => a! - b!),
      ).toEqual([1, 2, 3, 4, 5, 7, 8, 9, 10, 11])
    })
  }

  describe('an examiner that is made anew', () => {
    const exportOf = (file: string, name: string, data?: unknown) => ({
      module: new URL(file, import.meta.url).href,
      name,
      data,
    })
    const open = (data: string) =>
      createWorkerPool({
        size: 1,
        verifier: exportOf('./hostile-verifier.ts', 'ending'),
        examiner: exportOf('./labelling-examiner.ts', 'labelling', data),
      })
    const world = createWorld('pool examiner')
    let seq = 0
    /** What the pool's examiner says of a commit of a new account. */
    const said = async (prover: ReturnType<typeof open>, curve: 'k256' | 'p256' = 'k256') => {
      const commit = await world.commit(world.createAccount({ curve }), [create('a')])
      const seen: VerifiedEvent[] = []
      await consume({
        sources: [fromFrames([frameOf('#commit', world.event(commit), ++seq)])],
        resolveKey: worldResolver(world),
        state: createMemoryState(),
        prover,
        onEvent: (event) => void seen.push(event),
      }).done
      const [event] = seen
      return event?.kind === 'commit' ? event.ops[0]!.examined : event?.kind
    }

    it('is that of all threads from then on, those that are replaced too', async () => {
      await using renewed = open('one')
      expect(await said(renewed)).toBe('one')
      renewed.renewExaminer('two')
      expect(await said(renewed)).toBe('two')
      expect(await said(renewed, 'p256')).toBe('failure')
      expect([await said(renewed), renewed.stats().replaced]).toEqual(['two', 3])
      expect(() => renewed.renewExaminer(() => {})).toThrow(
        expect.objectContaining({ name: 'DataCloneError' }),
      )
      expect(await said(renewed)).toBe('two')
    })

    it('is that of threads that have not begun', async () => {
      await using renewed = open('one')
      renewed.renewExaminer('two')
      expect(await said(renewed)).toBe('two')
      await using without = createWorkerPool({ size: 1 })
      without.renewExaminer('two')
      expect(await said(without)).toBe(undefined)
    })

    it('that cannot be made ends the pool, and blames no event', async () => {
      await using renewed = open('one')
      expect(await said(renewed)).toBe('one')
      renewed.renewExaminer('broken')
      await expect(said(renewed)).rejects.toMatchObject({
        code: 'worker-failed',
        cause: expect.objectContaining({ message: 'no examiner with this' }),
      })
    })
  })

  it('tells a worker that cannot start from an event that is too costly', async () => {
    await using broken = createWorkerPool({
      size: 1,
      verifier: { module: 'data:text/javascript,', name: 'none' },
    })
    const world = createWorld('pool start')
    const account = world.createAccount()
    const frame = frameOf('#commit', world.event(await world.commit(account, [create('a')])), 1)
    const consumer = consume({
      sources: [fromFrames([frame])],
      resolveKey: worldResolver(world),
      state: createMemoryState(),
      prover: broken,
      onEvent: () => {},
    })
    await expect(consumer.done).rejects.toMatchObject({ code: 'worker-failed' })
  })

  it('stops the consumer when its threads are gone', async () => {
    const world = createWorld('pool death')
    const account = world.createAccount()
    const frame = frameOf('#commit', world.event(await world.commit(account, [create('a')])), 1)
    const dying = createWorkerPool({ size: 1 })
    await dying.close()
    const consumer = consume({
      sources: [fromFrames([frame])],
      resolveKey: worldResolver(world),
      state: createMemoryState(),
      prover: dying,
      onEvent: () => {},
    })
    await expect(consumer.done).rejects.toMatchObject({ code: 'worker-failed' })
    expect(() => createWorkerPool({ size: 0 })).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})
