// What is asked of one host: so many at once, so many a second, a pause when it wants one, and no waiting for drips.

import { describe, expect, it } from 'vitest'
import { createHostClocks, type HostFetch, type HostLimits, limitHosts } from '../src/index.ts'

const NOW = 1_000_000
const signal = new AbortController().signal

function limited(fetch: HostFetch, limits: HostLimits = {}) {
  const time = { now: NOW }
  const asked: string[] = []
  const counted: HostFetch = (url, init) => {
    asked.push(url)
    return fetch(url, init)
  }
  const clocks = createHostClocks()
  const ask = limitHosts(counted, clocks, { now: () => time.now, ...limits })
  const urgently = (url: string) => ask(url, { signal, urgent: true })
  return { time, asked, clocks, ask: (url: string) => ask(url, { signal }), urgently }
}
const ok: HostFetch = async () => new Response('x')
const A = 'https://a.example/xrpc/x'
const B = 'https://b.example/xrpc/x'

describe('hosts', () => {
  it('so many at once: an answer that is not read holds its place, one that is read or given up does not', async () => {
    const { ask, asked } = limited(ok, { slots: 2 })
    const first = await ask(A)
    const second = await ask(A)
    await expect(ask(A)).rejects.toMatchObject({ code: 'host-busy', retryAfterMs: 200 })
    // Others are not concerned.
    await ask(B)
    await first.text()
    const third = await ask(A)
    await expect(ask(A)).rejects.toMatchObject({ code: 'host-busy' })
    await second.body!.cancel()
    await third.body!.cancel()
    await ask(A)
    await ask(A)
    expect(asked).toHaveLength(6)
  })

  it.each([
    [3, 0],
    [4, 1],
    [8, 2],
    [11, 2],
  ])('of %i places %i are kept for what is urgent', async (slots, urgent) => {
    const { ask, urgently } = limited(ok, { slots, burst: 1000 })
    for (let i = 0; i < slots - urgent; i++) await ask(A)
    await expect(ask(A)).rejects.toMatchObject({ code: 'host-busy' })
    for (let i = 0; i < urgent; i++) await urgently(A)
    await expect(urgently(A)).rejects.toMatchObject({ code: 'host-busy' })
  })

  it('of what may come at once two are kept for what is urgent', async () => {
    const { ask, urgently, time } = limited(ok, { slots: 99, perSecond: 10, burst: 20 })
    for (let i = 0; i < 18; i++) await ask(A)
    await expect(ask(A)).rejects.toMatchObject({ code: 'host-busy', retryAfterMs: 100 })
    await urgently(A)
    await urgently(A)
    await expect(urgently(A)).rejects.toMatchObject({ code: 'host-busy', retryAfterMs: 100 })
    time.now += 299
    await expect(ask(A)).rejects.toMatchObject({ code: 'host-busy', retryAfterMs: 1 })
    time.now += 1
    await ask(A)
  })

  it('a request that fails leaves its place', async () => {
    const { ask } = limited(async () => Promise.reject(new TypeError('refused')), { slots: 1 })
    for (let i = 0; i < 3; i++) await expect(ask(A)).rejects.toThrow('refused')
  })

  it('a shorter pause does not end a longer one', () => {
    const clocks = createHostClocks()
    clocks.pause('a.example', 5000)
    clocks.pause('a.example', 1000)
    expect([clocks.pausedUntil('a.example'), clocks.pausedUntil('b.example')]).toEqual([5000, 0])
    clocks.pause('a.example', 6000)
    expect(clocks.pausedUntil('a.example')).toBe(6000)
  })

  it('so many a second', async () => {
    const { ask, time } = limited(ok, { slots: 99, perSecond: 2, burst: 3 })
    for (let i = 0; i < 3; i++) await ask(A)
    await expect(ask(A)).rejects.toMatchObject({ code: 'host-busy', retryAfterMs: 500 })
    time.now += 499
    await expect(ask(A)).rejects.toMatchObject({ code: 'host-busy' })
    time.now += 1
    await ask(A)
    await expect(ask(A)).rejects.toMatchObject({ code: 'host-busy' })
  })

  it.each([
    [429, { 'retry-after': '60' }, 60_000],
    [503, { 'retry-after': new Date(NOW + 45_000).toUTCString() }, 45_000],
    [429, {}, 30_000],
    [429, { 'retry-after': '999999' }, 3_600_000],
  ])('%i %o: nothing more is asked for %i ms', async (status, headers, pause) => {
    const { ask, asked, time } = limited(async () => new Response('{}', { status, headers: headers as {} }), {
      slots: 2000,
      burst: 2000,
    })
    expect((await ask(A)).status).toBe(status)
    for (let i = 0; i < 1500; i++) {
      await expect(ask(A)).rejects.toMatchObject({ code: 'host-busy', retryAfterMs: pause })
    }
    expect(asked).toHaveLength(1)
    time.now += pause - 1
    await expect(ask(A)).rejects.toMatchObject({ code: 'host-busy', retryAfterMs: 1 })
    time.now += 1
    await ask(A)
    expect(asked).toHaveLength(2)
  })

  it('an answer that drips fails, and the host is left alone for a while', async () => {
    const body = (): ReadableStream<Uint8Array> =>
      new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 20))
          controller.enqueue(new Uint8Array(1))
        },
      })
    const clocks = createHostClocks()
    const ask = limitHosts(async () => new Response(body()), clocks, {
      windowMs: 200,
      minBytesPerSecond: 1000,
    })
    const response = await ask(A, { signal })
    await expect(response.arrayBuffer()).rejects.toMatchObject({ code: 'fetch-failed' })
    await expect(ask(A, { signal })).rejects.toMatchObject({ code: 'host-busy' })
  })

  it('an answer that is given up is given up at the host too', async () => {
    const reasons: unknown[] = []
    const endless = new ReadableStream<Uint8Array>({ cancel: (reason) => void reasons.push(reason) })
    const ask = limitHosts(async () => new Response(endless), createHostClocks())
    await (await ask(A, { signal })).body!.cancel('enough')
    expect(reasons).toEqual(['enough'])
  })

  it('silence is a drip', async () => {
    const silent = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) })
    const ask = limitHosts(async () => new Response(silent), createHostClocks(), { windowMs: 50 })
    await expect((await ask(A, { signal })).arrayBuffer()).rejects.toMatchObject({ code: 'fetch-failed' })
  })

  it('a reader that takes its time is not the host’s fault', async () => {
    let chunks = 0
    const quick = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (++chunks > 8) controller.close()
        else controller.enqueue(new Uint8Array(10))
      },
    })
    const time = { now: NOW }
    const ask = limitHosts(async () => new Response(quick), createHostClocks(), { now: () => time.now })
    let bytes = 0
    for await (const chunk of (await ask(A, { signal })).body!) {
      bytes += chunk.length
      // The next chunk is fetched ahead, before the time goes on.
      await new Promise((resolve) => setTimeout(resolve))
      time.now += 30_000
    }
    expect(bytes).toBe(80)
  })
})
