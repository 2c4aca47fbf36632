import { beforeEach, describe, expect, it } from 'vitest'

import type { AccountChange } from '../src/index.ts'
import { ALICE, BOB, CAROL, DAY, LATER, account, challenge, factor, useFactor } from './changes.ts'
import type { Context } from './store-fixture.ts'

/** Factors, recovery codes, and what waits for an answer. */
export function describeFactors({ store, apply, applied, refuses }: Context): void {
  const STALE = { status: 'stale' }
  const update = (set: object, did = ALICE): AccountChange => ({ type: 'updateAccount', did, set })

  describe('factors', () => {
    beforeEach(() => applied(account(ALICE), account(BOB)))

    it('keeps factors, in the order in which they were made', async () => {
      await applied(
        factor('b', { createdAt: LATER }),
        factor('c', { kind: 'totp', transports: [], counter: 59_000_000_000 }),
        factor('a', { did: BOB }),
      )
      const c = {
        id: 'c',
        did: ALICE,
        kind: 'totp',
        name: 'factor c',
        secret: Uint8Array.of(1, 2, 3),
        counter: 59_000_000_000,
        transports: [],
        createdAt: DAY,
        lastUsedAt: null,
      }
      expect(await store().factors.get('c')).toEqual(c)
      expect(await store().factors.list(ALICE)).toEqual([
        c,
        expect.objectContaining({ id: 'b', transports: ['internal', 'hybrid'] }),
      ])
      expect(await store().factors.get('none')).toBeNull()
      await refuses('id-taken', factor('a'))
      await refuses('account-not-found', factor('x', { did: CAROL }))
    })

    it('bounds those of one kind', async () => {
      await applied(factor('1'), factor('2', { kind: 'totp' }), factor('3'), factor('4', { did: BOB }))
      await refuses('too-many-factors', factor('5', {}, 2))
      await applied(factor('6', { kind: 'totp' }, 2), factor('5', {}, 3))
      expect(await store().factors.list(ALICE)).toHaveLength(5)
    })

    it('renames and removes those of the account alone', async () => {
      await applied(factor('1'), factor('2'))
      await applied({ type: 'renameFactor', did: ALICE, id: '1', name: 'phone' })
      expect((await store().factors.list(ALICE)).map(({ name }) => name)).toEqual(['phone', 'factor 2'])
      await refuses('factor-not-found', { type: 'renameFactor', did: BOB, id: '1', name: 'x' })
      await refuses('factor-not-found', { type: 'removeFactor', did: BOB, id: '1' })
      await refuses('factor-not-found', { type: 'removeFactor', did: ALICE, id: 'none' })
      await applied({ type: 'removeFactor', did: ALICE, id: '1' })
      expect((await store().factors.list(ALICE)).map(({ id }) => id)).toEqual(['2'])
    })

    it('counts a use once', async () => {
      await applied(factor('1', { counter: 5 }), useFactor('1', 5, 9))
      expect(await store().factors.get('1')).toMatchObject({ counter: 9, lastUsedAt: LATER })
      expect(await apply(useFactor('1', 5, 10))).toEqual(STALE)
      await refuses('factor-not-found', useFactor('1', 9, 10, BOB))
      await refuses('factor-not-found', useFactor('none', 0, 1))
      await applied(useFactor('1', 9, 9), useFactor('1', 9, 10))
    })

    it('tells who has none', async () => {
      const none = (did = ALICE): AccountChange => ({ type: 'requireNoFactors', did })
      await applied(none(), factor('1', { did: BOB }), none())
      expect(await apply(none(BOB))).toEqual(STALE)
      await applied(update({ emailAuthFactor: true }))
      expect(await store().accounts.get(ALICE)).toMatchObject({ emailAuthFactor: true })
      expect(await apply(none())).toEqual(STALE)
      await applied(update({ emailAuthFactor: false }), none())
      await refuses('account-not-found', none(CAROL))
    })

    it('keeps recovery codes, each for one use', async () => {
      const set = (hashes: string[], did = ALICE): AccountChange => ({
        type: 'setRecoveryCodes',
        did,
        hashes,
      })
      const spend = (hash: string, did = ALICE): AccountChange => ({ type: 'spendRecoveryCode', did, hash })
      await applied(set(['a', 'b']), set(['c'], BOB))
      expect(await store().factors.recoveryCodes(ALICE)).toBe(2)
      await refuses('code-invalid', spend('c'))
      await applied(spend('a'))
      await refuses('code-invalid', spend('a'))
      expect(await store().factors.recoveryCodes(ALICE)).toBe(1)
      await applied(set(['a', 'd', 'e']))
      await refuses('code-invalid', spend('b'))
      expect(await store().factors.recoveryCodes(ALICE)).toBe(3)
      await applied(set([]))
      expect(await store().factors.recoveryCodes(ALICE)).toBe(0)
      expect(await store().factors.recoveryCodes(BOB)).toBe(1)
      await refuses('account-not-found', set(['x'], CAROL))
    })

    it('forgets all of them with their account', async () => {
      await applied(
        factor('1'),
        { type: 'setRecoveryCodes', did: ALICE, hashes: ['a'] },
        challenge('c'),
        { type: 'removeAccount', did: ALICE },
        account(ALICE),
      )
      expect(await store().factors.get('1')).toBeNull()
      expect(await store().factors.recoveryCodes(ALICE)).toBe(0)
      expect(await store().factors.challenge('c')).toBeNull()
    })
  })

  describe('what waits for an answer', () => {
    beforeEach(() => applied(account(ALICE), account(BOB)))
    const attempt = (id: string, now = 500, max = 2): AccountChange => ({
      type: 'tryChallenge',
      id,
      max,
      now,
    })
    const spend = (id: string, now = 500): AccountChange => ({ type: 'spendChallenge', id, now })
    const there = async (...ids: string[]): Promise<string[]> => {
      const rows = await Promise.all(ids.map((id) => store().factors.challenge(id)))
      return rows.flatMap((row) => (row === null ? [] : [row.id]))
    }

    it('is answered so often, until it is over, and used up once', async () => {
      await applied(challenge('a'))
      const row = {
        id: 'a',
        did: ALICE,
        purpose: 'sign-in',
        binding: 'browser',
        secret: Uint8Array.of(7),
        tries: 0,
        expiresAt: 1000,
      }
      expect(await store().factors.challenge('a')).toEqual(row)
      await refuses('challenge-ended', attempt('a', 1000))
      await refuses('challenge-ended', attempt('none'))
      await applied(attempt('a', 999), attempt('a'))
      await refuses('challenge-ended', attempt('a'))
      expect(await store().factors.challenge('a')).toEqual({ ...row, tries: 2 })
      await refuses('challenge-ended', spend('a', 1000))
      await applied(spend('a', 999))
      await refuses('challenge-ended', spend('a', 999))
      await refuses('id-taken', challenge('b'), challenge('b'))
      await refuses('account-not-found', challenge('c', 1000, { did: CAROL }))
    })

    it('is bounded by account and purpose: what ends first goes', async () => {
      await applied(challenge('a', 1000), challenge('b', 3000), challenge('c', 2000))
      expect(await there('a', 'b', 'c')).toEqual(['b', 'c'])
      // The new one stays, whenever it ends.
      await applied(challenge('y', 3000), challenge('z', 1000))
      expect(await there('b', 'c', 'y', 'z')).toEqual(['b', 'z'])
      await applied(challenge('c', 2000))
      await applied(challenge('d', 1000, { purpose: 'totp' }), challenge('e', 1000, { did: BOB }))
      const nobody = { did: null }
      await applied(challenge('f', 100, nobody), challenge('g', 200, nobody), challenge('h', 300, nobody))
      expect(await there('b', 'c', 'd', 'e', 'f', 'g', 'h')).toEqual(['b', 'c', 'd', 'e', 'g', 'h'])
    })

    it('is dropped with all of its account, or forgotten when it is over', async () => {
      await applied(
        challenge('a', 1000),
        challenge('b', 1000, { did: BOB }),
        challenge('n', 999, { did: null }),
      )
      await applied({ type: 'dropChallenges', did: ALICE })
      expect(await there('a', 'b', 'n')).toEqual(['b', 'n'])
      await applied({ type: 'forgetChallenges', now: 999 })
      expect(await there('b', 'n')).toEqual(['b'])
      await applied({ type: 'forgetChallenges', now: 1000 })
      expect(await there('b')).toEqual([])
    })
  })
}
