// For how long an identity is believed, and how often one is asked for.

import { getEventListeners } from 'node:events'

import type { Handle } from '@avocet/syntax'
import { expect, test } from 'vitest'
import { createIdentities, type Identities, type IdentitiesOptions } from '../src/identities.ts'

test.each([
  ['an identity', { key: null, pds: null, handle: null }, 1000],
  ['that there is none', null, 100],
] as const)('%s is asked for again when its time is over, and not before', async (_what, answer, ttl) => {
  let now = 50_000
  let asked = 0
  const identities = createIdentities({
    resolveKey() {
      asked++
      return Promise.resolve(answer)
    },
    now: () => now,
    maxEntries: 10,
    ttlMs: 1000,
    goneTtlMs: 100,
    refreshMs: 60_000,
    retryMs: [],
    wait: () => Promise.resolve(),
    signal: new AbortController().signal,
  })
  const did = 'did:web:ada.example'
  await identities.get(did)
  now += ttl - 1
  expect(await identities.get(did)).toMatchObject({ ok: answer !== null })
  expect(asked).toBe(1)
  now++
  await identities.get(did)
  expect(asked).toBe(2)
})

function identitiesWith(
  resolveKey: IdentitiesOptions['resolveKey'],
  more: Partial<IdentitiesOptions> = {},
): { made: Identities; time: { now: number }; waits: number[]; stop: AbortController } {
  const time = { now: 50_000 }
  const waits: number[] = []
  const stop = new AbortController()
  const made = createIdentities({
    resolveKey,
    now: () => time.now,
    maxEntries: 100,
    ttlMs: 1000,
    goneTtlMs: 100,
    refreshMs: 60_000,
    retryMs: [],
    wait: async (ms) => void waits.push(ms),
    signal: stop.signal,
    ...more,
  })
  return { made, time, waits, stop }
}
const ada = 'did:web:ada.example'
const known = { key: null, pds: 'https://pds.example', handle: null }

test('a look-up that fails is tried again after each wait, then given up, and nothing of that is kept', async () => {
  let asked = 0
  const resolveKey = () => Promise.reject(new Error(`down ${++asked}`))
  const { made, waits } = identitiesWith(resolveKey, { retryMs: [5, 7] })
  expect(await made.get(ada)).toEqual({ ok: false, gone: false, message: 'down 3' })
  expect(waits).toEqual([5, 7])
  await made.get(ada)
  expect(asked).toBe(6)
  expect(made.counts).toEqual({ resolved: 2, refreshed: 0 })
})

test('a look-up that fails once is answered by the next try', async () => {
  let asked = 0
  const { made, waits } = identitiesWith(
    () => (asked++ === 0 ? Promise.reject(new Error('down')) : Promise.resolve(known)),
    { retryMs: [5, 7] },
  )
  expect(await made.get(ada)).toEqual({ ok: true, identity: known })
  expect(waits).toEqual([5])
})

test('who asks while somebody does gets the same answer, also from the line of a source', async () => {
  const gate = Promise.withResolvers<typeof known>()
  let asked = 0
  const { made } = identitiesWith(() => {
    asked++
    return gate.promise
  })
  const asking = [made.get(ada), made.get(ada), made.get(ada, 's'), made.get(ada, 's'), made.get(ada, 't')]
  gate.resolve(known)
  for (const answer of await Promise.all(asking)) expect(answer).toEqual({ ok: true, identity: known })
  expect(asked).toBe(1)
  // Fresh: without a turn of the event loop.
  expect(made.get(ada)).toEqual({ ok: true, identity: known })
})

test('asked anew: past every cache, once for each reason until its time is over', async () => {
  const forced: boolean[] = []
  const { made, time } = identitiesWith(async (_did, { forceRefresh }) => {
    forced.push(forceRefresh)
    return known
  })
  await made.get(ada)
  expect(made.refreshableAt(ada, 'key')).toBe(null)
  expect(await made.refresh(ada, 'key')).toEqual({ ok: true, identity: known })
  expect(made.refresh(ada, 'key')).toBe(null)
  expect(made.refreshableAt(ada, 'key')).toBe(time.now + 60_000)
  expect(await made.refresh(ada, 'host')).toMatchObject({ ok: true })
  expect(await made.refresh(ada, 'check', 's')).toMatchObject({ ok: true })
  time.now += 60_000
  expect(await made.refresh(ada, 'key')).toMatchObject({ ok: true })
  expect(forced).toEqual([false, true, true, true, true])
  expect(made.counts).toEqual({ resolved: 5, refreshed: 4 })
})

test('while it is asked anew the old answer is not given', async () => {
  let key = 'old'
  const { made } = identitiesWith(async () => ({ ...known, handle: `${key}.example` as Handle }))
  await made.get(ada)
  key = 'new'
  const refreshing = made.refresh(ada, 'key')
  expect(await made.get(ada)).toMatchObject({ identity: { handle: 'new.example' } })
  expect(await refreshing).toMatchObject({ identity: { handle: 'new.example' } })
})

test('renewals: four at once, then one each interval', async () => {
  const { made, time } = identitiesWith(async () => known)
  for (let i = 0; i < 4; i++) expect(await made.renew(ada)).toMatchObject({ ok: true })
  expect(made.renew(ada)).toBe(null)
  expect(made.renewableAt(ada)).toBe(time.now + 60_000)
  time.now += 60_000
  expect(made.renewableAt(ada)).toBe(null)
  expect(await made.renew(ada, 's')).toMatchObject({ ok: true })
})

test('nothing is concluded when the consumer stops, though a resolver hangs', async () => {
  const { made, stop } = identitiesWith(() => new Promise<never>(() => {}))
  const hanging = made.get(ada)
  stop.abort()
  await expect(hanging).rejects.toMatchObject({ name: 'AbortError' })
  await expect(made.get(ada)).rejects.toMatchObject({ name: 'AbortError' })
  const failing = identitiesWith(() => Promise.reject(new Error('down')), {
    retryMs: [1],
    wait: async () => failing.stop.abort(),
  })
  await expect(failing.made.get(ada)).rejects.toMatchObject({ name: 'AbortError' })
})

test('a refresh waits in the line of a source only for an account that is new in it', async () => {
  const asked: string[] = []
  const { made } = identitiesWith((did) => {
    asked.push(did)
    return did.startsWith('did:web:n') ? new Promise<never>(() => {}) : Promise.resolve(known)
  })
  for (let i = 0; i < 64; i++) void made.get(`did:web:n${i}.a.example`, 's')
  await expect.poll(() => asked.length, { timeout: 8000 }).toBe(64)
  const waiting = made.refresh('did:web:other.a.example', 'key', 's')
  expect(await made.refresh('did:web:ada.a.example', 'key')).toMatchObject({ ok: true })
  expect(asked.slice(64)).toEqual(['did:web:ada.a.example'])
  expect(await Promise.race([waiting, Promise.resolve('waits')])).toBe('waits')
})

test('however many are looked up, few listen to the signal, and all end with it', async () => {
  const { made, stop } = identitiesWith(() => new Promise(() => {}))
  const before = getEventListeners(stop.signal, 'abort').length
  // Some are under way, others wait in the line of their source.
  const asked = Array.from({ length: 1000 }, async (_, n) => made.get(`did:web:a${n}.example`, 'relay'))
  const settled = Promise.allSettled(asked)
  await new Promise((resolve) => setImmediate(resolve))
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(before)
  stop.abort()
  const names = (await settled).map((one) => (one as PromiseRejectedResult).reason.name)
  expect(names).toEqual(asked.map(() => 'AbortError'))
})
