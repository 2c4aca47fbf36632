// Small parts, each by itself: buckets, lines of newcomers, a cache, a pause, a filter.

import { getEventListeners } from 'node:events'

import type { Did } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'
import { createBuckets } from '../src/buckets.ts'
import { collectionFilter, filterHash } from '../src/filter.ts'
import { createLru } from '../src/lru.ts'
import { createNewcomers } from '../src/newcomers.ts'
import { pause } from '../src/pause.ts'

const signal = new AbortController().signal

describe('a bucket', () => {
  it('gives as many at once as it has, then one each interval, and never more than it has', () => {
    let now = 1_000_000
    const buckets = createBuckets<string>(2, 100, 10, () => now)
    expect([buckets.take('a'), buckets.take('a'), buckets.take('a')]).toEqual([true, true, false])
    expect(buckets.readyAt('a')).toBe(now + 100)
    expect(buckets.readyAt('b')).toBe(null)
    now += 99
    expect(buckets.take('a')).toBe(false)
    now += 1
    expect(buckets.readyAt('a')).toBe(null)
    expect([buckets.take('a'), buckets.take('a')]).toEqual([true, false])
    now += 10_000
    expect([buckets.take('a'), buckets.take('a'), buckets.take('a')]).toEqual([true, true, false])
  })

  it('without an interval always gives', () => {
    const buckets = createBuckets<string>(1, 0, 10, () => 5)
    expect([buckets.take('a'), buckets.take('a'), buckets.readyAt('a')]).toEqual([true, true, null])
  })
})

describe('a cache', () => {
  it('keeps what is used, forgets what is not, and is bounded', () => {
    const lru = createLru<string, number>(4)
    for (const [i, key] of ['a', 'b', 'c', 'd'].entries()) lru.set(key, i)
    expect(lru.get('c')).toBe(2)
    lru.set('e', 4)
    lru.set('f', 5)
    expect(['f', 'c', 'd', 'b', 'a'].map((key) => lru.get(key))).toEqual([
      5,
      2,
      undefined,
      undefined,
      undefined,
    ])
  })

  it('of one holds the newest', () => {
    const lru = createLru<string, number>(1)
    lru.set('a', 1)
    lru.set('b', 2)
    expect([lru.get('a'), lru.get('b')]).toEqual([undefined, 2])
  })

  it('forgets at once what is deleted, young or old', () => {
    const lru = createLru<string, number>(4)
    for (const key of ['a', 'b', 'c']) lru.set(key, 1)
    for (const key of ['a', 'c']) lru.delete(key)
    expect(['a', 'b', 'c'].map((key) => lru.get(key))).toEqual([undefined, 1, undefined])
  })
})

describe('newcomers', () => {
  const plc = (i: number): Did => `did:plc:${String(i).padStart(24, 'a')}` as Did

  it('sixty-four of a source at once, in the order they came; each that ends lets one in', async () => {
    const newcomers = createNewcomers(signal)
    const begun: number[] = []
    const ends: (() => void)[] = []
    const running = Array.from({ length: 66 }, (_, i) =>
      newcomers.run('s', plc(i), async () => {
        begun.push(i)
        await new Promise<void>((resolve) => ends.push(resolve))
        return i
      }),
    )
    await expect.poll(() => begun.length, { timeout: 8000 }).toBe(64)
    ends[7]!()
    expect(await running[7]).toBe(7)
    await expect.poll(() => begun.slice(64), { timeout: 8000 }).toEqual([64])
    ends[64]!()
    await expect.poll(() => begun.slice(64), { timeout: 8000 }).toEqual([64, 65])
    for (const end of ends) end()
    expect(await Promise.all(running)).toEqual(Array.from({ length: 66 }, (_, i) => i))
    expect(await newcomers.run('s', plc(0), () => 'again')).toBe('again')
  })

  it('one that fails gives its place on too', async () => {
    const newcomers = createNewcomers(signal)
    const failing = Array.from({ length: 100 }, (_, i) =>
      newcomers.run('s', plc(i), () => Promise.reject(new Error('down'))),
    )
    expect((await Promise.allSettled(failing)).map(({ status }) => status)).toEqual(
      Array.from({ length: 100 }, () => 'rejected'),
    )
  })

  it('each source has a line, and in it each domain', async () => {
    const newcomers = createNewcomers(signal)
    const never = () => new Promise<never>(() => {})
    const hanging = (source: string, did: (i: number) => Did) => {
      for (let i = 0; i < 64; i++) void newcomers.run(source, did(i), never)
    }
    const begins = async (source: string, did: Did) =>
      Promise.race([
        newcomers.run(source, did, () => 'begun'),
        new Promise((resolve) => setTimeout(resolve, 5, 'waits')),
      ])
    hanging('s', (i) => `did:web:a${i}.one.example:user`)
    expect(await begins('s', 'did:web:b.one.example')).toBe('waits')
    expect(await begins('s', 'did:web:b.two.example')).toBe('begun')
    expect(await begins('s', plc(0))).toBe('begun')
    expect(await begins('t', 'did:web:b.one.example')).toBe('begun')
    hanging('s', plc)
    expect(await begins('s', plc(99))).toBe('waits')
    expect(await begins('t', plc(99))).toBe('begun')
  })

  it('a source is full at ten thousand, waiting or under way, and no longer when one ends', async () => {
    const newcomers = createNewcomers(signal)
    const gate = Promise.withResolvers<void>()
    const at = (i: number): Did => `did:web:n${i}.example`
    const first = newcomers.run('s', at(0), () => gate.promise)
    for (let i = 1; i < 9999; i++) void newcomers.run('s', at(i), () => new Promise<never>(() => {}))
    expect(newcomers.isFull('s')).toBe(false)
    void newcomers.run('s', at(9999), () => new Promise<never>(() => {}))
    expect([newcomers.isFull('s'), newcomers.isFull('t')]).toEqual([true, false])
    gate.resolve()
    await first
    expect(newcomers.isFull('s')).toBe(false)
  })

  it('who waits is told when the consumer stops', async () => {
    const stop = new AbortController()
    const newcomers = createNewcomers(stop.signal)
    for (let i = 0; i < 64; i++) void newcomers.run('s', plc(i), () => new Promise<never>(() => {}))
    const waiting = newcomers.run('s', plc(64), () => 'begun')
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('a pause', () => {
  it('ends in time, or at once when it is no longer wanted', async () => {
    const stop = new AbortController()
    const began = performance.now()
    await pause(30, stop.signal)
    expect(performance.now() - began).toBeGreaterThan(25)
    const long = pause(3_600_000, stop.signal)
    stop.abort()
    await long
    await pause(3_600_000, stop.signal)
  })

  it('that is over listens to its signal no more', async () => {
    const stop = new AbortController()
    await Promise.all([pause(1, stop.signal), pause(2, stop.signal)])
    expect(getEventListeners(stop.signal, 'abort')).toEqual([])
  })

  it('by a given clock calls off its timer when it is no longer wanted', async () => {
    const stop = new AbortController()
    const called: string[] = []
    const after = (ms: number): (() => void) => {
      called.push(`after ${ms}`)
      return () => void called.push('cancelled')
    }
    const paused = pause(70, stop.signal, { after })
    stop.abort()
    await paused
    expect(called).toEqual(['after 70', 'cancelled'])
  })
})

describe('a filter of collections', () => {
  it('takes exact names, and what lies below a namespace', () => {
    const wants = collectionFilter(['app.bsky.feed.post', 'com.example.*', 'org*'])
    const names = ['app.bsky.feed.post', 'app.bsky.feed.postgate', 'com.example.a', 'com.example.a.b']
    expect(names.map(wants)).toEqual([true, false, true, true])
    expect(['com.example', 'com.examples.a', 'org*', 'org.example'].map(wants)).toEqual([
      false,
      false,
      false,
      false,
    ])
  })

  it('is called the same in whatever order, and otherwise when it is another', () => {
    expect(filterHash(undefined)).toBe('all')
    expect(filterHash(['b', 'a', 'b'])).toBe(filterHash(['a', 'b']))
    const names = [[], ['a'], ['b'], ['a', 'b'], ['ab']].map(filterHash)
    expect(new Set(names).size).toBe(names.length)
    // It is stored: another name for the same choice would read every repo anew.
    expect(filterHash(['a', 'b'])).toMatchInlineSnapshot(`"3i1v32t9k3loy"`)
  })
})
