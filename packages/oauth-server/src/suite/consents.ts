import { notStrictEqual, strictEqual } from 'node:assert'

import type { OAuthChange } from '../change.ts'
import type { Consent } from '../rows.ts'
import { APPLIED, STALE, refused, same, storeCase, type StoreCase } from './case.ts'
import { request, add, open, granted, grant, session, begin, rotate, hex, ALICE, BOB, NOON } from './rows.ts'

const consent = (clientId: string, changes: Partial<Consent> = {}): Consent => ({
  did: ALICE,
  clientId,
  scope: 'atproto',
  declined: 'account:email',
  updatedAt: NOON,
  ...changes,
})
const keep = (row: Consent): OAuthChange => ({ type: 'keepConsent', consent: row })

/** Of consents, and of everything. */
export const CONSENT_CASES: readonly StoreCase[] = [
  storeCase('consents are kept one by client, the last one', async ({ store, apply }) => {
    await apply(keep(consent('b')), keep(consent('a')), keep(consent('a', { did: BOB })))
    const next = consent('b', { scope: 'atproto x', declined: '', updatedAt: NOON + 1 })
    await apply(keep(next))
    same(await store.consents.get(ALICE, 'b'), next)
    strictEqual(await store.consents.get(BOB, 'b'), null)
    same(await store.consents.list(ALICE), [consent('a'), next])
    await apply({ type: 'forgetConsents', did: ALICE, clientId: 'a' })
    same(await store.consents.list(ALICE), [next])
    await apply({ type: 'forgetConsents', did: ALICE })
    same(await store.consents.list(ALICE), [])
    strictEqual((await store.consents.list(BOB)).length, 1)
  }),

  storeCase('consents of an account go with all else of it', async ({ store, apply, ids }) => {
    await apply(add(request(1)), add(request(2)), add(request(3)), open(1), open(2), grant(1, 'C'))
    await apply({
      type: 'grantRequest',
      id: hex(2),
      device: 'browser',
      granted: granted('D', BOB),
      expiresAt: NOON + 60,
      now: NOON,
    })
    await apply(begin(session(1)), begin(session(2, { did: BOB })), keep(consent('a')))
    await apply({ type: 'forgetAccount', did: ALICE })
    strictEqual(await store.requests.byCode('C'), null)
    notStrictEqual(await store.requests.byCode('D'), null)
    notStrictEqual(await store.requests.get(hex(3)), null)
    same([await ids(), await ids(BOB)], [[], [2]])
    same(await store.consents.list(ALICE), [])
  }),

  storeCase(
    'what an account has of one client goes without that of the others',
    async ({ store, apply, ids }) => {
      const clientId = 'https://app.example.com/client.json'
      const other = { clientId: 'https://other.example.com/client.json' }
      await apply(add(request(1)), add(request(2, other)), open(1), open(2), grant(1, 'C'), grant(2, 'D'))
      await apply(begin(session(1)), begin(session(2, other)), begin(session(3, { did: BOB })))
      await apply(keep(consent(clientId)), keep(consent(other.clientId)))
      await apply({ type: 'forgetAccount', did: ALICE, clientId })
      strictEqual(await store.requests.byCode('C'), null)
      notStrictEqual(await store.requests.byCode('D'), null)
      same([await ids(), await ids(BOB)], [[2], [3]])
      same(await store.consents.list(ALICE), [consent(other.clientId)])
    },
  ),

  storeCase(
    'everything: forgets what is over, the oldest first, so many at a time',
    async ({ store, apply, ids }) => {
      const over = (n: number): { expiresAt: number } => ({ expiresAt: NOON + n })
      await apply(
        ...[3, 1, 2].map((n) => add(request(n, over(n)))),
        ...[2, 3, 1].map((n) => begin(session(n, over(n)))),
      )
      await apply({ type: 'forgetExpired', now: NOON + 2, limit: 1 })
      strictEqual(await store.requests.get(hex(1)), null)
      notStrictEqual(await store.requests.get(hex(2)), null)
      same(await ids(), [2, 3])
      await apply({ type: 'forgetExpired', now: NOON + 2, limit: 10 })
      strictEqual(await store.requests.get(hex(2)), null)
      notStrictEqual(await store.requests.get(hex(3)), null)
      same(await ids(), [3])
    },
  ),

  storeCase('everything: applies all changes, or none', async ({ store, apply, ids }) => {
    await apply(begin(session(1)), add(request(1)))
    const outcome = await apply(
      { type: 'endSession', id: hex(1) },
      { type: 'dropRequest', id: hex(1) },
      begin(session(2)),
      rotate(1, 1),
    )
    same(outcome, STALE)
    same(await ids(), [1])
    same(await store.requests.get(hex(1)), request(1))
    same(await apply(begin(session(2)), begin(session(2))), refused('id-taken'))
    same(await ids(), [1])
    same(await apply(), APPLIED)
  }),
]
