// What every store must do. Each implementation's test file runs this over a store of its own.
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type {
  AuthorizationRequest,
  Consent,
  OAuthChange,
  OAuthOutcome,
  OAuthRefusal,
  OAuthSession,
  OAuthStore,
} from '../src/index.ts'
import { ALICE, BOB, NOON, sessionOf } from './fixtures.ts'
import type { StoreFixture } from './store-fixture.ts'

const APPLIED: OAuthOutcome = { status: 'applied' }
const STALE: OAuthOutcome = { status: 'stale' }
const refused = (reason: OAuthRefusal): OAuthOutcome => ({ status: 'refused', reason })
const hex = (n: number): string => n.toString(16).padStart(32, '0')

const request = (n: number, changes: Partial<AuthorizationRequest> = {}): AuthorizationRequest => ({
  id: hex(n),
  clientId: 'https://app.example.com/client.json',
  clientKey: null,
  dpopThumbprint: 'T',
  parameters: {
    redirectUri: 'https://app.example.com/cb?a=ü"\'',
    responseMode: 'fragment',
    scope: 'atproto',
    codeChallenge: 'C',
    state: null,
    prompt: 'login',
    loginHint: null,
    display: null,
    uiLocales: 'de',
  },
  from: 'network',
  createdAt: NOON,
  expiresAt: NOON + 300,
  device: null,
  granted: null,
  ...changes,
})
const KEY = { id: 'key-1', alg: 'ES256', thumbprint: 'K' }
const add = (row: AuthorizationRequest, max = 100, maxTotal = 1000, now = NOON): OAuthChange => ({
  type: 'addRequest',
  request: row,
  max,
  maxTotal,
  now,
})
const open = (n: number, device = 'browser', now = NOON): OAuthChange => ({
  type: 'openRequest',
  id: hex(n),
  device,
  expiresAt: now + 300,
  now,
})
const granted = (codeHash: string, did: Did = ALICE): NonNullable<AuthorizationRequest['granted']> => ({
  codeHash,
  did,
  scope: 'atproto include:com.example.all',
  permissions: 'atproto repo:*',
})
const grant = (n: number, codeHash: string, device = 'browser', now = NOON): OAuthChange => ({
  type: 'grantRequest',
  id: hex(n),
  device,
  granted: granted(codeHash),
  expiresAt: now + 60,
  now,
})
const session = (n: number, changes: Partial<OAuthSession> = {}): OAuthSession =>
  sessionOf({ id: hex(n), codeHash: `code ${n}`, ...changes })
const begin = (row: OAuthSession, maxPerAccount = 100, maxPerClient = 100): OAuthChange => ({
  type: 'addSession',
  session: row,
  maxPerAccount,
  maxPerClient,
})
const SET = { refreshHash: 'H2', refreshedAt: NOON + 60, expiresAt: NOON + 999, permissions: 'atproto x' }
const rotate = (n: number, generation: number): OAuthChange => ({
  type: 'rotateSession',
  id: hex(n),
  generation,
  set: SET,
})

export function describeOAuthStore(name: string, openStore: () => Promise<StoreFixture>): void {
  describe(`OAuth store: ${name}`, () => {
    let fixture: StoreFixture
    let store: OAuthStore
    beforeEach(async () => {
      fixture = await openStore()
      store = fixture.store
    })
    afterEach(() => fixture.close())
    const apply = (...changes: OAuthChange[]): Promise<OAuthOutcome> => store.apply(changes)
    const ids = async (did: Did = ALICE): Promise<number[]> =>
      (await store.sessions.list(did)).map(({ id }) => Number.parseInt(id, 16))

    describe('requests', () => {
      it('are kept whole', async () => {
        const rows = [
          request(1),
          request(2, { clientKey: KEY, from: null, parameters: { ...request(2).parameters, state: '' } }),
        ]
        expect(await apply(...rows.map((row) => add(row)))).toEqual(APPLIED)
        for (const row of rows) expect(await store.requests.get(row.id)).toEqual(row)
        expect(await store.requests.get(hex(3))).toBeNull()
        expect(await apply(add(request(1)))).toEqual(refused('id-taken'))
      })

      it('belong to the first device that opens them, and live on', async () => {
        await apply(add(request(1)))
        expect(await apply(open(1, 'browser', NOON + 299))).toEqual(APPLIED)
        expect(await store.requests.get(hex(1))).toMatchObject({ device: 'browser', expiresAt: NOON + 599 })
        expect(await apply(open(1, 'other'))).toEqual(refused('request-elsewhere'))
        expect(await apply(open(1, 'browser', NOON + 598))).toEqual(APPLIED)
        expect(await apply(open(1, 'browser', NOON + 898))).toEqual(refused('request-gone'))
        expect(await apply(open(2))).toEqual(refused('request-gone'))
      })

      it('are granted once, on the device that opened them, while they live', async () => {
        await apply(add(request(1)), add(request(2)))
        expect(await apply(grant(1, 'C'))).toEqual(refused('request-elsewhere'))
        await apply(open(1), open(2))
        expect(await apply(grant(1, 'C', 'other'))).toEqual(refused('request-elsewhere'))
        expect(await apply(grant(1, 'C', 'browser', NOON + 300))).toEqual(refused('request-gone'))
        expect(await apply(grant(1, 'C', 'browser', NOON + 299))).toEqual(APPLIED)
        const row = { ...request(1), device: 'browser', granted: granted('C'), expiresAt: NOON + 359 }
        expect(await store.requests.get(hex(1))).toEqual(row)
        expect(await store.requests.byCode('C')).toEqual(row)
        expect(await store.requests.byCode('D')).toBeNull()
        expect(await apply(grant(1, 'D'))).toEqual(refused('request-gone'))
        expect(await apply(open(1))).toEqual(refused('request-gone'))
        expect(await apply(grant(2, 'C'))).toEqual(refused('id-taken'))
        expect(await apply(grant(3, 'E'))).toEqual(refused('request-gone'))
      })

      it('are dropped', async () => {
        await apply(add(request(1)), add(request(2)))
        expect(await apply({ type: 'dropRequest', id: hex(1) })).toEqual(APPLIED)
        expect(await apply({ type: 'dropRequest', id: hex(9) })).toEqual(APPLIED)
        expect(await store.requests.get(hex(1))).toBeNull()
        expect(await store.requests.get(hex(2))).not.toBeNull()
      })

      it('are gone with their code, which is taken once, while it lives', async () => {
        await apply(add(request(1)), open(1), grant(1, 'C'))
        const take = (now: number, codeHash = 'C'): OAuthChange => ({ type: 'takeCode', codeHash, now })
        expect(await apply(take(NOON, 'D'))).toEqual(refused('code-gone'))
        expect(await apply(take(NOON + 60))).toEqual(refused('code-gone'))
        expect(await apply(take(NOON + 59))).toEqual(APPLIED)
        expect(await store.requests.get(hex(1))).toBeNull()
        expect(await apply(take(NOON))).toEqual(refused('code-gone'))
      })

      it('of public clients are counted by whom they are for, those that are over not', async () => {
        await apply(add(request(1, { expiresAt: NOON + 1 })), add(request(2)))
        const other = { clientId: 'https://other.example.com/client.json' }
        expect(await apply(add(request(3, other), 2))).toEqual(refused('too-many-requests'))
        expect(await apply(add(request(3, { ...other, from: null }), 1))).toEqual(APPLIED)
        expect(await apply(add(request(4, { ...other, from: null }), 1))).toEqual(
          refused('too-many-requests'),
        )
        expect(await apply(add(request(4, { clientKey: KEY }), 1))).toEqual(APPLIED)
        expect(await apply(add(request(5, other), 2, 1000, NOON + 1))).toEqual(APPLIED)
      })

      it('of clients that prove who they are are counted by the client', async () => {
        await apply(add(request(1, { clientKey: KEY })))
        const elsewhere = { clientKey: { ...KEY, id: 'key-2' }, from: 'elsewhere' }
        expect(await apply(add(request(2, elsewhere), 1))).toEqual(refused('too-many-requests'))
        expect(
          await apply(add(request(2, { ...elsewhere, clientId: 'https://b.example.com/c' }), 1)),
        ).toEqual(APPLIED)
      })

      it('are counted together', async () => {
        await apply(add(request(1)), add(request(2, { from: 'elsewhere' })))
        expect(await apply(add(request(3, { from: 'third' }), 100, 2))).toEqual(refused('too-many-requests'))
        expect(await apply(add(request(3, { from: 'third' }), 100, 3))).toEqual(APPLIED)
      })
    })

    describe('sessions', () => {
      it('are kept whole', async () => {
        const rows = [
          session(1),
          session(2, { clientKey: KEY, device: null, refreshHash: null, permissions: 'x'.repeat(65_536) }),
        ]
        expect(await apply(...rows.map((row) => begin(row)))).toEqual(APPLIED)
        for (const row of rows) {
          expect(await store.sessions.get(row.id)).toEqual(row)
          expect(await store.sessions.byCode(row.codeHash)).toEqual(row)
        }
        expect(await store.sessions.get(hex(3))).toBeNull()
        expect(await store.sessions.byCode('x')).toBeNull()
        expect(await apply(begin(session(1, { codeHash: 'x' })))).toEqual(refused('id-taken'))
        expect(await apply(begin(session(3, { codeHash: 'code 1' })))).toEqual(refused('id-taken'))
      })

      it('of an account are listed by their renewal', async () => {
        await apply(
          begin(session(3)),
          begin(session(1, { refreshedAt: NOON - 5 })),
          begin(session(2)),
          begin(session(4, { did: BOB })),
        )
        expect(await ids()).toEqual([2, 3, 1])
        expect(await ids(BOB)).toEqual([4])
      })

      it('are rotated by whoever knows the present generation', async () => {
        await apply(begin(session(1)), begin(session(2)))
        expect(await apply(rotate(1, 2))).toEqual(STALE)
        expect(await apply(rotate(3, 1))).toEqual(STALE)
        expect(await apply(rotate(1, 1))).toEqual(APPLIED)
        expect(await store.sessions.get(hex(1))).toEqual({ ...session(1), ...SET, generation: 2 })
        expect(await store.sessions.get(hex(2))).toEqual(session(2))
        expect(await apply(rotate(1, 1))).toEqual(STALE)
      })

      it('end one by one, by client, by account, and all but one', async () => {
        const other = { clientId: 'https://other.example.com/client.json' }
        await apply(
          ...[1, 2, 3].map((n) => begin(session(n))),
          begin(session(4, other)),
          begin(session(5, { did: BOB })),
        )
        await apply({ type: 'endSession', id: hex(1) }, { type: 'endSession', id: hex(9) })
        expect(await ids()).toEqual([2, 3, 4])
        await apply({ type: 'endSessions', did: ALICE, except: hex(3) })
        expect(await ids()).toEqual([3])
        await apply(begin(session(6, other)), { type: 'endSessions', did: ALICE, ...other })
        expect(await ids()).toEqual([3])
        await apply({ type: 'endSessions', did: ALICE })
        expect([await ids(), await ids(BOB)]).toEqual([[], [5]])
      })

      it('are bounded by account and by client: those renewed longest ago make room', async () => {
        const at = (refreshedAt: number): Partial<OAuthSession> => ({ refreshedAt: NOON + refreshedAt })
        const other = { clientId: 'https://other.example.com/client.json' }
        await apply(
          begin(session(1, at(3))),
          begin(session(2, at(1))),
          begin(session(3, { ...other, ...at(0) })),
        )
        await apply(begin(session(4, { did: BOB, ...at(0) })))
        await apply(begin(session(5, at(4)), 100, 2))
        expect(await ids()).toEqual([5, 1, 3])
        await apply(begin(session(6, at(5)), 3, 100))
        expect(await ids()).toEqual([6, 5, 1])
        await apply(begin(session(7, at(6)), 1, 100))
        expect([await ids(), await ids(BOB)]).toEqual([[7], [4]])
      })
    })

    describe('consents', () => {
      const consent = (clientId: string, changes: Partial<Consent> = {}): Consent => ({
        did: ALICE,
        clientId,
        scope: 'atproto',
        declined: 'account:email',
        updatedAt: NOON,
        ...changes,
      })
      const keep = (row: Consent): OAuthChange => ({ type: 'keepConsent', consent: row })

      it('are kept one by client, the last one', async () => {
        await apply(keep(consent('b')), keep(consent('a')), keep(consent('a', { did: BOB })))
        const next = consent('b', { scope: 'atproto x', declined: '', updatedAt: NOON + 1 })
        await apply(keep(next))
        expect(await store.consents.get(ALICE, 'b')).toEqual(next)
        expect(await store.consents.get(BOB, 'b')).toBeNull()
        expect(await store.consents.list(ALICE)).toEqual([consent('a'), next])
        await apply({ type: 'forgetConsents', did: ALICE, clientId: 'a' })
        expect(await store.consents.list(ALICE)).toEqual([next])
        await apply({ type: 'forgetConsents', did: ALICE })
        expect(await store.consents.list(ALICE)).toEqual([])
        expect(await store.consents.list(BOB)).toHaveLength(1)
      })

      it('of an account go with all else of it', async () => {
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
        expect(await store.requests.byCode('C')).toBeNull()
        expect(await store.requests.byCode('D')).not.toBeNull()
        expect(await store.requests.get(hex(3))).not.toBeNull()
        expect([await ids(), await ids(BOB)]).toEqual([[], [2]])
        expect(await store.consents.list(ALICE)).toEqual([])
      })
    })

    it('forgets what is over, the oldest first, so many at a time', async () => {
      const over = (n: number): { expiresAt: number } => ({ expiresAt: NOON + n })
      await apply(
        ...[3, 1, 2].map((n) => add(request(n, over(n)))),
        ...[2, 3, 1].map((n) => begin(session(n, over(n)))),
      )
      await apply({ type: 'forgetExpired', now: NOON + 2, limit: 1 })
      expect(await store.requests.get(hex(1))).toBeNull()
      expect(await store.requests.get(hex(2))).not.toBeNull()
      expect(await ids()).toEqual([2, 3])
      await apply({ type: 'forgetExpired', now: NOON + 2, limit: 10 })
      expect(await store.requests.get(hex(2))).toBeNull()
      expect(await store.requests.get(hex(3))).not.toBeNull()
      expect(await ids()).toEqual([3])
    })

    it('applies all changes, or none', async () => {
      await apply(begin(session(1)), add(request(1)))
      const outcome = await apply(
        { type: 'endSession', id: hex(1) },
        { type: 'dropRequest', id: hex(1) },
        begin(session(2)),
        rotate(1, 1),
      )
      expect(outcome).toEqual(STALE)
      expect(await ids()).toEqual([1])
      expect(await store.requests.get(hex(1))).toEqual(request(1))
      expect(await apply(begin(session(2)), begin(session(2)))).toEqual(refused('id-taken'))
      expect(await ids()).toEqual([1])
      expect(await apply()).toEqual(APPLIED)
    })

    describe('at once, through two sets of connections', () => {
      const atOnce = (count: number, build: (n: number) => OAuthChange[]): Promise<OAuthOutcome[]> =>
        Promise.all(
          Array.from({ length: count }, (_, n) => (n % 2 === 0 ? store : fixture.other).apply(build(n))),
        )
      const count = (outcomes: OAuthOutcome[]): number =>
        outcomes.filter(({ status }) => status === 'applied').length

      it('one rotates a session, and the others are stale', async () => {
        await apply(begin(session(1)))
        const outcomes = await atOnce(20, (n) => [
          { type: 'rotateSession', id: hex(1), generation: 1, set: { ...SET, refreshHash: `H ${n}` } },
        ])
        expect(count(outcomes)).toBe(1)
        expect(outcomes.filter(({ status }) => status === 'stale')).toHaveLength(19)
        const winner = outcomes.findIndex(({ status }) => status === 'applied')
        expect(await store.sessions.get(hex(1))).toMatchObject({ generation: 2, refreshHash: `H ${winner}` })
      })

      it('one takes a code, and has the session of it', async () => {
        await apply(add(request(1)), open(1), grant(1, 'C'))
        const outcomes = await atOnce(8, (n) => [
          { type: 'takeCode', codeHash: 'C', now: NOON },
          begin(session(n + 1, { codeHash: 'C' })),
        ])
        expect(count(outcomes)).toBe(1)
        expect(outcomes.filter(({ status }) => status === 'refused')).toEqual(
          Array.from({ length: 7 }, () => refused('code-gone')),
        )
        expect(await ids()).toHaveLength(1)
      })

      it('one grants a request, and one opens it', async () => {
        await apply(add(request(1)))
        const opened = await atOnce(6, (n) => [open(1, `browser ${n}`)])
        expect(count(opened)).toBe(1)
        const { device } = (await store.requests.get(hex(1)))!
        expect(count(await atOnce(6, (n) => [grant(1, `C ${n}`, device!)]))).toBe(1)
      })

      it('the bound of sessions holds', async () => {
        await atOnce(8, (n) => [begin(session(n + 1), 3, 3)])
        expect(await ids()).toHaveLength(3)
      })
    })
  })
}
