import { strictEqual } from 'node:assert'

import type { OAuthSession } from '../rows.ts'
import { APPLIED, STALE, refused, same, storeCase, type StoreCase } from './case.ts'
import { session, begin, rotate, KEY, hex, ALICE, BOB, NOON, SET } from './rows.ts'

/** Of sessions. */
export const SESSION_CASES: readonly StoreCase[] = [
  storeCase('sessions are kept whole', async ({ store, apply }) => {
    const rows = [
      session(1),
      session(2, { clientKey: KEY, device: null, refreshHash: null, permissions: 'x'.repeat(65_536) }),
    ]
    same(await apply(...rows.map((row) => begin(row))), APPLIED)
    for (const row of rows) {
      same(await store.sessions.get(row.id), row)
      same(await store.sessions.byCode(row.codeHash), row)
    }
    strictEqual(await store.sessions.get(hex(3)), null)
    strictEqual(await store.sessions.byCode('x'), null)
    same(await apply(begin(session(1, { codeHash: 'x' }))), refused('id-taken'))
    same(await apply(begin(session(3, { codeHash: 'code 1' }))), refused('id-taken'))
  }),

  storeCase('sessions of an account are listed by their renewal', async ({ apply, ids }) => {
    await apply(
      begin(session(3)),
      begin(session(1, { refreshedAt: NOON - 5 })),
      begin(session(2)),
      begin(session(4, { did: BOB })),
    )
    same(await ids(), [2, 3, 1])
    same(await ids(BOB), [4])
  }),

  storeCase('sessions are rotated by whoever knows the present generation', async ({ store, apply }) => {
    await apply(begin(session(1)), begin(session(2)))
    same(await apply(rotate(1, 2)), STALE)
    same(await apply(rotate(3, 1)), STALE)
    same(await apply(rotate(1, 1)), APPLIED)
    same(await store.sessions.get(hex(1)), { ...session(1), ...SET, generation: 2 })
    same(await store.sessions.get(hex(2)), session(2))
    same(await apply(rotate(1, 1)), STALE)
  }),

  storeCase('sessions end one by one, by client, by account, and all but one', async ({ apply, ids }) => {
    const elsewhere = { clientId: 'https://other.example.com/client.json' }
    await apply(
      ...[1, 2, 3].map((n) => begin(session(n))),
      begin(session(4, elsewhere)),
      begin(session(5, { did: BOB })),
    )
    await apply({ type: 'endSession', id: hex(1) }, { type: 'endSession', id: hex(9) })
    same(await ids(), [2, 3, 4])
    await apply({ type: 'endSessions', did: ALICE, except: hex(3) })
    same(await ids(), [3])
    await apply(begin(session(6, elsewhere)), { type: 'endSessions', did: ALICE, ...elsewhere })
    same(await ids(), [3])
    await apply({ type: 'endSessions', did: ALICE })
    same([await ids(), await ids(BOB)], [[], [5]])
  }),

  storeCase(
    'sessions are bounded by account and by client: those renewed longest ago make room',
    async ({ apply, ids }) => {
      const at = (refreshedAt: number): Partial<OAuthSession> => ({ refreshedAt: NOON + refreshedAt })
      const elsewhere = { clientId: 'https://other.example.com/client.json' }
      await apply(
        begin(session(1, at(3))),
        begin(session(2, at(1))),
        begin(session(3, { ...elsewhere, ...at(0) })),
      )
      await apply(begin(session(4, { did: BOB, ...at(0) })))
      await apply(begin(session(5, at(4)), 100, 2))
      same(await ids(), [5, 1, 3])
      await apply(begin(session(6, at(5)), 3, 100))
      same(await ids(), [6, 5, 1])
      await apply(begin(session(7, at(6)), 1, 100))
      same([await ids(), await ids(BOB)], [[7], [4]])
    },
  ),
]
