import type { Did } from '@avocet/syntax'
import { beforeEach, describe, expect, it } from 'vitest'

import type { AccountChange } from '../src/index.ts'
import { ALICE, BOB, CAROL, DAY, LATER, account, invite, useInvite, code, spend, reserve } from './changes.ts'
import type { Context } from './store-fixture.ts'

/** Invites, mailed codes, reserved keys and handles under way. */
export function describeCodes({ store, applied, refuses }: Context): void {
  describe('invites', () => {
    it('counts uses, and refuses those that are used up, disabled or unknown', async () => {
      await applied(invite('two', 2), invite('off'), {
        type: 'disableInvites',
        codes: ['off'],
        accounts: [],
      })
      await applied(useInvite('two', BOB, LATER))
      await refuses('invite-unavailable', useInvite('two', BOB))
      await applied(useInvite('two', ALICE))
      await refuses('invite-unavailable', useInvite('two', CAROL))
      await refuses('invite-unavailable', useInvite('off', CAROL))
      await refuses('invite-unavailable', useInvite('none', CAROL))
      await refuses('id-taken', invite('two'))
      const two = {
        code: 'two',
        available: 2,
        disabled: false,
        forAccount: 'admin',
        createdBy: 'admin',
        createdAt: DAY,
        uses: [
          { usedBy: ALICE, usedAt: DAY },
          { usedBy: BOB, usedAt: LATER },
        ],
      }
      expect(await store().invites.get('two')).toEqual(two)
      expect(await store().invites.get('off')).toMatchObject({ disabled: true, uses: [] })
      expect(await store().invites.get('none')).toBeNull()
      expect(await store().invites.usedBy(BOB)).toEqual(two)
      expect(await store().invites.usedBy(CAROL)).toBeNull()
      await applied(invite('later', 1), useInvite('later', ALICE, LATER))
      expect(await store().invites.usedBy(ALICE)).toEqual(two)
    })

    it('disables all codes of an account', async () => {
      await applied(invite('b', 1, LATER, ALICE), invite('a', 1, LATER, ALICE), invite('c', 1, DAY, ALICE))
      await applied(invite('other', 1, DAY, BOB))
      await applied({ type: 'disableInvites', codes: [], accounts: [ALICE] })
      expect((await store().invites.madeFor(ALICE)).map((row) => [row.code, row.disabled])).toEqual([
        ['c', true],
        ['a', true],
        ['b', true],
      ])
      expect(await store().invites.madeFor(BOB)).toMatchObject([{ code: 'other', disabled: false }])
    })

    it('lists codes in pages, the newest or the most used first', async () => {
      await applied(invite('a', 9, DAY), invite('b', 9, LATER), invite('c', 9, DAY), invite('d', 9, LATER))
      await applied(useInvite('a', ALICE), useInvite('a', BOB), useInvite('c', ALICE))
      const pages = async (sort: 'recent' | 'usage'): Promise<string[][]> => {
        const first = await store().invites.list({ sort, limit: 3, after: null })
        const second = await store().invites.list({ sort, limit: 3, after: first.at(-1)!.code })
        return [first, second].map((page) => page.map(({ code: text }) => text))
      }
      expect(await pages('recent')).toEqual([['d', 'b', 'c'], ['a']])
      expect(await pages('usage')).toEqual([['a', 'c', 'd'], ['b']])
      const [most] = await store().invites.list({ sort: 'usage', limit: 1, after: null })
      expect(most?.uses.map(({ usedBy }) => usedBy)).toEqual([ALICE, BOB])
      expect(await store().invites.list({ sort: 'recent', limit: 3, after: 'none' })).toEqual([])
    })
  })

  describe('mailed codes', () => {
    beforeEach(() => applied(account(ALICE), account(BOB)))

    it('keeps codes, the newest first, and spends one with all of its purpose', async () => {
      await applied(code('ONE', 1000), code('TWO', 2000), code('OTHER', 1000, { purpose: 'confirm-email' }))
      const one = {
        did: ALICE,
        purpose: 'reset-password',
        token: 'ONE',
        address: 'a@example.com',
        madeAt: 1000,
        requestedAt: 1000,
      }
      expect(await store().codes.find('reset-password', 'ONE')).toEqual(one)
      expect(await store().codes.find('confirm-email', 'ONE')).toBeNull()
      const tokens = async (): Promise<string[]> =>
        (await store().codes.list(ALICE, 'reset-password')).map(({ token }) => token)
      expect(await tokens()).toEqual(['TWO', 'ONE'])
      await refuses('id-taken', code('ONE', 1000, { purpose: 'delete-account' }))
      await refuses('account-not-found', {
        ...code('X'),
        code: { ...one, token: 'X', did: CAROL },
      } as AccountChange)
      await applied(spend('ONE'))
      expect(await tokens()).toEqual([])
      expect(await store().codes.list(ALICE, 'confirm-email')).toHaveLength(1)
      await refuses('code-invalid', spend('TWO'))
    })

    it('bounds the good codes of a purpose, and lets one live on', async () => {
      await applied(code('ONE', 1000), code('TWO', 2000))
      await refuses('too-many-codes', code('THREE', 3000))
      await applied({ type: 'renewCode', did: ALICE, purpose: 'reset-password', token: 'ONE', at: 3000 })
      expect(await store().codes.find('reset-password', 'ONE')).toMatchObject({
        madeAt: 1000,
        requestedAt: 3000,
      })
      await refuses('code-invalid', {
        type: 'renewCode',
        did: BOB,
        purpose: 'reset-password',
        token: 'ONE',
        at: 1,
      })
      await refuses('code-invalid', { type: 'renewCode', did: ALICE, purpose: 'x', token: 'ONE', at: 1 })
      // One that is over makes room.
      await applied({ ...code('THREE', 3000), expiredBefore: 2001 } as AccountChange)
      expect((await store().codes.list(ALICE, 'reset-password')).map(({ token }) => token)).toEqual([
        'THREE',
        'ONE',
      ])
    })

    it('takes a code as long as it lives, for its account and purpose', async () => {
      await applied(code('ONE', 1000))
      await refuses('code-expired', spend('ONE', 1001))
      await refuses('code-invalid', spend('ONE', 500, BOB))
      await refuses('code-invalid', spend('ONE', 500, CAROL))
      await refuses('code-invalid', { ...spend('ONE'), purpose: 'delete-account' } as AccountChange)
      expect(await store().codes.list(ALICE, 'reset-password')).toHaveLength(1)
      await applied(spend('ONE', 1000))
    })

    it('takes no code that was sent to another address', async () => {
      await applied(code('ONE'), { type: 'updateAccount', did: ALICE, set: { email: 'new@example.com' } })
      expect(await store().codes.find('reset-password', 'ONE')).toBeNull()
      expect(await store().codes.list(ALICE, 'reset-password')).toEqual([])
      await refuses('code-invalid', spend('ONE'))
      // Neither does it take the room of one for the present address.
      await applied(
        code('TWO', 1000, { address: 'New@example.com' }),
        code('THREE', 1000, { address: 'new@example.com' }),
      )
    })

    it('drops the codes of a purpose, or all', async () => {
      await applied(code('ONE'), code('TWO', 1000, { purpose: 'x' }), code('THREE', 1000, { purpose: 'y' }))
      await applied({ type: 'dropCodes', did: ALICE, purpose: 'x' })
      expect(await store().codes.find('x', 'TWO')).toBeNull()
      expect(await store().codes.find('y', 'THREE')).not.toBeNull()
      await applied({ type: 'dropCodes', did: ALICE })
      expect(await store().codes.find('y', 'THREE')).toBeNull()
      expect(await store().codes.find('reset-password', 'ONE')).toBeNull()
    })
  })

  describe('reservations', () => {
    it('reserves one key for a DID, and no more than there may be', async () => {
      await applied(reserve('did:key:1', ALICE), reserve('did:key:2', null), reserve('did:key:3', null))
      const key = { didKey: 'did:key:1', did: ALICE, privateKey: Uint8Array.of(1, 2, 3), createdAt: DAY }
      expect(await store().reservedKeys.get(ALICE)).toEqual(key)
      expect(await store().reservedKeys.get(BOB)).toBeNull()
      await refuses('too-many-keys', reserve('did:key:4', BOB))
      await refuses('key-reserved', reserve('did:key:4', ALICE, 4))
      await refuses('id-taken', reserve('did:key:1', BOB, 4))
      await applied({ type: 'releaseKey', did: ALICE }, { type: 'releaseKey', did: BOB })
      expect(await store().reservedKeys.get(ALICE)).toBeNull()
      await applied(reserve('did:key:4', ALICE, 9, LATER), reserve('did:key:5', BOB, 9))
      await applied({ type: 'forgetKeys', before: LATER })
      expect(await store().reservedKeys.get(ALICE)).not.toBeNull()
      expect(await store().reservedKeys.get(BOB)).toBeNull()
    })

    it('notes the handle that an account is to have', async () => {
      await applied(account(ALICE), account(BOB))
      const note = (did: Did, handle: `${string}.${string}`): AccountChange => ({
        type: 'noteHandleChange',
        change: { did, handle },
      })
      await applied(
        note(BOB, 'one.example.com'),
        note(ALICE, 'two.example.com'),
        note(BOB, 'three.example.com'),
      )
      expect(await store().handleChanges.list()).toEqual([
        { did: ALICE, handle: 'two.example.com' },
        { did: BOB, handle: 'three.example.com' },
      ])
      expect(await store().handleChanges.get(ALICE)).toEqual({ did: ALICE, handle: 'two.example.com' })
      await refuses('account-not-found', note(CAROL, 'x.example.com'))
      await applied({ type: 'forgetHandleChange', did: ALICE })
      expect(await store().handleChanges.get(ALICE)).toBeNull()
    })
  })
}
