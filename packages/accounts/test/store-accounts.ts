import type { Did } from '@avocet/syntax'
import { describe, expect, it } from 'vitest'

import type { AccountChange } from '../src/index.ts'
import {
  ALICE,
  BOB,
  CAROL,
  DAY,
  LATER,
  APPLIED,
  account,
  session,
  appPassword,
  invite,
  code,
  reserve,
} from './changes.ts'
import type { Context } from './store-fixture.ts'

/** Accounts, and what holds for all changes. */
export function describeAccounts({ store, applied, refuses, apply }: Context): void {
  describe('accounts', () => {
    it('keeps an account and its secrets, and finds it by names in any case', async () => {
      await applied(account(ALICE, { handle: 'Alice.Example.com', email: 'Alice@Example.com' }))
      const alice = {
        did: ALICE,
        handle: 'alice.example.com',
        email: 'alice@example.com',
        emailConfirmedAt: null,
        emailAuthFactor: false,
        createdAt: DAY,
        deactivatedAt: null,
        deleteAfter: null,
        takedownRef: null,
        invitesDisabled: false,
        inviteNote: null,
      }
      expect(await store().accounts.get(ALICE)).toEqual(alice)
      expect(await store().accounts.byHandle('ALICE.example.com')).toEqual(alice)
      expect(await store().accounts.byEmail('alice@EXAMPLE.com')).toEqual(alice)
      expect(await store().secrets.passwordHash(ALICE)).toBe(`hash of ${ALICE}`)
      expect(await store().secrets.signingKey(ALICE)).toEqual(new Uint8Array(32).fill(97))
      expect(await store().secrets.preferences(ALICE)).toBe('[]')
    })

    it('keeps accounts that nobody signs in to', async () => {
      const bare = (did: Did): AccountChange => ({
        type: 'createAccount',
        account: { did, handle: null, signingKey: new Uint8Array(32), createdAt: DAY },
      })
      await applied(bare(ALICE), bare(BOB))
      expect(await store().accounts.get(BOB)).toMatchObject({ email: null, deactivatedAt: null })
      expect(await store().secrets.passwordHash(BOB)).toBe('')
    })

    it('has nothing of who is not there', async () => {
      expect(await store().accounts.get(ALICE)).toBeNull()
      expect(await store().accounts.byHandle('a.example.com')).toBeNull()
      expect(await store().accounts.byEmail('a@example.com')).toBeNull()
      expect(await store().secrets.passwordHash(ALICE)).toBeNull()
      expect(await store().secrets.signingKey(ALICE)).toBeNull()
      expect(await store().secrets.preferences(ALICE)).toBeNull()
      expect(await store().accounts.count()).toBe(0)
    })

    it('refuses a second account of a DID, a handle or an address', async () => {
      await applied(account(ALICE))
      await refuses('account-exists', account(ALICE, { handle: 'x.example.com', email: 'x@example.com' }))
      await refuses('account-exists', account(ALICE))
      await refuses('handle-taken', account(BOB, { handle: 'A.example.com' }))
      await refuses('email-taken', account(BOB, { email: 'A@example.com' }))
      expect(await store().accounts.dids()).toEqual([ALICE])
      await applied(
        account(BOB, { handle: null, email: null }),
        account(CAROL, { handle: null, email: null }),
      )
    })

    it('changes every field, and only those that are given', async () => {
      await applied(account(ALICE), account(BOB))
      await applied({
        type: 'updateAccount',
        did: ALICE,
        set: {
          handle: 'New.example.com',
          email: 'New@example.com',
          emailConfirmedAt: DAY,
          emailAuthFactor: true,
          passwordHash: 'new hash',
          signingKey: Uint8Array.of(9),
          deactivatedAt: DAY,
          deleteAfter: LATER,
          deleteWarnedAt: DAY,
          takedownRef: 'ref',
          invitesDisabled: true,
          inviteNote: 'note',
          preferences: '[{}]',
        },
      })
      const changed = {
        did: ALICE,
        handle: 'new.example.com',
        email: 'new@example.com',
        emailConfirmedAt: DAY,
        emailAuthFactor: true,
        createdAt: DAY,
        deactivatedAt: DAY,
        deleteAfter: LATER,
        takedownRef: 'ref',
        invitesDisabled: true,
        inviteNote: 'note',
      }
      expect(await store().accounts.get(ALICE)).toEqual(changed)
      expect(await store().secrets.passwordHash(ALICE)).toBe('new hash')
      expect(await store().secrets.signingKey(ALICE)).toEqual(Uint8Array.of(9))
      expect(await store().secrets.preferences(ALICE)).toBe('[{}]')
      await applied({
        type: 'updateAccount',
        did: ALICE,
        set: { takedownRef: null, invitesDisabled: false },
      })
      expect(await store().accounts.get(ALICE)).toEqual({
        ...changed,
        takedownRef: null,
        invitesDisabled: false,
      })
      expect(await store().accounts.get(BOB)).toMatchObject({ handle: 'b.example.com', deactivatedAt: null })
    })

    it('refuses a change to a name that another has, and lets an account keep its own', async () => {
      await applied(account(ALICE), account(BOB))
      await refuses('handle-taken', { type: 'updateAccount', did: BOB, set: { handle: 'A.example.com' } })
      await refuses('email-taken', { type: 'updateAccount', did: BOB, set: { email: 'A@example.com' } })
      await refuses('account-not-found', { type: 'updateAccount', did: CAROL, set: { inviteNote: 'x' } })
      await refuses('account-not-found', { type: 'updateAccount', did: CAROL, set: {} })
      await applied({
        type: 'updateAccount',
        did: ALICE,
        set: { handle: 'A.example.com', inviteNote: 'x' },
      })
      await applied({ type: 'updateAccount', did: ALICE, set: {} })
      expect(await store().accounts.byHandle('a.example.com')).toMatchObject({ inviteNote: 'x' })
    })

    it('changes an account only while it is what the change was built on', async () => {
      await applied(account(ALICE))
      const set = { takedownRef: 'ref' }
      const update = (expected: object): AccountChange => ({
        type: 'updateAccount',
        did: ALICE,
        set,
        expect: expected,
      })
      expect(await apply(update({ takedownRef: 'other' }))).toEqual({ status: 'stale' })
      expect(await apply(update({ passwordHash: `hash of ${ALICE}`, email: null }))).toEqual({
        status: 'stale',
      })
      expect(await apply(update({ signingKey: Uint8Array.of(1) }))).toEqual({ status: 'stale' })
      expect(await store().accounts.get(ALICE)).toMatchObject({ takedownRef: null })
      await applied(
        update({
          takedownRef: null,
          invitesDisabled: false,
          handle: 'A.example.com',
          signingKey: new Uint8Array(32).fill(97),
        }),
      )
      expect(await apply(update({ takedownRef: null }))).toEqual({ status: 'stale' })
      // With nothing to set it only compares.
      const same: AccountChange = { type: 'updateAccount', did: ALICE, set: {}, expect: set }
      expect(await apply(same)).toEqual(APPLIED)
      expect(await apply({ ...same, expect: { takedownRef: null } })).toEqual({ status: 'stale' })
    })

    it('removes an account with all it has', async () => {
      const handle = { did: ALICE, handle: 'new.example.com' } as const
      await applied(
        account(ALICE),
        account(BOB),
        session('s'),
        session('t', { did: BOB }),
        appPassword('app'),
      )
      await applied(code('CODE'), { type: 'noteHandleChange', change: handle })
      await applied({ type: 'removeAccount', did: ALICE })
      expect(await store().accounts.dids()).toEqual([BOB])
      expect(await store().sessions.list(ALICE)).toEqual([])
      expect(await store().sessions.list(BOB)).toHaveLength(1)
      expect(await store().appPasswords.list(ALICE)).toEqual([])
      expect(await store().handleChanges.list()).toEqual([])
      await refuses('account-not-found', { type: 'removeAccount', did: ALICE })
      await applied(account(ALICE))
      expect(await store().codes.find('reset-password', 'CODE')).toBeNull()
    })

    it('lists accounts in pages, in order of DID, and by a part of the address', async () => {
      await applied(
        account(CAROL, { email: 'c_100%@other.example' }),
        account(BOB),
        account(ALICE, { email: null }),
      )
      const dids = async (options: { after: string; limit: number; email?: string }): Promise<Did[]> =>
        (await store().accounts.list(options)).map(({ did }) => did)
      expect(await dids({ after: '', limit: 2 })).toEqual([ALICE, BOB])
      expect(await dids({ after: BOB, limit: 2 })).toEqual([CAROL])
      expect(await dids({ after: '', limit: 5, email: '@Example' })).toEqual([BOB])
      expect(await dids({ after: '', limit: 5, email: '' })).toEqual([BOB, CAROL])
      expect(await dids({ after: '', limit: 5, email: '_100%' })).toEqual([CAROL])
      expect(await dids({ after: '', limit: 5, email: '%' })).toEqual([CAROL])
      expect(await dids({ after: '', limit: 1, email: 'e' })).toEqual([BOB])
      expect(await store().accounts.dids()).toEqual([ALICE, BOB, CAROL])
      expect(await store().accounts.count()).toBe(3)
    })

    it('finds accounts by the beginning of DID, handle or address, in pages', async () => {
      await applied(
        account(CAROL, { handle: 'bobby.test', email: 'a%@example.com' }),
        account(BOB, { handle: 'bob.test', email: 'ab@example.com' }),
        account(ALICE, { handle: 'alice.test', email: null }),
      )
      const dids = async (by: 'did' | 'handle' | 'email', prefix: string, after = '', limit = 9) =>
        (await store().accounts.search({ by, prefix, after, limit })).map(({ did }) => did)
      expect(await dids('handle', 'bob')).toEqual([BOB, CAROL])
      expect(await dids('handle', 'bob', '', 1)).toEqual([BOB])
      expect(await dids('handle', 'bob', 'bob.test')).toEqual([CAROL])
      expect(await dids('handle', 'bob', 'bobby.test')).toEqual([])
      expect(await dids('handle', 'bobb')).toEqual([CAROL])
      expect(await dids('handle', 'bob.test')).toEqual([BOB])
      expect(await dids('handle', '')).toEqual([ALICE, BOB, CAROL])
      expect(await dids('handle', 'c')).toEqual([])
      // An account without an address is among none of these; signs of patterns are letters like others.
      expect(await dids('email', '')).toEqual([CAROL, BOB])
      expect(await dids('email', 'a%')).toEqual([CAROL])
      expect(await dids('email', '%')).toEqual([])
      expect(await dids('did', '')).toEqual([ALICE, BOB, CAROL])
      expect(await dids('did', BOB)).toEqual([BOB])
      expect(await dids('did', 'did:', ALICE, 1)).toEqual([BOB])
      expect(await dids('did', 'did:', CAROL)).toEqual([])
    })

    it('lists deactivated accounts whose time comes, the first to go first', async () => {
      await applied(
        account(ALICE, { deactivatedAt: DAY }),
        account(BOB, { deactivatedAt: DAY }),
        account(CAROL),
      )
      const plan = (did: Did, deleteAfter: string): AccountChange => ({
        type: 'updateAccount',
        did,
        set: { deleteAfter, deleteWarnedAt: did === ALICE ? DAY : null },
      })
      await applied(plan(ALICE, LATER), plan(BOB, '2026-01-15T00:00:00.000Z'), plan(CAROL, DAY))
      expect(await store().accounts.plannedDeletions(LATER)).toEqual([
        { did: BOB, deleteAfter: '2026-01-15T00:00:00.000Z', warnedAt: null },
        { did: ALICE, deleteAfter: LATER, warnedAt: DAY },
      ])
      expect(await store().accounts.plannedDeletions('2026-01-31T00:00:00.000Z')).toHaveLength(1)
    })

    it('applies all changes or none', async () => {
      await applied(account(ALICE), session('kept'))
      await refuses(
        'handle-taken',
        { type: 'endSessions', did: ALICE },
        { type: 'updateAccount', did: ALICE, set: { inviteNote: 'lost' } },
        appPassword('lost'),
        invite('lost'),
        reserve('did:key:lost', BOB),
        account(BOB, { handle: 'a.example.com' }),
      )
      expect(await store().accounts.get(ALICE)).toMatchObject({ inviteNote: null })
      expect(await store().sessions.list(ALICE)).toHaveLength(1)
      expect(await store().appPasswords.list(ALICE)).toEqual([])
      expect(await store().invites.get('lost')).toBeNull()
      expect(await store().reservedKeys.get(BOB)).toBeNull()
      await applied()
    })
  })
}
