// How many wrong passwords are looked at.

import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Indexer, IndexerConfig } from '../src/app.ts'
import { createGuesses, type Guesses } from '../src/http/guesses.ts'
import { type Host, startHost } from './support/host.ts'
import { startIndexer } from './support/indexer.ts'

let clock = 0
const open = (perAddress = true): Guesses => {
  clock = 1_000_000
  return createGuesses({ perAddress, now: () => clock })
}
/** @returns how many were looked at */
const guess = (guesses: Guesses, times: number, address: (i: number) => string): number => {
  let looked = 0
  for (let i = 0; i < times; i++) {
    if (guesses.wait(address(i)) > 0) continue
    looked++
    guesses.note(address(i), false)
  }
  return looked
}

describe('bounds', () => {
  test('an address has ten at once, and ten in a minute; others are not touched', () => {
    const guesses = open()
    expect(guess(guesses, 1000, () => '192.0.2.1')).toBe(10)
    expect([guesses.wait('192.0.2.1'), guesses.wait('192.0.2.2')]).toEqual([6, 0])
    let looked = 0
    for (; clock < 1_000_000 + 600_000; clock += 1000) looked += guess(guesses, 5, () => '192.0.2.1')
    expect(looked).toBe(99)
    clock += 60_000
    expect(guess(guesses, 1000, () => '192.0.2.1')).toBe(10)
  })

  test('an IPv6 network is one', () => {
    expect(guess(open(), 1000, (i) => `2001:db8:1:2::${i.toString(16)}`)).toBe(10)
  })

  test('all together have two hundred at once; who knew the password before is not shut out by them', () => {
    const guesses = open()
    guesses.note('198.51.100.7', true)
    expect(guess(guesses, 5000, (i) => `10.0.${i >> 8}.${i & 255}`)).toBe(200)
    expect([guesses.wait('192.0.2.1') > 0, guesses.wait('198.51.100.7')]).toEqual([true, 0])
    // It has no more than others for guesses of its own.
    expect(guess(guesses, 1000, () => '198.51.100.7')).toBe(10)
  })

  test('behind a proxy all have one address, and the bound of all is theirs', () => {
    const guesses = open(false)
    guesses.note('127.0.0.1', true)
    expect(guess(guesses, 5000, () => '127.0.0.1')).toBe(200)
    expect(guesses.wait('127.0.0.1')).toBe(1)
  })

  test('ten thousand networks are remembered: those that came last', () => {
    const guesses = open()
    const others = (isRight: boolean, count: number): void => {
      for (let i = 0; i < count; i++) guesses.note(`10.0.${i >> 8}.${i & 255}`, isRight)
    }
    guesses.note('198.51.100.7', true)
    guess(guesses, 10, () => '198.51.100.7')
    others(false, 9999)
    expect(guesses.wait('198.51.100.7')).toBe(6)
    others(false, 10_000)
    expect(guesses.wait('198.51.100.7')).toBe(0)
    others(true, 9999)
    expect(guesses.wait('198.51.100.7')).toBe(0)
    others(true, 10_000)
    expect(guesses.wait('198.51.100.7')).toBeGreaterThan(0)
  })
})

describe('over sockets', () => {
  let host: Host
  let indexer: Indexer
  const start = async (config: Partial<IndexerConfig>): Promise<string> => {
    host = await startHost()
    indexer = await startIndexer(host, config)
    return indexer.url!
  }
  afterEach(async () => {
    await indexer.close()
    await host[Symbol.asyncDispose]()
  })
  const basic = (password: string): Record<string, string> => ({
    authorization: `Basic ${btoa(`admin:${password}`)}`,
  })

  test('Tap: after ten wrong passwords none is looked at, also not at its socket', async () => {
    const url = await start({ tap: { password: 'geheim' } })
    const ask = (headers: Record<string, string>): Promise<Response> => fetch(`${url}/health`, { headers })
    // Who says none guesses nothing.
    for (let i = 0; i < 20; i++) expect((await ask({})).status).toBe(401)
    for (let i = 0; i < 10; i++) expect((await ask(basic(`geheim${i}`))).status).toBe(401)
    const refused = await ask(basic('geheim'))
    expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([429, 6])
    const socket = new WebSocket(`${url.replace('http', 'ws')}/channel`, { headers: basic('geheim') })
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_, { statusCode }) => resolve(statusCode))
      socket.on('open', () => resolve('open'))
      socket.on('error', () => {})
    })
    expect(status).toBe(429)
    expect((await ask({})).status).toBe(401)
    expect((await fetch(`${url}/status`)).status).toBe(200)
  })

  test('the admin API: the same, in its own words', async () => {
    const token = 'correct-horse-battery-staple'
    await start({ admin: { host: '127.0.0.1', port: 0, token } })
    const ask = (authorization: string): Promise<Response> =>
      fetch(`${indexer.adminUrl}/admin/status`, { headers: { authorization } })
    for (let i = 0; i < 10; i++) expect((await ask(`Bearer ${token}${i}`)).status).toBe(401)
    const refused = await ask(`Bearer ${token}`)
    expect([refused.status, await refused.json()]).toMatchObject([429, { error: 'RateLimitExceeded' }])
    expect(Number(refused.headers.get('retry-after'))).toBe(6)
  })
})
