// For how long an identity is believed.

import { expect, test } from 'vitest'
import { createIdentities } from '../src/identities.ts'

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
