// Adding, naming and removing factors, without HTTP: who may finish what, what ends, what the owner is told.
import type { Did } from '@avocet/syntax'
import { beforeEach, describe, expect, test } from 'vitest'

import { createPasskey } from './authenticator.ts'
import { fromBase32 } from './authenticator-app.ts'
import {
  ANNA,
  AT_HOME,
  BOB,
  codeOf,
  ELSEWHERE,
  MINUTE,
  PASSWORD,
  setScene,
  type Scene,
} from './factor-accounts.ts'
import { createFactorParts } from './factor-parts.ts'

let scene: Scene
beforeEach(async () => {
  scene = await setScene()
})

const session = (id: string, appPassword: string | null = null, did: Did = ANNA) =>
  scene.store.apply([
    { type: 'keepSession', session: { id, did, expiresAt: 9e9, nextId: null, appPassword } },
  ])
const sessionIds = (): string[] => scene.store.sessions.list(ANNA).map(({ id }) => id)

describe('an app', () => {
  /** Begins, and gives what finishes. */
  const begin = async () => {
    const { ticket, secret, uri } = await scene.factors.beginTotp(scene.account(), AT_HOME)
    const row = { id: '', recoveryCodes: null, secret: fromBase32(secret) }
    return { ticket, secret, uri, row }
  }
  const finish = (ticket: string, code: string, visitor = AT_HOME, did = ANNA, name = 'phone') =>
    scene.factors.finishTotp(did, { ticket, code, name }, visitor)

  test('is shown once more to whoever began, until it is over', async () => {
    const { ticket, secret, uri } = await begin()
    const { factors, account, clock } = scene
    expect(await factors.resumeTotp(account(), ticket, AT_HOME)).toEqual({ secret, uri })
    const codes = [
      await codeOf(factors.resumeTotp(account(BOB), ticket, AT_HOME)),
      await codeOf(factors.resumeTotp(account(), ticket, ELSEWHERE)),
      await codeOf(factors.resumeTotp(account(), `${ticket}x`, AT_HOME)),
    ]
    expect(codes).toEqual(Array(3).fill('challenge-ended'))
    clock.now += 5 * MINUTE
    expect(await codeOf(factors.resumeTotp(account(), ticket, AT_HOME))).toBe('challenge-ended')
  })

  test('is added once it shows a code, with ten recovery codes, and the secret is sealed', async () => {
    const { ticket, secret, uri, row } = await begin()
    expect(secret).toMatch(/^[A-Z2-7]{32}$/)
    expect(uri).toBe(
      `otpauth://totp/pds.example.com:anna.test?secret=${secret}&issuer=pds.example.com&algorithm=SHA1&digits=6&period=30`,
    )
    expect(await scene.factors.list(ANNA)).toEqual({ factors: [], email: false, recoveryCodes: 0 })
    const { factor, recoveryCodes } = await finish(ticket, scene.code(row), AT_HOME, ANNA, ' my phone ')
    expect(factor).toMatchObject({ kind: 'totp', name: 'my phone', lastUsedAt: null })
    expect(recoveryCodes).toHaveLength(10)
    expect(await scene.factors.list(ANNA)).toEqual({ factors: [factor], email: false, recoveryCodes: 10 })
    const kept = scene.store.factors.get(factor.id)!
    expect(Buffer.from(kept.secret).includes(Buffer.from(row.secret))).toBe(false)
    // It opens for Anna, and not for Bob, to whose account somebody might write it.
    expect(scene.seal.open(kept.secret, `totp of ${ANNA}`)).toEqual(row.secret)
    expect(scene.seal.open(kept.secret, `totp of ${BOB}`)).toBeNull()
    expect(await scene.subjects()).toEqual(['A way to sign in was added'])
    expect(scene.audit).toEqual([
      {
        action: 'authenticator app added',
        actor: 'account',
        did: ANNA,
        address: AT_HOME.address,
        error: null,
        attempt: false,
        detail: { name: 'my phone' },
      },
    ])
  })

  test('is not added by a wrong code, nor by a sixth answer', async () => {
    const { ticket, row } = await begin()
    for (const code of ['000000', '', 'abcde-abcde', '12345', scene.code(row, 2)]) {
      expect(await codeOf(finish(ticket, code))).toBe('factor-invalid')
    }
    expect(await codeOf(finish(ticket, scene.code(row)))).toBe('challenge-ended')
    expect((await scene.factors.list(ANNA)).factors).toEqual([])
  })

  test('is added by the fifth answer, once', async () => {
    const { ticket, row } = await begin()
    for (let n = 0; n < 4; n++) {
      expect(await codeOf(finish(ticket, '000000'))).toBe('factor-invalid')
    }
    expect(await codeOf(finish(ticket, scene.code(row)))).toBe('fine')
    expect(await codeOf(finish(ticket, scene.code(row, 1)))).toBe('challenge-ended')
    expect((await scene.factors.list(ANNA)).factors).toHaveLength(1)
  })

  test('is added within five minutes, in the browser and for the account that began', async () => {
    const { ticket, row } = await begin()
    const elsewhere = { ...AT_HOME, binding: ELSEWHERE.binding }
    expect(await codeOf(finish(ticket, scene.code(row), elsewhere))).toBe('challenge-ended')
    expect(await codeOf(finish(`${ticket}x`, scene.code(row)))).toBe('challenge-ended')
    expect(await codeOf(finish(ticket, scene.code(row), AT_HOME, BOB))).toBe('factor-invalid')
    const passkey = { ticket, response: {}, name: 'key' }
    expect(await codeOf(scene.factors.finishPasskey(ANNA, passkey, AT_HOME))).toBe('challenge-ended')
    scene.clock.now += 5 * MINUTE - 1
    expect(await codeOf(finish(ticket, scene.code(row)))).toBe('fine')
    const late = await begin()
    scene.clock.now += 5 * MINUTE
    expect(await codeOf(finish(late.ticket, scene.code(late.row)))).toBe('challenge-ended')
  })

  test('has a name that can be shown', async () => {
    const { ticket, row } = await begin()
    for (const name of ['', '   ', 'x'.repeat(65), 'a\nb', 'a\u202eb', 'a\0b']) {
      expect(await codeOf(finish(ticket, scene.code(row), AT_HOME, ANNA, name))).toBe('invalid-request')
    }
    expect(await codeOf(finish(ticket, scene.code(row), AT_HOME, ANNA, 'x'.repeat(64)))).toBe('fine')
  })

  test('is one of two at most', async () => {
    await scene.addApp()
    await scene.addApp()
    expect(await codeOf(scene.addApp())).toBe('invalid-request')
    expect(await codeOf(scene.addPasskey())).toBe('fine')
    expect((await scene.factors.list(ANNA)).factors).toHaveLength(3)
  })
})

describe('a passkey', () => {
  const begin = () => scene.factors.beginPasskey(scene.account(), AT_HOME)
  const finish = (ticket: string, response: unknown, visitor = AT_HOME, did = ANNA) =>
    scene.factors.finishPasskey(did, { ticket, response, name: 'laptop' }, visitor)

  test('is added by what the browser gives back, and named to it the next time', async () => {
    const passkey = createPasskey()
    const { ticket, options } = await begin()
    const { factor, recoveryCodes } = await finish(ticket, passkey.create(options))
    expect(factor).toMatchObject({ id: passkey.id, kind: 'passkey', name: 'laptop' })
    expect(recoveryCodes).toHaveLength(10)
    const next = (await begin()).options
    expect(next.excludeCredentials.map(({ id }) => id)).toEqual([passkey.id])
    expect(next.challenge).not.toBe(options.challenge)
    expect(scene.audit.map(({ action }) => action)).toEqual(['passkey added'])
    expect(await scene.subjects()).toEqual(['A way to sign in was added'])
  })

  test('has one answer: a wrong one ends what was begun', async () => {
    const passkey = createPasskey()
    const { ticket, options } = await begin()
    const evil = passkey.create(options, { origin: 'https://evil.example.com' })
    expect(await codeOf(finish(ticket, evil))).toBe('factor-invalid')
    expect(await codeOf(finish(ticket, passkey.create(options)))).toBe('challenge-ended')
    const again = await begin()
    const good = passkey.create(again.options)
    expect(await codeOf(finish(again.ticket, good))).toBe('fine')
    expect(await codeOf(finish(again.ticket, good))).toBe('challenge-ended')
    // The answer to a challenge of before.
    expect(await codeOf(finish((await begin()).ticket, good))).toBe('factor-invalid')
  })

  test('is added in the browser and for the account that began', async () => {
    const passkey = createPasskey()
    const { ticket, options } = await begin()
    const elsewhere = { ...AT_HOME, binding: ELSEWHERE.binding }
    expect(await codeOf(finish(ticket, passkey.create(options), elsewhere))).toBe('challenge-ended')
    expect(await codeOf(finish(ticket, passkey.create(options), AT_HOME, BOB))).toBe('factor-invalid')
    expect((await scene.factors.list(BOB)).factors).toEqual([])
  })

  test('that is of another account is not added', async () => {
    const passkey = await scene.addPasskey(BOB)
    const { ticket, options } = await begin()
    expect(await codeOf(finish(ticket, passkey.create(options)))).toBe('busy')
    expect((await scene.factors.list(ANNA)).factors).toEqual([])
  })

  test('is one of twenty at most', async () => {
    for (let n = 0; n < 20; n++) {
      await scene.addPasskey()
    }
    expect(await codeOf(scene.addPasskey())).toBe('invalid-request')
  })
})

describe('what changes', () => {
  test('ends sessions of the password, and what is under way; app passwords stay', async () => {
    await session('one')
    await session('app', 'phone')
    await scene.store.apply([{ type: 'updateAccount', did: ANNA, set: { emailAuthFactor: true } }])
    const mailed = await scene.emailTokens.create(ANNA, 'sign-in', 'anna@example.com')
    const other = await scene.emailTokens.create(ANNA, 'delete-account', 'anna@example.com')
    const { ticket } = await scene.factors.beginTotp(scene.account(), AT_HOME)
    const { id } = await scene.addApp()
    expect(sessionIds()).toEqual(['app'])
    expect(await codeOf(scene.emailTokens.check('sign-in', mailed))).toBe('token-invalid')
    expect(await codeOf(scene.emailTokens.check('delete-account', other))).toBe('fine')
    const answer = { ticket, code: '000000', name: 'x' }
    expect(await codeOf(scene.factors.finishTotp(ANNA, answer, AT_HOME))).toBe('challenge-ended')
    await session('two')
    await scene.factors.remove(ANNA, id, AT_HOME)
    expect(sessionIds()).toEqual(['app'])
    expect((await scene.subjects()).slice(-1)).toEqual(['A way to sign in was removed'])
    expect(scene.mails.at(-1)!.text).toContain('the authenticator app "phone"')
  })

  test('is done by the owner of a factor alone', async () => {
    const { id } = await scene.addApp()
    expect(await codeOf(scene.factors.remove(BOB, id, AT_HOME))).toBe('not-found')
    expect(await codeOf(scene.factors.rename(BOB, id, 'mine'))).toBe('not-found')
    expect(await codeOf(scene.factors.remove(ANNA, 'none', AT_HOME))).toBe('not-found')
    await scene.factors.rename(ANNA, id, 'old phone')
    expect((await scene.factors.list(ANNA)).factors.map(({ name }) => name)).toEqual(['old phone'])
    expect(await codeOf(scene.factors.rename(ANNA, id, ''))).toBe('invalid-request')
  })

  test('new recovery codes take the place of those before', async () => {
    expect(await codeOf(scene.factors.renewRecoveryCodes(ANNA, AT_HOME))).toBe('invalid-request')
    const [before] = (await scene.addApp()).recoveryCodes!
    const after = await scene.factors.renewRecoveryCodes(ANNA, AT_HOME)
    expect(new Set([before, ...after]).size).toBe(11)
    const spend = async (code: string) => {
      const { changes } = await scene.secondFactor.byCode(scene.account(), code, null)
      return (await scene.store.apply(changes)).status
    }
    expect(await spend(before!)).toBe('refused')
    expect(await spend(after[0]!)).toBe('applied')
    expect((await scene.factors.list(ANNA)).recoveryCodes).toBe(9)
    expect((await scene.subjects()).slice(-1)).toEqual(['You have new recovery codes'])
  })

  test('new recovery codes end what is under way', async () => {
    const app = await scene.addApp()
    const begun = await scene.signIns.signIn('anna.test', PASSWORD, AT_HOME)
    const ticket = begun.needs === 'factor' ? begun.ticket : ''
    await scene.factors.renewRecoveryCodes(ANNA, AT_HOME)
    scene.clock.now += MINUTE
    const answer = scene.signIns.answer(ticket, { code: scene.code(app) }, AT_HOME)
    expect(await codeOf(answer)).toBe('challenge-ended')
  })

  test('codes of a time before are replaced with the first factor', async () => {
    const { id, recoveryCodes } = await scene.addApp()
    await scene.factors.remove(ANNA, id, AT_HOME)
    const again = await scene.addApp()
    expect(again.recoveryCodes).toHaveLength(10)
    const { changes } = await scene.secondFactor.byCode(scene.account(), recoveryCodes![0]!, null)
    expect(await scene.store.apply(changes)).toEqual({ status: 'refused', reason: 'code-invalid' })
  })
})

describe('an audit log that fails', () => {
  test('keeps nobody from the codes that are shown once, nor from signing in', async () => {
    const { store, clock } = scene
    const parts = createFactorParts(store, () => clock.now, { isAuditAway: true })
    const begun = await parts.factors.beginTotp(scene.account(), AT_HOME)
    const row = { id: '', recoveryCodes: null, secret: fromBase32(begun.secret) }
    const answer = { ticket: begun.ticket, code: scene.code(row), name: 'phone' }
    const { recoveryCodes } = await parts.factors.finishTotp(ANNA, answer, AT_HOME)
    expect(recoveryCodes).toHaveLength(10)
    const outcome = await parts.signIns.signIn('anna.test', PASSWORD, AT_HOME)
    const ticket = outcome.needs === 'factor' ? outcome.ticket : ''
    const account = await parts.signIns.answer(ticket, { code: recoveryCodes![0]! }, AT_HOME)
    expect(account.did).toBe(ANNA)
    expect(parts.errors).toEqual(['the audit log failed', 'the audit log failed'])
  })
})

describe('the operator', () => {
  test('removes one factor, codes by mail, recovery codes, or all of them', async () => {
    const { id } = await scene.addApp()
    await scene.addPasskey()
    await scene.store.apply([{ type: 'updateAccount', did: ANNA, set: { emailAuthFactor: true } }])
    await session('one')
    const remove = (which: string) => scene.factors.removeFor(scene.account(), which)
    expect(await codeOf(remove('none'))).toBe('not-found')
    expect(await remove(id)).toEqual(['the authenticator app "phone"'])
    expect(sessionIds()).toEqual([])
    expect(await remove('email')).toEqual(['codes by mail'])
    expect(await codeOf(remove('email'))).toBe('not-found')
    expect(await remove('recovery-codes')).toEqual(['recovery codes'])
    expect(await scene.factors.list(ANNA)).toMatchObject({
      factors: [{ kind: 'passkey' }],
      email: false,
      recoveryCodes: 0,
    })
    await scene.addApp()
    expect((await remove('all')).toSorted()).toEqual([
      'recovery codes',
      'the authenticator app "phone"',
      'the passkey "laptop"',
    ])
    expect(await scene.factors.list(ANNA)).toEqual({ factors: [], email: false, recoveryCodes: 0 })
    expect(await scene.secondFactor.kinds(scene.account())).toEqual([])
    expect((await scene.subjects()).filter((text) => text === 'A way to sign in was removed')).toHaveLength(6)
  })
})
