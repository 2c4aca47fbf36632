// Requests that come at once, over two sets of connections: one is done, each of the others is told why not.

import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import {
  AccountError,
  buildAndApply,
  type AccountChange,
  type AccountStore,
  type Outcome,
  type Session,
} from '../src/index.ts'
import {
  account,
  ALICE,
  APPLIED,
  invite,
  refused,
  session,
  useInvite,
  challenge,
  factor,
  useFactor,
} from './changes.ts'
import type { StoreFixture } from './store-fixture.ts'

const didOf = (n: number): Did => `did:web:${n}.example.com`

export function describeAccountRaces(name: string, open: () => Promise<StoreFixture>): void {
  describe(`account store under races: ${name}`, () => {
    let fixture: StoreFixture
    let stores: AccountStore[]
    beforeEach(async () => {
      fixture = await open()
      stores = [fixture.store, fixture.other]
      expect(await fixture.store.apply([account(ALICE)])).toEqual(APPLIED)
    })
    afterEach(() => fixture.close())

    /** So many at once, by turns through one set of connections and the other. */
    const atOnce = <T>(count: number, run: (store: AccountStore, n: number) => Promise<T>): Promise<T[]> =>
      Promise.all(Array.from({ length: count }, (_, n) => run(stores[n % 2]!, n)))
    const apply = (count: number, build: (n: number) => AccountChange[]): Promise<Outcome[]> =>
      atOnce(count, (store, n) => store.apply(build(n)))
    const oneWins = (outcomes: Outcome[], reason: string): void => {
      const lost = outcomes.filter(({ status }) => status !== 'applied')
      expect(lost).toEqual(Array.from({ length: outcomes.length - 1 }, () => refused(reason)))
    }

    it('gives one successor to a token that is refreshed twenty times', async () => {
      await fixture.store.apply([session('first', { expiresAt: 1000 })])
      const refresh = (store: AccountStore, n: number): Promise<Session> =>
        buildAndApply(store, async () => {
          const row = await store.sessions.get('first')
          const successor = row?.nextId == null ? null : await store.sessions.get(row.nextId)
          if (successor !== null) return { changes: [], value: successor }
          const next = { id: `next ${n}`, expiresAt: 2000 + n }
          return {
            changes: [{ type: 'rotateSession', did: ALICE, id: 'first', next, graceUntil: 200, now: 100 }],
            value: { ...row!, ...next, nextId: null },
          }
        }, ['session-rotated'])
      const given = await atOnce(20, refresh)
      const rows = await fixture.store.sessions.list(ALICE)
      expect(rows).toHaveLength(2)
      expect(new Set(given.map(({ id }) => id))).toEqual(new Set([rows.find(({ id }) => id !== 'first')?.id]))
      expect(new Set(given.map(({ expiresAt }) => expiresAt)).size).toBe(1)
    })

    it('lets one of those who want a handle have it', async () => {
      const outcomes = await apply(8, (n) => [account(didOf(n), { handle: 'same.example.com', email: null })])
      oneWins(outcomes, 'handle-taken')
      expect(await fixture.store.accounts.count()).toBe(2)
    })

    it('lets one of those who want an address have it', async () => {
      const outcomes = await apply(8, (n) => [
        account(didOf(n), { handle: null, email: 'same@example.com' }),
        session(`session ${n}`, { did: didOf(n) }),
      ])
      oneWins(outcomes, 'email-taken')
      expect(await fixture.store.accounts.count()).toBe(2)
    })

    it('lets as many use an invite as it is good for, and makes no account for the others', async () => {
      await fixture.store.apply([invite('three', 3)])
      const outcomes = await apply(8, (n) => [
        account(didOf(n), { handle: null, email: null }),
        useInvite('three', didOf(n)),
      ])
      expect(outcomes.filter(({ status }) => status === 'applied')).toHaveLength(3)
      expect(outcomes.filter(({ status }) => status !== 'applied')).toEqual(
        Array.from({ length: 5 }, () => refused('invite-unavailable')),
      )
      expect(await fixture.store.accounts.count()).toBe(4)
      expect((await fixture.store.invites.get('three'))?.uses).toHaveLength(3)
    })

    it('lets one of those who change an account into the same handle have it', async () => {
      await apply(4, (n) => [account(didOf(n), { handle: null, email: null })])
      const outcomes = await apply(4, (n) => [
        { type: 'updateAccount', did: didOf(n), set: { handle: 'same.example.com' } },
      ])
      oneWins(outcomes, 'handle-taken')
      expect(await fixture.store.accounts.byHandle('same.example.com')).not.toBeNull()
    })

    it('tells all but one that what they built on is not so any more', async () => {
      const outcomes = await apply(8, (n) => [
        { type: 'updateAccount', did: ALICE, set: { preferences: `[${n}]` }, expect: { preferences: '[]' } },
      ])
      expect(outcomes.filter(({ status }) => status === 'applied')).toHaveLength(1)
      expect(outcomes.filter(({ status }) => status === 'stale')).toHaveLength(7)
    })

    it('loses none of the changes that are built again', async () => {
      await atOnce(4, (store, n) =>
        buildAndApply(store, async () => {
          const preferences = (await store.secrets.preferences(ALICE))!
          const set = { preferences: JSON.stringify([...(JSON.parse(preferences) as number[]), n]) }
          return {
            changes: [{ type: 'updateAccount', did: ALICE, set, expect: { preferences } }],
            value: null,
          }
        }),
      )
      const kept = JSON.parse((await fixture.store.secrets.preferences(ALICE))!) as number[]
      expect(new Set(kept)).toEqual(new Set([0, 1, 2, 3]))
      expect(kept).toHaveLength(4)
    })

    it('gives up when the changes were stale five times', async () => {
      let built = 0
      const storm = buildAndApply(fixture.store, () => {
        built += 1
        const expected = { preferences: 'never so' }
        return {
          changes: [{ type: 'updateAccount', did: ALICE, set: { inviteNote: 'x' }, expect: expected }],
          value: null,
        }
      })
      await expect(storm).rejects.toThrow(new AccountError('busy'))
      expect(built).toBe(5)
      const gone = buildAndApply(fixture.store, () => ({
        changes: [{ type: 'removeAccount', did: didOf(1) }],
        value: null,
      }))
      await expect(gone).rejects.toMatchObject({ name: 'AccountError', code: 'account-not-found' })
    })

    it('lets a mailed code be spent once', async () => {
      const code = {
        did: ALICE,
        purpose: 'p',
        token: 'T',
        address: 'a@example.com',
        madeAt: 1,
        requestedAt: 1,
      }
      await fixture.store.apply([{ type: 'keepCode', code, expiredBefore: 0, max: 5 }])
      const outcomes = await apply(8, (n) => [
        { type: 'spendCode', did: ALICE, purpose: 'p', token: 'T', expiredBefore: 0 },
        { type: 'updateAccount', did: ALICE, set: { passwordHash: `hash ${n}` } },
      ])
      oneWins(outcomes, 'code-invalid')
      const winner = outcomes.findIndex(({ status }) => status === 'applied')
      expect(await fixture.store.secrets.passwordHash(ALICE)).toBe(`hash ${winner}`)
    })

    it('lets a code of an app, a recovery code and a challenge be used once', async () => {
      await fixture.store.apply([
        factor('1', { kind: 'totp', counter: 5 }),
        { type: 'setRecoveryCodes', did: ALICE, hashes: ['h'] },
        challenge('c'),
      ])
      const uses = await apply(8, () => [useFactor('1', 5, 6)])
      expect(uses.filter(({ status }) => status === 'applied')).toHaveLength(1)
      expect(uses.filter(({ status }) => status === 'stale')).toHaveLength(7)
      oneWins(await apply(8, () => [{ type: 'spendRecoveryCode', did: ALICE, hash: 'h' }]), 'code-invalid')
      const tries = await apply(8, () => [{ type: 'tryChallenge', id: 'c', max: 5, now: 0 }])
      expect(tries.filter(({ status }) => status === 'applied')).toHaveLength(5)
      oneWins(await apply(8, () => [{ type: 'spendChallenge', id: 'c', now: 0 }]), 'challenge-ended')
    })

    it('lets nobody in without the factor that is added meanwhile', async () => {
      const outcomes = await apply(8, (n) =>
        n === 3
          ? [factor('1'), { type: 'endSessions', did: ALICE }]
          : [{ type: 'requireNoFactors', did: ALICE }, session(`s${n}`)],
      )
      expect(outcomes[3]).toEqual(APPLIED)
      expect(await fixture.store.sessions.list(ALICE)).toEqual([])
    })

    it('keeps the bounds of app passwords and of codes', async () => {
      const passwords = await apply(8, (n) => [
        {
          type: 'createAppPassword',
          did: ALICE,
          name: `app ${n}`,
          passwordHash: `hash ${n}`,
          privileged: false,
          createdAt: '',
          max: 3,
        },
      ])
      expect(passwords.filter(({ status }) => status === 'applied')).toHaveLength(3)
      expect(await fixture.store.appPasswords.list(ALICE)).toHaveLength(3)
      const codes = await apply(8, (n) => {
        const code = {
          did: ALICE,
          purpose: 'p',
          token: `${n}`,
          address: 'a@example.com',
          madeAt: n,
          requestedAt: n,
        }
        return [{ type: 'keepCode', code, expiredBefore: 0, max: 3 }]
      })
      expect(codes.filter(({ status }) => status === 'applied')).toHaveLength(3)
      expect(await fixture.store.codes.list(ALICE, 'p')).toHaveLength(3)
    })

    it('reserves one key for a DID', async () => {
      const outcomes = await apply(8, (n) => [
        {
          type: 'reserveKey',
          key: { didKey: `did:key:${n}`, did: ALICE, privateKey: Uint8Array.of(n), createdAt: '' },
          max: 100,
        },
      ])
      oneWins(outcomes, 'key-reserved')
      const winner = outcomes.findIndex(({ status }) => status === 'applied')
      expect(await fixture.store.reservedKeys.get(ALICE)).toMatchObject({ didKey: `did:key:${winner}` })
    })
  })
}
