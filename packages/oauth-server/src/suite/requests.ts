import { notStrictEqual, partialDeepStrictEqual, strictEqual } from 'node:assert'

import type { OAuthChange } from '../change.ts'
import { APPLIED, refused, same, storeCase, type StoreCase } from './case.ts'
import { request, add, open, granted, grant, KEY, hex, NOON } from './rows.ts'

/** Of pushed requests. */
export const REQUEST_CASES: readonly StoreCase[] = [
  storeCase('requests are kept whole', async ({ store, apply }) => {
    const rows = [
      request(1),
      request(2, { clientKey: KEY, from: null, parameters: { ...request(2).parameters, state: '' } }),
    ]
    same(await apply(...rows.map((row) => add(row))), APPLIED)
    for (const row of rows) same(await store.requests.get(row.id), row)
    strictEqual(await store.requests.get(hex(3)), null)
    same(await apply(add(request(1))), refused('id-taken'))
  }),

  storeCase('requests belong to the first device that opens them, and live on', async ({ store, apply }) => {
    await apply(add(request(1)))
    same(await apply(open(1, 'browser', NOON + 299)), APPLIED)
    partialDeepStrictEqual(await store.requests.get(hex(1)), { device: 'browser', expiresAt: NOON + 599 })
    same(await apply(open(1, 'other')), refused('request-elsewhere'))
    same(await apply(open(1, 'browser', NOON + 598)), APPLIED)
    same(await apply(open(1, 'browser', NOON + 898)), refused('request-gone'))
    same(await apply(open(2)), refused('request-gone'))
  }),

  storeCase(
    'requests are granted once, on the device that opened them, while they live',
    async ({ store, apply }) => {
      await apply(add(request(1)), add(request(2)))
      same(await apply(grant(1, 'C')), refused('request-elsewhere'))
      await apply(open(1), open(2))
      same(await apply(grant(1, 'C', 'other')), refused('request-elsewhere'))
      same(await apply(grant(1, 'C', 'browser', NOON + 300)), refused('request-gone'))
      same(await apply(grant(1, 'C', 'browser', NOON + 299)), APPLIED)
      const row = { ...request(1), device: 'browser', granted: granted('C'), expiresAt: NOON + 359 }
      same(await store.requests.get(hex(1)), row)
      same(await store.requests.byCode('C'), row)
      strictEqual(await store.requests.byCode('D'), null)
      same(await apply(grant(1, 'D')), refused('request-gone'))
      same(await apply(open(1)), refused('request-gone'))
      same(await apply(grant(2, 'C')), refused('id-taken'))
      same(await apply(grant(3, 'E')), refused('request-gone'))
    },
  ),

  storeCase('requests are dropped', async ({ store, apply }) => {
    await apply(add(request(1)), add(request(2)))
    same(await apply({ type: 'dropRequest', id: hex(1) }), APPLIED)
    same(await apply({ type: 'dropRequest', id: hex(9) }), APPLIED)
    strictEqual(await store.requests.get(hex(1)), null)
    notStrictEqual(await store.requests.get(hex(2)), null)
  }),

  storeCase(
    'requests are gone with their code, which is taken once, while it lives',
    async ({ store, apply }) => {
      await apply(add(request(1)), open(1), grant(1, 'C'))
      const take = (now: number, codeHash = 'C'): OAuthChange => ({ type: 'takeCode', codeHash, now })
      same(await apply(take(NOON, 'D')), refused('code-gone'))
      same(await apply(take(NOON + 60)), refused('code-gone'))
      same(await apply(take(NOON + 59)), APPLIED)
      strictEqual(await store.requests.get(hex(1)), null)
      same(await apply(take(NOON)), refused('code-gone'))
    },
  ),

  storeCase(
    'requests of public clients are counted by whom they are for, those that are over not',
    async ({ apply }) => {
      await apply(add(request(1, { expiresAt: NOON + 1 })), add(request(2)))
      const elsewhere = { clientId: 'https://other.example.com/client.json' }
      same(await apply(add(request(3, elsewhere), 2)), refused('too-many-requests'))
      same(await apply(add(request(3, { ...elsewhere, from: null }), 1)), APPLIED)
      same(await apply(add(request(4, { ...elsewhere, from: null }), 1)), refused('too-many-requests'))
      same(await apply(add(request(4, { clientKey: KEY }), 1)), APPLIED)
      same(await apply(add(request(5, elsewhere), 2, 1000, NOON + 1)), APPLIED)
    },
  ),

  storeCase('requests of clients that prove who they are are counted by the client', async ({ apply }) => {
    await apply(add(request(1, { clientKey: KEY })))
    const elsewhere = { clientKey: { ...KEY, id: 'key-2' }, from: 'elsewhere' }
    same(await apply(add(request(2, elsewhere), 1)), refused('too-many-requests'))
    same(await apply(add(request(2, { ...elsewhere, clientId: 'https://b.example.com/c' }), 1)), APPLIED)
  }),

  storeCase('requests are counted together', async ({ apply }) => {
    await apply(add(request(1)), add(request(2, { from: 'elsewhere' })))
    same(await apply(add(request(3, { from: 'third' }), 100, 2)), refused('too-many-requests'))
    same(await apply(add(request(3, { from: 'third' }), 100, 3)), APPLIED)
  }),
]
