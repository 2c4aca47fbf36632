import { describe, expect, it } from 'vitest'

import { createNonces, mayRepeat } from '../src/nonces.ts'

const ORIGIN = 'https://pds.example.com'
const NOW = Date.parse('2026-11-22T12:00:00Z')
const HOUR_MS = 3_600_000
const WORD = 'invalid_dpop_proof'

/** What is known after one answer, and how often the time was asked for elsewhere. */
function after(
  headers: Record<string, string>,
  time: number,
): { nonces: ReturnType<typeof createNonces>; asked: () => number } {
  let count = 0
  const nonces = createNonces(
    () => NOW,
    async () => {
      count += 1
      return time
    },
  )
  nonces.take(ORIGIN, new Headers({ 'dpop-nonce': 'n', ...headers }))
  return { nonces, asked: () => count }
}

describe('the time of a server', () => {
  it('is that of its answers', async () => {
    const { nonces, asked } = after({ date: new Date(NOW - 2 * HOUR_MS).toUTCString() }, NOW)
    expect(nonces.seconds(ORIGIN)).toBe(NOW / 1000 - 7200)
    expect(nonces.seconds('https://other.example.com')).toBe(NOW / 1000)
    expect(await mayRepeat(nonces, ORIGIN, WORD, NOW / 1000)).toBe(true)
    expect(asked()).toBe(0)
  })

  it('is asked for elsewhere where its answers do not tell it, once a proof is refused', async () => {
    const { nonces, asked } = after({}, NOW + 26 * HOUR_MS)
    expect(nonces.seconds(ORIGIN)).toBe(NOW / 1000)
    expect(await mayRepeat(nonces, ORIGIN, 'use_dpop_nonce', NOW / 1000)).toBe(true)
    expect(asked()).toBe(0)
    expect(await mayRepeat(nonces, ORIGIN, WORD, NOW / 1000)).toBe(true)
    expect([asked(), nonces.seconds(ORIGIN)]).toEqual([1, NOW / 1000 + 26 * 3600])
  })

  it.each([NOW, NOW + 4999, NaN])('is not the reason of a refusal where that says %d', async (time) => {
    const { nonces } = after({}, time)
    expect(await mayRepeat(nonces, ORIGIN, WORD, NOW / 1000)).toBe(false)
    expect(nonces.seconds(ORIGIN)).toBe(NOW / 1000)
  })

  it('is asked for once by many that were refused at once', async () => {
    const { nonces, asked } = after({}, NOW + HOUR_MS)
    const first = await mayRepeat(nonces, ORIGIN, WORD, NOW / 1000)
    const others = await Promise.all([1, 2, 3].map(() => mayRepeat(nonces, ORIGIN, WORD, NOW / 1000)))
    expect([first, ...others]).toEqual([true, true, true, true])
    expect([asked(), nonces.seconds(ORIGIN)]).toEqual([1, NOW / 1000 + 3600])
  })

  it('is that of this machine again where what was found elsewhere did not help', async () => {
    const { nonces, asked } = after({}, NOW - HOUR_MS)
    expect(await mayRepeat(nonces, ORIGIN, WORD, NOW / 1000)).toBe(true)
    expect(await mayRepeat(nonces, ORIGIN, WORD, nonces.seconds(ORIGIN))).toBe(true)
    expect([asked(), nonces.seconds(ORIGIN)]).toEqual([1, NOW / 1000])
  })

  it.each(['invalid_token', undefined])('is no matter where the word is %s', async (word) => {
    const { nonces, asked } = after({}, NOW + HOUR_MS)
    expect(await mayRepeat(nonces, ORIGIN, word, NOW / 1000 - 9999)).toBe(false)
    expect(asked()).toBe(0)
  })
})
