import { describe, expect, onTestFinished, test, vi } from 'vitest'

import { createLoginBrake } from '../src/accounts/login-brake.ts'
import { createMemoryLoginCounts } from '../src/accounts/login-counts.ts'
import { PdsError } from '../src/errors.ts'
import { failure, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

const LIMIT = 30

async function setUp(): Promise<{ net: TestNetwork; account: TestAccount }> {
  const net = await startNetwork({ config: { rateLimitsEnabled: true } })
  onTestFinished(() => net[Symbol.asyncDispose]())
  return { net, account: await net.account() }
}
const guess = async (net: TestNetwork, identifier: string, from: string): Promise<string> =>
  failure(
    await net.post('com.atproto.server.createSession', {
      input: { identifier, password: 'wrong' },
      headers: { 'x-forwarded-for': from },
    }),
  )

describe('guesses count by the account they are about', () => {
  test('however it is named', async () => {
    const { net, account } = await setUp()
    const email = `${account.handle.split('.')[0]}@example.com`
    const names = [account.handle, `@${account.handle}`, account.did, email]
    const variants = Array.from({ length: LIMIT }, (_, i) => {
      const name = names[i % names.length]!
      const text = i % 3 === 0 && !name.startsWith('did:') ? name.toUpperCase() : name
      return `${' '.repeat(i)}${text}${' '.repeat(i % 5)}`
    })
    for (const name of variants)
      expect(await guess(net, name, '203.0.113.1')).toBe('401 AuthenticationRequired')
    for (const name of names)
      expect(await guess(net, ` ${name}`, '203.0.113.1')).toBe('429 RateLimitExceeded')
    expect(await guess(net, account.handle, '203.0.113.2')).toBe('401 AuthenticationRequired')
    expect(await guess(net, 'nobody.test', '203.0.113.1')).toBe('401 AuthenticationRequired')
  })

  test('and by the /64 they come from', async () => {
    const { net, account } = await setUp()
    for (let i = 0; i < LIMIT; i++) {
      expect(await guess(net, account.did, `2001:db8::${i.toString(16)}:1`)).toBe(
        '401 AuthenticationRequired',
      )
    }
    expect(await guess(net, account.did, '2001:db8::ffff')).toBe('429 RateLimitExceeded')
    expect(await guess(net, account.did, '2001:db8:0:1::1')).toBe('401 AuthenticationRequired')
  })

  test('mail for a lost password is counted the same way', async () => {
    const { net, account } = await setUp()
    const ask = async (email: string): Promise<string> =>
      failure(
        await net.post('com.atproto.server.requestPasswordReset', {
          input: { email },
          headers: { 'x-forwarded-for': '203.0.113.1' },
        }),
      )
    const email = `${account.handle.split('.')[0]}@example.com`
    for (let i = 0; i < 5; i++) expect(await ask(`${' '.repeat(i)}${email}`)).toBe('200 ')
    expect(await ask(email.toUpperCase())).toBe('429 RateLimitExceeded')
  })
})

describe('guesses from everywhere', () => {
  const wrong = (): Promise<never> => Promise.reject(new PdsError('auth-required', 'no'))
  const right = (): Promise<string> => Promise.resolve('in')

  /** A brake on a clock of its own; sleeping takes no time but is noted. */
  function setBrake() {
    const clock = { now: 0 }
    const slept: number[] = []
    const sleep = (ms: number): Promise<void> => Promise.resolve(void slept.push(ms))
    const brake = createLoginBrake(
      createMemoryLoginCounts(() => clock.now),
      sleep,
    )
    const fail = async (count: number, key = 'did:a', from = '203.0.113.1'): Promise<void> => {
      for (let i = 0; i < count; i++) await expect(brake.guard(key, from, wrong)).rejects.toThrow('no')
    }
    return { brake, clock, slept, fail }
  }

  test('are slowed down to one in two seconds, then sent away, and time mends it', async () => {
    const { brake, clock, slept, fail } = setBrake()
    await fail(50)
    expect(slept).toEqual([])
    await fail(1)
    expect(slept).toEqual([0])
    await fail(15)
    expect(slept.slice(1)).toEqual(Array.from({ length: 15 }, (_, i) => 2000 * (i + 1)))
    await expect(brake.guard('did:a', '198.51.100.1', wrong)).rejects.toMatchObject({
      code: 'too-many-at-once',
    })
    expect(await brake.guard('did:b', '203.0.113.1', right)).toBe('in')
    clock.now += 2000
    expect(await brake.guard('did:a', '198.51.100.1', right)).toBe('in')
    clock.now += 60 * 60 * 1000
    slept.length = 0
    await fail(1)
    expect(slept).toEqual([])
  })

  test('do not keep out who signed in from there before, or shows it otherwise', async () => {
    const { brake, slept, fail } = setBrake()
    expect(await brake.guard('did:a', '2001:db8::1', right)).toBe('in')
    await brake.trust('did:a', '198.51.100.7')
    await fail(66)
    slept.length = 0
    expect(await brake.guard('did:a', '2001:db8::2', right)).toBe('in')
    expect(await brake.guard('did:a', '198.51.100.7', right)).toBe('in')
    expect(slept).toEqual([])
    await expect(brake.guard('did:a', '198.51.100.8', right)).rejects.toMatchObject({
      code: 'too-many-at-once',
    })
    await expect(brake.guard('did:a', null, right)).rejects.toMatchObject({ code: 'too-many-at-once' })
  })

  test('wait as long when the clock of the machine was a year ahead meanwhile', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const slept: number[] = []
    const brake = createLoginBrake(undefined, (ms) => Promise.resolve(void slept.push(ms)))
    const now = Date.now()
    vi.setSystemTime(now + 365 * 24 * 60 * 60 * 1000)
    for (let i = 0; i < 51; i++) await expect(brake.guard('did:a', null, wrong)).rejects.toThrow('no')
    vi.setSystemTime(now)
    expect(await brake.guard('did:a', null, right)).toBe('in')
    expect(slept).toEqual([0, expect.any(Number)])
    expect(slept[1]).toBeLessThanOrEqual(2000)
  })

  test('are not counted where the password was not what failed', async () => {
    const { brake, slept } = setBrake()
    for (let i = 0; i < 60; i++) {
      const broken = (): Promise<never> => Promise.reject(new PdsError('account-takendown', 'x'))
      await expect(brake.guard('did:a', null, broken)).rejects.toThrow('x')
    }
    expect(slept).toEqual([])
  })
})
