import { beforeEach, describe, expect, it } from 'vitest'

import type { AccountChange } from '../src/index.ts'
import { ALICE, BOB, CAROL, DAY, account, session, rotate, appPassword } from './changes.ts'
import type { Context } from './store-fixture.ts'

/** Sessions and app passwords. */
export function describeSessions({ store, applied, refuses }: Context): void {
  describe('sessions', () => {
    beforeEach(() => applied(account(ALICE), account(BOB)))

    it('keeps a session', async () => {
      await applied(session('s', { appPassword: 'app', nextId: 'n' }))
      const kept = { id: 's', did: ALICE, expiresAt: 1000, nextId: 'n', appPassword: 'app' }
      expect(await store().sessions.get('s')).toEqual(kept)
      expect(await store().sessions.get('t')).toBeNull()
      await refuses('id-taken', session('s', { did: BOB }))
      await refuses('account-not-found', session('t', { did: CAROL }))
    })

    it('puts a successor in the place of a token, which ends soon', async () => {
      await applied(session('s', { appPassword: 'app' }), rotate('s', 's2'))
      expect(await store().sessions.list(ALICE)).toEqual([
        { id: 's', did: ALICE, expiresAt: 200, nextId: 's2', appPassword: 'app' },
        { id: 's2', did: ALICE, expiresAt: 2000, nextId: null, appPassword: 'app' },
      ])
      await refuses('session-rotated', rotate('s', 's3'))
      await applied(rotate('s2', 's3', 1999))
      await applied(session('short', { expiresAt: 150 }), rotate('short', 'long'))
      expect(await store().sessions.get('short')).toMatchObject({ expiresAt: 150 })
    })

    it('rotates no token that is over, unknown or of another account', async () => {
      await applied(session('s'), session('t'))
      await refuses('session-ended', rotate('s', 's2', 1000))
      await applied(rotate('s', 's2', 999))
      await refuses('session-ended', rotate('s', 's3', 200))
      await refuses('session-rotated', rotate('s', 's3', 199))
      await refuses('session-ended', rotate('t', 't2', 100, BOB))
      await refuses('session-ended', rotate('none', 'n2'))
      await refuses('id-taken', rotate('t', 's2'))
      expect(await store().sessions.get('t')).toMatchObject({ nextId: null, expiresAt: 1000 })
    })

    it('ends one session, those of an app password, or all of an account', async () => {
      await applied(
        session('one'),
        session('two'),
        session('app', { appPassword: 'app' }),
        session('chat', { appPassword: 'chat' }),
        session('bob', { did: BOB, appPassword: 'app' }),
      )
      const ids = async (): Promise<string[]> =>
        [...(await store().sessions.list(ALICE)), ...(await store().sessions.list(BOB))].map(({ id }) => id)
      await applied({ type: 'endSession', id: 'one' }, { type: 'endSession', id: 'none' })
      await applied({ type: 'endSessions', did: ALICE, appPassword: 'app' })
      expect(await ids()).toEqual(['chat', 'two', 'bob'])
      await applied({ type: 'endSessions', did: ALICE, appPassword: null })
      expect(await ids()).toEqual(['chat', 'bob'])
      await applied({ type: 'endSessions', did: ALICE })
      expect(await ids()).toEqual(['bob'])
    })

    it('forgets what is over', async () => {
      await applied(session('over', { expiresAt: 99 }), session('now', { expiresAt: 100 }))
      await applied(session('good', { expiresAt: 101 }), session('bob', { did: BOB, expiresAt: 99 }))
      await applied({ type: 'forgetSessions', did: ALICE, now: 100 })
      expect((await store().sessions.list(ALICE)).map(({ id }) => id)).toEqual(['good'])
      expect(await store().sessions.get('bob')).not.toBeNull()
    })
  })

  describe('app passwords', () => {
    beforeEach(() => applied(account(ALICE), account(BOB)))

    it('keeps them by name, and finds them by hash', async () => {
      await applied(appPassword('web'), appPassword('chat'))
      const chat = { name: 'chat', privileged: true, createdAt: DAY }
      const web = { name: 'web', privileged: false, createdAt: DAY }
      expect(await store().appPasswords.list(ALICE)).toEqual([chat, web])
      expect(await store().appPasswords.get(ALICE, 'web')).toEqual(web)
      expect(await store().appPasswords.get(BOB, 'web')).toBeNull()
      expect(await store().appPasswords.byHash(ALICE, 'hash of chat')).toEqual(chat)
      expect(await store().appPasswords.byHash(BOB, 'hash of chat')).toBeNull()
      expect((await store().appPasswords.hashes(ALICE)).toSorted()).toEqual(['hash of chat', 'hash of web'])
      await applied({ type: 'rehashAppPassword', did: ALICE, from: 'hash of chat', to: 'better' })
      expect(await store().appPasswords.byHash(ALICE, 'better')).toEqual(chat)
      await applied({ type: 'removeAppPassword', did: ALICE, name: 'chat' })
      expect(await store().appPasswords.list(ALICE)).toEqual([web])
    })

    it('refuses a name in use, and one more than there may be', async () => {
      await applied(appPassword('one', 2), appPassword('two', 2))
      await refuses('too-many-app-passwords', appPassword('three', 2))
      await refuses('app-password-exists', appPassword('two', 2))
      await applied(appPassword('three', 3))
      await refuses('account-not-found', { ...appPassword('x'), did: CAROL } as AccountChange)
      expect(await store().appPasswords.list(ALICE)).toHaveLength(3)
    })
  })
}
