import { partialDeepStrictEqual, strictEqual } from 'node:assert'

import type { OAuthChange, OAuthOutcome } from '../change.ts'
import { refused, same, storeCase, type StoreCase, type SuiteStores } from './case.ts'
import { request, add, open, grant, session, begin, hex, NOON, SET } from './rows.ts'

/** So many at once, by turns through one set of connections and the other. */
const atOnce = (
  { store, other }: SuiteStores,
  count: number,
  build: (n: number) => OAuthChange[],
): Promise<OAuthOutcome[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => (n % 2 === 0 ? store : other).apply(build(n))))
const count = (outcomes: readonly OAuthOutcome[]): number =>
  outcomes.filter(({ status }) => status === 'applied').length

/** At once, through two sets of connections. */
export const RACE_CASES: readonly StoreCase[] = [
  storeCase('at once one rotates a session, and the others are stale', async ({ store, other, apply }) => {
    await apply(begin(session(1)))
    const outcomes = await atOnce({ store, other }, 20, (n) => [
      { type: 'rotateSession', id: hex(1), generation: 1, set: { ...SET, refreshHash: `H ${n}` } },
    ])
    same(count(outcomes), 1)
    strictEqual(outcomes.filter(({ status }) => status === 'stale').length, 19)
    const winner = outcomes.findIndex(({ status }) => status === 'applied')
    partialDeepStrictEqual(await store.sessions.get(hex(1)), { generation: 2, refreshHash: `H ${winner}` })
  }),

  storeCase('at once one takes a code, and has the session of it', async ({ store, other, apply, ids }) => {
    await apply(add(request(1)), open(1), grant(1, 'C'))
    const outcomes = await atOnce({ store, other }, 8, (n) => [
      { type: 'takeCode', codeHash: 'C', now: NOON },
      begin(session(n + 1, { codeHash: 'C' })),
    ])
    same(count(outcomes), 1)
    same(
      outcomes.filter(({ status }) => status === 'refused'),
      Array.from({ length: 7 }, () => refused('code-gone')),
    )
    strictEqual((await ids()).length, 1)
  }),

  storeCase('at once one grants a request, and one opens it', async ({ store, other, apply }) => {
    await apply(add(request(1)))
    const opened = await atOnce({ store, other }, 6, (n) => [open(1, `browser ${n}`)])
    same(count(opened), 1)
    const { device } = (await store.requests.get(hex(1)))!
    same(count(await atOnce({ store, other }, 6, (n) => [grant(1, `C ${n}`, device!)])), 1)
  }),

  storeCase('at once the bound of requests of one kind holds', async ({ store, other }) => {
    const outcomes = await atOnce({ store, other }, 12, (n) => [
      { type: 'forgetExpired', now: NOON, limit: 100 },
      add(request(n + 1), 3),
    ])
    same(count(outcomes), 3)
    same(
      outcomes.filter(({ status }) => status !== 'applied'),
      Array.from({ length: 9 }, () => refused('too-many-requests')),
    )
  }),

  storeCase(
    'at once what is over is forgotten, and nobody waits for another',
    async ({ store, other, apply }) => {
      for (let n = 1; n <= 40; n++) {
        await apply(add(request(n, { expiresAt: NOON })))
      }
      const outcomes = await atOnce({ store, other }, 12, () => [
        { type: 'forgetExpired', now: NOON, limit: 10 },
      ])
      same(count(outcomes), 12)
      await apply({ type: 'forgetExpired', now: NOON, limit: 10 })
      const left = await Promise.all(
        Array.from({ length: 40 }, async (_, n) => store.requests.get(hex(n + 1))),
      )
      same(left.filter((row) => row !== null).length, 0)
    },
  ),

  storeCase('at once the bound of sessions holds', async ({ store, other, ids }) => {
    await atOnce({ store, other }, 8, (n) => [begin(session(n + 1), 3, 3)])
    strictEqual((await ids()).length, 3)
  }),
]
