// The second factor of createSession, without HTTP: what is asked, what is taken, and how often it may be tried.
import { createMemoryRateLimitStore } from '@avocet/xrpc-server'
import { beforeEach, describe, expect, test } from 'vitest'

import { createAppPasswords, type AppPasswords } from '../src/accounts/app-passwords.ts'
import { createSessions, type Sessions } from '../src/accounts/sessions.ts'
import { createTokens } from '../src/auth/tokens.ts'
import {
  ANNA,
  AT_HOME,
  codeOf,
  ELSEWHERE,
  MINUTE,
  PASSWORD,
  setScene,
  type Scene,
} from './factor-accounts.ts'
import { createFactorParts } from './factor-parts.ts'

const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

let scene: Scene
let appPasswords: AppPasswords
let sessions: Sessions
beforeEach(async () => {
  scene = await setScene()
  const { store, secondFactor, clock } = scene
  const now = (): number => clock.now
  const tokens = createTokens('a secret of some length', () => 'did:web:pds.example.com', now)
  appPasswords = createAppPasswords(store)
  sessions = createSessions(store, appPasswords, tokens, secondFactor, 0, now)
})

/** Signs in as a client does. */
const login = (code?: string, address: string | null = ELSEWHERE.address, password = PASSWORD) =>
  codeOf(sessions.login('anna.test', password, false, { code, address }))
const count = (): number => scene.store.sessions.list(ANNA).length
const mailCodes = (on = true) =>
  scene.store.apply([{ type: 'updateAccount', did: ANNA, set: { emailAuthFactor: on } }])

describe('an account without a factor', () => {
  test('signs in by its password, whatever code comes along', async () => {
    expect(await login()).toBe('fine')
    expect(await login('')).toBe('fine')
    expect(await login('123456')).toBe('fine')
    expect(count()).toBe(3)
  })

  test('does not sign in by its password alone when a factor is added meanwhile', async () => {
    const parts = createFactorParts(scene.store, () => scene.clock.now)
    let added = false
    const { store, clock } = scene
    const racing = {
      ...parts.secondFactor,
      forSession: async (...args: Parameters<typeof parts.secondFactor.forSession>) => {
        const proof = await parts.secondFactor.forSession(...args)
        await scene.addApp()
        added = true
        return proof
      },
    }
    const tokens = createTokens(
      'a secret of some length',
      () => 'did:web:pds.example.com',
      () => clock.now,
    )
    const slow = createSessions(store, appPasswords, tokens, racing, 0, () => clock.now)
    expect(await codeOf(slow.login('anna.test', PASSWORD, false))).toBe('auth-required')
    expect([added, count()]).toEqual([true, 0])
  })
})

describe('an account with an app', () => {
  test('asks for a code, and takes each once', async () => {
    const app = await scene.addApp()
    expect(await login()).toBe('factor-required')
    expect(await login('')).toBe('factor-required')
    expect(await login('  ')).toBe('factor-required')
    expect(await codeOf(sessions.login('anna.test', PASSWORD, false))).toBe('factor-required')
    // The one that it was added with has been used.
    expect(await login(scene.code(app))).toBe('factor-invalid')
    expect(await login(scene.code(app, 1))).toBe('fine')
    expect(await login(scene.code(app, 1))).toBe('factor-invalid')
    scene.clock.now += MINUTE
    expect(await login(scene.code(app, -1))).toBe('factor-invalid')
    expect(await login(scene.code(app, 0))).toBe('fine')
    expect(await login(scene.code(app, 2))).toBe('factor-invalid')
    expect(count()).toBe(2)
    expect(scene.mails.filter(({ subject }) => subject.startsWith('Sign in'))).toEqual([])
  })

  test('takes a code of two who send it at once from one of them', async () => {
    const app = await scene.addApp()
    const code = scene.code(app, 1)
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => login(code)))
    expect(outcomes.filter((outcome) => outcome === 'fine')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'factor-invalid')).toHaveLength(7)
    expect(count()).toBe(1)
  })

  test('takes no code with a wrong password, and tells nothing of a factor', async () => {
    const app = await scene.addApp()
    expect(await login(undefined, ELSEWHERE.address, 'wrong')).toBe('auth-required')
    expect(await login(scene.code(app, 1), ELSEWHERE.address, 'wrong')).toBe('auth-required')
    expect(await login(scene.code(app, 1))).toBe('fine')
  })

  test('takes no code of the app of another account, nor one that was mailed', async () => {
    await scene.addApp()
    const other = await scene.addApp('did:plc:bbbbbbbbbbbbbbbbbbbbbbbb')
    expect(await login(scene.code(other, 1))).toBe('factor-invalid')
    const code = await scene.emailTokens.create(ANNA, 'sign-in', 'anna@example.com')
    expect(await login(code)).toBe('factor-invalid')
  })

  test('lets app passwords in as before', async () => {
    await scene.addApp()
    const { password } = await appPasswords.create(ANNA, 'phone', false)
    expect(await login(undefined, ELSEWHERE.address, password)).toBe('fine')
  })

  test('takes either of two apps', async () => {
    const first = await scene.addApp()
    const second = await scene.addApp()
    expect(second.recoveryCodes).toBeNull()
    expect(await login(scene.code(first, 1))).toBe('fine')
    expect(await login(scene.code(second, 1))).toBe('fine')
  })

  test('stays closed when the secret does not open, and the operator reads why', async () => {
    const app = await scene.addApp()
    const { store, clock } = scene
    const other = createFactorParts(store, () => clock.now, { secret: 'another secret' })
    const ask = (code: string) => codeOf(other.secondFactor.forSession(scene.account(), code, null))
    expect(await ask(scene.code(app, 1))).toBe('factor-invalid')
    expect(other.errors).toEqual(['the secret of an authenticator app does not open'])
    expect(await ask(app.recoveryCodes![0]!)).toBe('fine')
  })

  test('asks for nothing more once its last factor is gone', async () => {
    const app = await scene.addApp()
    await scene.factors.remove(ANNA, app.id, AT_HOME)
    expect(await login()).toBe('fine')
  })
})

describe('recovery codes', () => {
  test('are good once each, in any form, and the owner is told how many are left', async () => {
    const [first, second] = (await scene.addApp()).recoveryCodes!
    expect(await login(first!.toUpperCase())).toBe('fine')
    expect(await login(first)).toBe('factor-invalid')
    expect(await login(second!.replaceAll('-', ' '))).toBe('fine')
    expect(await login('aaaa-aaaa-aaaa-aaaa')).toBe('factor-invalid')
    await scene.posted()
    const texts = scene.mails.filter(({ subject }) => subject.startsWith('A recovery code was used'))
    expect(texts.map(({ text }) => /recovery code\. (\d+) of them/.exec(text)?.[1])).toEqual(['9', '8'])
  })

  test('are of their account alone', async () => {
    await scene.addApp()
    const [other] = (await scene.addApp('did:plc:bbbbbbbbbbbbbbbbbbbbbbbb')).recoveryCodes!
    expect(await login(other)).toBe('factor-invalid')
  })

  test('open the door of a passkey, which createSession cannot ask for', async () => {
    const { ticket, options } = await scene.factors.beginPasskey(scene.account(), AT_HOME)
    const { createPasskey } = await import('./authenticator.ts')
    const answer = { ticket, response: createPasskey().create(options), name: 'key' }
    const { recoveryCodes } = await scene.factors.finishPasskey(ANNA, answer, AT_HOME)
    expect(await login()).toBe('factor-required')
    expect(await login('123456')).toBe('factor-invalid')
    expect(await login(recoveryCodes![0])).toBe('fine')
  })
})

describe('codes by mail', () => {
  test('are mailed when none is given, and good once, for fifteen minutes', async () => {
    await mailCodes()
    expect(await login()).toBe('factor-required')
    expect(await scene.subjects()).toEqual(['Sign in'])
    expect(scene.mails[0]!.text).toContain('somebody knows your password')
    const code = scene.mailed()
    expect(await login('AAAAA-AAAAA')).toBe('factor-invalid')
    expect(await login(code.toLowerCase())).toBe('fine')
    expect(await login(code)).toBe('factor-invalid')
    expect(await login('')).toBe('factor-required')
    scene.clock.now += 15 * MINUTE
    expect(await login(scene.mailed())).toBe('fine')
    expect(await login()).toBe('factor-required')
    scene.clock.now += 15 * MINUTE + 1
    expect(await login(scene.mailed())).toBe('factor-invalid')
    expect(count()).toBe(2)
  })

  test('are not those that were mailed for something else', async () => {
    await mailCodes()
    const code = await scene.emailTokens.create(ANNA, 'reset-password', 'anna@example.com')
    expect(await login(code)).toBe('factor-invalid')
    await login()
    expect(await codeOf(scene.emailTokens.check('reset-password', scene.mailed()))).toBe('token-invalid')
  })

  test('are mailed five times an hour and fifteen a day, but to a known network of the owner', async () => {
    await mailCodes()
    for (let hour = 0; hour < 3; hour++) {
      for (let n = 0; n < 5; n++) expect(await login()).toBe('factor-required')
      expect(await login()).toBe('too-many-at-once')
      scene.clock.now += HOUR
    }
    expect(await scene.subjects()).toHaveLength(15)
    expect(await login()).toBe('too-many-at-once')
    await scene.brake.trust(ANNA, AT_HOME.address)
    expect(await login(undefined, AT_HOME.address)).toBe('factor-required')
    expect(await login(scene.mailed(), ELSEWHERE.address)).toBe('fine')
    scene.clock.now += DAY
    expect(await login()).toBe('factor-required')
  })
})

describe('guesses at the codes of an app', () => {
  const guess = async (times: number, address: string | null = ELSEWHERE.address): Promise<Set<string>> => {
    const outcomes = new Set<string>()
    for (let n = 0; n < times; n++) outcomes.add(await login('000000', address))
    return outcomes
  }

  test('are twenty an hour, wherever they come from, and the owner is told once', async () => {
    const app = await scene.addApp()
    expect(await guess(10)).toEqual(new Set(['factor-invalid']))
    expect(await guess(9, '192.0.2.1')).toEqual(new Set(['factor-invalid']))
    expect(await guess(1)).toEqual(new Set(['factor-invalid']))
    expect(await guess(3, null)).toEqual(new Set(['too-many-at-once']))
    expect(await login(scene.code(app, 1))).toBe('too-many-at-once')
    expect((await scene.subjects()).filter((text) => text === 'Somebody knows your password')).toHaveLength(1)
    scene.clock.now += HOUR - 1
    expect(await login(scene.code(app, 0))).toBe('too-many-at-once')
    scene.clock.now += 1
    expect(await login(scene.code(app, 0))).toBe('fine')
  })

  test('are a hundred a day', async () => {
    await scene.addApp()
    for (let hour = 0; hour < 5; hour++) {
      expect(await guess(20)).toEqual(new Set(['factor-invalid']))
      scene.clock.now += HOUR
    }
    expect(await guess(1)).toEqual(new Set(['too-many-at-once']))
    scene.clock.now += DAY - 5 * HOUR
    expect(await guess(1)).toEqual(new Set(['factor-invalid']))
  })

  test('do not lock the owner out: not at home, nor with a recovery code', async () => {
    const app = await scene.addApp()
    await scene.brake.trust(ANNA, AT_HOME.address)
    await guess(21)
    expect(await login(scene.code(app, 1))).toBe('too-many-at-once')
    expect(await login(app.recoveryCodes![0])).toBe('fine')
    expect(await login(scene.code(app, 1), '198.51.100.1')).toBe('fine')
    // A network that is known has a count of its own.
    expect(await guess(19, AT_HOME.address)).toEqual(new Set(['factor-invalid']))
    expect(await guess(1, AT_HOME.address)).toEqual(new Set(['too-many-at-once']))
  })

  test('are counted for all processes that share a store', async () => {
    const app = await scene.addApp()
    const { store, clock } = scene
    const now = (): number => clock.now
    const counts = createMemoryRateLimitStore({ now })
    const processes = [createFactorParts(store, now, { counts }), createFactorParts(store, now, { counts })]
    const attempt = (n: number, code: string) =>
      codeOf(processes[n % 2]!.secondFactor.forSession(scene.account(), code, ELSEWHERE.address))
    for (let n = 0; n < 20; n++) {
      expect(await attempt(n, '000000')).toBe('factor-invalid')
    }
    expect(await attempt(0, scene.code(app, 1))).toBe('too-many-at-once')
    expect(await attempt(1, scene.code(app, 1))).toBe('too-many-at-once')
  })

  test('of one account leave another alone', async () => {
    await scene.addApp()
    const other = await scene.addApp('did:plc:bbbbbbbbbbbbbbbbbbbbbbbb')
    await guess(21)
    const bob = sessions.login('bob.test', PASSWORD, false, { code: scene.code(other, 1), address: null })
    expect(await codeOf(bob)).toBe('fine')
  })
})
