// How far a reader got is saved now and then: the newest, one at a time, and at the end.
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createPositionSaver } from '../src/stream.ts'

const failed = (cause: unknown): Error => new Error('not saved', { cause })
const recorder = (): { readonly saved: number[]; save(position: number): void } => {
  const saved: number[] = []
  return { saved, save: (position) => void saved.push(position) }
}

describe('createPositionSaver', () => {
  it('saves the newest position in the background, and only what is new', async () => {
    const store = recorder()
    const saver = createPositionSaver(store, 5, failed)
    for (let i = 1; i <= 100; i++) saver.offer(i)
    expect(store.saved).toEqual([])
    await expect.poll(() => store.saved).toEqual([100])
    // Some turns in which nothing is new.
    await sleep(40)
    expect(store.saved).toEqual([100])
    saver.offer(101)
    await expect.poll(() => store.saved).toEqual([100, 101])
    saver.stop()
  })

  it('saves at the end what the background has not', async () => {
    const store = recorder()
    const saver = createPositionSaver(store, 60_000, failed)
    saver.offer(1)
    saver.offer(2)
    saver.stop()
    await saver.flush()
    expect(store.saved).toEqual([2])
    await saver.flush()
    expect(store.saved).toEqual([2])
  })

  it('makes one save at a time, and flushes what came during one', async () => {
    let running = 0
    let most = 0
    const saved: number[] = []
    const disk = Promise.withResolvers<void>()
    const save = async (position: number): Promise<void> => {
      most = Math.max(most, ++running)
      await disk.promise
      running--
      saved.push(position)
    }
    const saver = createPositionSaver({ save }, 1, failed)
    saver.offer(1)
    await expect.poll(() => running).toBe(1)
    saver.offer(2)
    await sleep(20)
    const flushed = saver.flush()
    saver.offer(3)
    disk.resolve()
    await flushed
    expect([saved, most]).toEqual([[1, 3], 1])
    saver.stop()
  })

  it('flushes what comes at any moment of a save, at its very end too', async () => {
    for (let turns = 0; turns < 20; turns++) {
      const store = recorder()
      const saver = createPositionSaver(store, 60_000, failed)
      saver.offer(1)
      const first = saver.flush()
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      saver.offer(2)
      await saver.flush()
      expect(store.saved.at(-1), `${turns} turns later`).toBe(2)
      await first
      saver.stop()
    }
  })

  it('tells of a save that failed, and makes no more', async () => {
    const cause = new Error('disk is full')
    let tries = 0
    const save = (): never => {
      tries++
      throw cause
    }
    const saver = createPositionSaver({ save }, 1, failed)
    saver.check()
    saver.offer(1)
    await expect.poll(() => tries).toBe(1)
    expect(() => saver.check()).toThrow('not saved')
    saver.offer(2)
    await sleep(20)
    await expect(saver.flush()).rejects.toMatchObject({ message: 'not saved', cause })
    expect(tries).toBe(1)
    saver.stop()
  })

  it('saves nothing without a store, nor in the background once it is stopped', async () => {
    const none = createPositionSaver<number>(null, 1, failed)
    none.offer(1)
    await none.flush()
    none.stop()
    const store = recorder()
    const saver = createPositionSaver(store, 1, failed)
    saver.offer(1)
    await expect.poll(() => store.saved).toEqual([1])
    saver.stop()
    saver.offer(2)
    await sleep(20)
    expect(store.saved).toEqual([1])
  })
})
