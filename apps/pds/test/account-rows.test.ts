import { createHash, scryptSync } from 'node:crypto'

import type { AccountChange, AccountFields } from '@avocet/accounts'
import { openAccountStore, type SqliteAccountStore } from '@avocet/accounts/sqlite'
import { createKeyedLock } from '@avocet/repo-server'
import { migrate, openDatabase, type Database } from '@avocet/sqlite'
import type { Did, Handle } from '@avocet/syntax'
import { SignJWT } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'

import { accountStatus } from '../src/account.ts'
import { createAppPasswords } from '../src/accounts/app-passwords.ts'
import { applyChanges, requireDone } from '../src/accounts/changes.ts'
import { createEmailTokens } from '../src/accounts/email-tokens.ts'
import { createInvites } from '../src/accounts/invites.ts'
import { createLoginBrake } from '../src/accounts/login-brake.ts'
import { createMemoryLoginCounts } from '../src/accounts/login-counts.ts'
import { loginKey } from '../src/auth/lookup.ts'
import { hashPassword, verifyPassword } from '../src/accounts/passwords.ts'
import { readPreferences, writePreferences } from '../src/accounts/preferences.ts'
import { createQuotas } from '../src/repos/quotas.ts'
import { createReservedKeys } from '../src/accounts/reserved-keys.ts'
import { createSessions, type SessionTokens } from '../src/accounts/sessions.ts'
import { createTokens, type Tokens } from '../src/auth/tokens.ts'
import { createSigners } from '../src/identity/signers.ts'
import { OPERATION_MIGRATIONS } from '../src/stores/sqlite/operation-schema.ts'
import { openQuotas } from '../src/stores/sqlite/rows.ts'
import { createFactorParts } from './factor-parts.ts'

const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const SECRET = 'a secret of some length'
const START = Date.parse('2026-01-01T00:00:00Z')
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

let time: number
let db: Database
let store: SqliteAccountStore
let accounts: SqliteAccountStore['accounts']
beforeEach(() => {
  time = START
  db = openDatabase({ path: ':memory:' })
  store = openAccountStore(db)
  accounts = store.accounts
  migrate(db, 'operations', OPERATION_MIGRATIONS)
  add(DID, 'anna')
})

function add(did: Did, name: string, signingKey = new Uint8Array(32).fill(1)): void {
  const account = {
    did,
    handle: `${name}.test` as Handle,
    email: `${name}@example.com`,
    passwordHash: 'none',
    signingKey,
    createdAt: new Date(time).toISOString(),
    deactivatedAt: null,
  }
  change({ type: 'createAccount', account })
}
function change(...changes: AccountChange[]): void {
  requireDone(store.applyIn(db, changes))
}
const update = (set: Partial<AccountFields>): void => change({ type: 'updateAccount', did: DID, set })
const didOf = (n: number): Did => `did:plc:${n.toString(32).padStart(24, 'z')}`
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'fine',
    (error: { code?: string }) => error.code ?? String(error),
  )
const later = (run: () => unknown): Promise<string> => codeOf(Promise.resolve().then(run))
const rowsOf = (sql: string): Record<string, unknown>[] => db.prepare(sql).all()

describe('accounts', () => {
  test('a change that is rolled back is not served, asked for within it or not', async () => {
    const written = db.write(() => {
      update({ takedownRef: 'x' })
      expect(accounts.get(DID)!.takedownRef).toBe('x')
      throw new Error('no')
    })
    await expect(written).rejects.toThrow('no')
    expect(accounts.get(DID)!.takedownRef).toBe(null)
  })

  test('a takedown outranks a deactivation, whichever came first', () => {
    update({ takedownRef: 'x', deactivatedAt: '2026-01-01' })
    expect(accountStatus(accounts.get(DID)!)).toEqual({ active: false, status: 'takendown' })
    update({ takedownRef: null })
    expect(accountStatus(accounts.get(DID)!)).toEqual({ active: false, status: 'deactivated' })
  })

  test('an address is searched for in any case, by a part of it', () => {
    add(didOf(1), 'bert')
    const search = (email: string | null, after = '', limit = 9): string[] =>
      accounts.list({ after, limit, ...(email === null ? {} : { email }) }).map(({ did }) => did)
    expect(search('BERT@')).toEqual([didOf(1)])
    expect(search('%')).toEqual([])
    expect(search(null)).toEqual([DID, didOf(1)])
    expect(search(null, DID)).toEqual([didOf(1)])
    expect(search(null, '', 1)).toEqual([DID])
  })

  test('signing keys of so many accounts stay imported, not of one more', async () => {
    let reads = 0
    const key = new Uint8Array(32).fill(7)
    const signers = createSigners({ signingKey: () => (reads++, key) }, { maxKeys: 3 })
    for (let n = 0; n < 3; n++) await signers.get(didOf(n))
    await signers.get(didOf(0))
    expect(reads).toBe(3)
    await signers.get(didOf(3))
    await signers.get(didOf(1))
    expect(reads).toBe(4)
    await signers.get(didOf(0))
    expect(reads).toBe(5)
    signers.drop(didOf(0))
    await signers.get(didOf(0))
    expect(reads).toBe(6)
  })
})

describe('app passwords', () => {
  test('fifty an account, not one more', async () => {
    const appPasswords = createAppPasswords(store)
    for (let n = 0; n < 50; n++) await appPasswords.create(DID, `p${n}`, false)
    expect(await codeOf(appPasswords.create(DID, 'p50', false))).toBe('invalid-request')
    change({ type: 'removeAppPassword', did: DID, name: 'p7' })
    expect(await codeOf(appPasswords.create(DID, 'p50', false))).toBe('fine')
  })

  test('of two of one name made at once, the one that is told works and the other is refused', async () => {
    const appPasswords = createAppPasswords(store)
    const made = await Promise.allSettled([1, 2].map(() => appPasswords.create(DID, 'phone', false)))
    const told = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value.password] : []))
    expect(told).toHaveLength(1)
    expect(await appPasswords.verify(DID, told[0]!)).toMatchObject({ name: 'phone' })
  })

  test('one of a reference PDS is found by its scrypt, and kept in the form of here from then on', async () => {
    const appPasswords = createAppPasswords(store)
    const salt = createHash('sha256').update(DID).digest('hex').slice(0, 32)
    const password = 'abcd-efgh-ijkl-mnop'
    const hash = `${salt}:${scryptSync(password, salt, 64).toString('hex')}`
    db.prepare('INSERT INTO app_password VALUES (?, ?, ?, 1, ?)').run(DID, 'old', hash, '2025-01-01')
    expect(await appPasswords.verify(DID, 'abcd-efgh-ijkl-mnoq')).toBe(null)
    expect(await appPasswords.verify(DID, password)).toMatchObject({ name: 'old', privileged: true })
    expect(rowsOf('SELECT password_hash FROM app_password')).toEqual([
      { password_hash: createHash('sha256').update(password).digest('hex') },
    ])
    expect(await appPasswords.verify(DID, password)).toMatchObject({ name: 'old' })
  })
})

test('a mailed code that is asked for again lives as long as the first', async () => {
  const codes = createEmailTokens(store, () => time)
  await codes.create(DID, 'reset-password', 'anna@example.com')
  time += 14 * MINUTE
  const second = await codes.create(DID, 'reset-password', 'anna@example.com')
  time += 15 * MINUTE
  expect(await later(() => codes.check('reset-password', second))).toBe('fine')
  time += 1
  expect(await later(() => codes.check('reset-password', second))).toBe('token-expired')
})

test('asking for a code again takes none away that was mailed before, and five are good at a time', async () => {
  const codes = createEmailTokens(store, () => time)
  const ask = (address = 'anna@example.com') => codes.create(DID, 'reset-password', address)
  const made: string[] = []
  for (let i = 0; i < 5; i++) {
    made.push(await ask())
    time += MINUTE
  }
  expect(new Set(made).size).toBe(5)
  const judge = () => Promise.all(made.map((code) => later(() => codes.check('reset-password', code))))
  expect(await judge()).toEqual(['fine', 'fine', 'fine', 'fine', 'fine'])
  // The sixth letter brings the newest again, which begins anew.
  expect(await ask()).toBe(made[4])
  expect(rowsOf('SELECT token FROM email_token')).toHaveLength(5)
  time += 13 * MINUTE
  const late = 'token-expired'
  expect(await judge()).toEqual([late, late, late, 'fine', 'fine'])
  // There is room again.
  expect(made).not.toContain(await ask())
  time += 2 * MINUTE
  // 16 minutes after it was made, 15 after it was asked for again.
  expect((await judge()).at(-1)).toBe('fine')
  time += 1
  expect(await judge()).toEqual(['token-invalid', 'token-invalid', 'token-invalid', late, late])
  // Codes for another address, and for another purpose, take no room.
  await ask('anna@elsewhere.example')
  expect(rowsOf('SELECT DISTINCT address FROM email_token')).toEqual([{ address: 'anna@elsewhere.example' }])
  expect(made).not.toContain(await codes.create(DID, 'delete-account', 'anna@example.com'))
})

test('the first of several codes that is used ends the others', async () => {
  const codes = createEmailTokens(store, () => time)
  const [first, second] = [
    await codes.create(DID, 'reset-password', 'anna@example.com'),
    await codes.create(DID, 'reset-password', 'anna@example.com'),
  ]
  const other = await codes.create(DID, 'delete-account', 'anna@example.com')
  await applyChanges(store, [codes.spending('reset-password', first, DID)])
  expect(await later(() => codes.check('reset-password', second))).toBe('token-invalid')
  expect(await later(() => codes.check('delete-account', other))).toBe('fine')
})

describe('invite codes', () => {
  const make = (useCount: number, forAccount = 'admin'): string => {
    const making = createInvites(store, 'pds.example.com').making({
      useCount,
      forAccount,
      createdBy: 'admin',
    })
    change(making)
    return making.code
  }
  const use = (code: string, did: Did): void =>
    change({ type: 'useInvite', code, did, at: new Date(time).toISOString() })

  test('two who were both let in by the last use: one gets it', async () => {
    const invites = createInvites(store, 'pds.example.com')
    const code = make(1)
    await invites.check(code)
    await invites.check(code)
    use(code, DID)
    expect(await later(() => use(code, didOf(1)))).toBe('invalid-invite-code')
    expect(store.invites.usedBy(DID)).toMatchObject({ code, uses: [{ usedBy: DID }] })
  })

  test('pages go through all of them once, newest or most used first', () => {
    const { invites } = store
    const codes = Array.from({ length: 7 }, () => make(9))
    codes.forEach((code, n) =>
      db.prepare('UPDATE invite_code SET created_at = ? WHERE code = ?').run(`2026-01-0${(n % 4) + 1}`, code),
    )
    for (let n = 0; n < 3; n++) use(codes[4]!, didOf(n))
    use(codes[2]!, didOf(1))
    for (const sort of ['recent', 'usage'] as const) {
      const found: string[] = []
      for (let after: string | null = null; ;) {
        const page = invites.list({ sort, limit: 3, after })
        found.push(...page.map(({ code }) => code))
        if (page.length < 3) break
        after = page.at(-1)!.code
      }
      expect(found.toSorted()).toEqual(codes.toSorted())
      expect(invites.list({ sort, limit: 9, after: null }).map(({ code }) => code)).toEqual(found)
      if (sort === 'usage') expect(found.slice(0, 2)).toEqual([codes[4], codes[2]])
      else expect(found[0]).toBe(codes[3])
    }
  })

  test('are disabled one by one, or all that an account holds', async () => {
    const invites = createInvites(store, 'pds.example.com')
    const [one, other, held, also] = [make(1), make(1), make(1, DID), make(1, DID)]
    change({ type: 'disableInvites', codes: [one], accounts: [DID] })
    for (const code of [one, held, also]) {
      expect(await later(() => invites.check(code))).toBe('invalid-invite-code')
    }
    expect(await later(() => invites.check(other))).toBe('fine')
    expect(store.invites.madeFor(DID).map(({ disabled }) => disabled)).toEqual([true, true])
  })
})

describe('tokens', () => {
  const AUDIENCE = 'did:web:pds.example.com'
  let asked: number
  let tokens: Tokens
  beforeEach(() => {
    asked = 0
    tokens = createTokens(
      SECRET,
      () => {
        asked += 1
        return AUDIENCE
      },
      () => time,
    )
  })
  const forge = (
    claims: Record<string, unknown>,
    typ = 'refresh+jwt',
    secret = SECRET,
    alg = 'HS256',
  ): Promise<string> =>
    new SignJWT({ ...claims }).setProtectedHeader({ typ, alg }).sign(new TextEncoder().encode(secret))
  const good = {
    aud: AUDIENCE,
    sub: DID,
    iat: START / 1000,
    exp: START / 1000 + 60,
    scope: 'com.atproto.refresh',
    jti: 'x',
  }
  const access = { ...good, scope: 'com.atproto.access' }
  const without = (name: string, from: object): Record<string, unknown> =>
    Object.fromEntries(Object.entries(from).filter(([key]) => key !== name))

  test('a refresh token is one by each of its claims', async () => {
    const verify = async (token: Promise<string>): Promise<string> =>
      codeOf(tokens.verifyRefresh(await token))
    expect(await verify(forge(good))).toBe('fine')
    expect(await verify(forge(good, 'at+jwt'))).toBe('invalid-token')
    expect(await verify(forge(good, 'refresh+jwt', 'another secret of length'))).toBe('invalid-token')
    expect(await verify(forge(good, 'refresh+jwt', SECRET.repeat(3), 'HS512'))).toBe('invalid-token')
    expect(await verify(forge({ ...good, aud: 'did:web:other.example.com' }))).toBe('invalid-token')
    for (const scope of ['com.atproto.access', 'com.atproto.appPass', undefined]) {
      expect(await verify(forge({ ...good, scope }))).toBe('invalid-token')
    }
    for (const name of ['aud', 'sub', 'exp', 'jti', 'scope']) {
      expect([name, await verify(forge(without(name, good)))]).toEqual([name, 'invalid-token'])
    }
    time += 60_000
    expect(await verify(forge(good))).toBe('expired-token')
    expect(await codeOf(tokens.verifyRefresh(await forge(good), { allowExpired: true }))).toBe('fine')
  })

  test('an access token is one by each of its claims', async () => {
    const verify = async (token: Promise<string>): Promise<string> => codeOf(tokens.verifyAccess(await token))
    expect(await verify(forge(access, 'at+jwt'))).toBe('fine')
    expect(await verify(forge(access, 'refresh+jwt'))).toBe('invalid-token')
    expect(await verify(forge({ ...access, aud: 'did:web:other.example.com' }, 'at+jwt'))).toBe(
      'invalid-token',
    )
    for (const scope of ['com.atproto.refresh', 'com.atproto.signup', '', undefined]) {
      expect(await verify(forge({ ...access, scope }, 'at+jwt'))).toBe('invalid-token')
    }
    for (const name of ['aud', 'sub', 'exp', 'scope']) {
      expect([name, await verify(forge(without(name, access), 'at+jwt'))]).toEqual([name, 'invalid-token'])
    }
  })

  test('five thousand access tokens are remembered, not one more; none past its end', async () => {
    const made = await Promise.all(
      Array.from({ length: 5001 }, (_, n) => tokens.access(didOf(n), 'com.atproto.access')),
    )
    const verified = async (token: string): Promise<boolean> => {
      const before = asked
      await tokens.verifyAccess(token)
      return asked > before
    }
    for (const token of made.slice(0, 5000)) await tokens.verifyAccess(token)
    expect(await verified(made[0]!)).toBe(false)
    await tokens.verifyAccess(made[5000]!)
    expect(await verified(made[1]!)).toBe(false)
    expect(await verified(made[0]!)).toBe(true)
    time += 2 * HOUR
    expect(await codeOf(tokens.verifyAccess(made[5000]!))).toBe('expired-token')
  })
})

describe('sessions', () => {
  test('a token near its end lives no longer for having been replaced, and rows of ended ones go', async () => {
    const tokens = createTokens(
      SECRET,
      () => 'did:web:pds.example.com',
      () => time,
    )
    const sessions = createSessions(
      store,
      createAppPasswords(store),
      tokens,
      createFactorParts(store).secondFactor,
      0,
      () => time,
    )
    const { tokens: first, change: keep } = await sessions.prepare(DID)
    change(keep)
    time += 90 * DAY - HOUR
    const second = (await sessions.refresh(first.refreshJwt)).tokens
    time += HOUR - 1000
    expect(await codeOf(sessions.refresh(first.refreshJwt))).toBe('fine')
    time += 1000
    expect(await codeOf(sessions.refresh(first.refreshJwt))).toBe('expired-token')
    expect(rowsOf('SELECT id FROM refresh_token')).toHaveLength(2)
    await sessions.refresh(second.refreshJwt)
    expect(rowsOf('SELECT id FROM refresh_token')).toHaveLength(2)
  })

  test('only those of one app password end with it', async () => {
    const tokens = createTokens(
      SECRET,
      () => 'did:web:pds.example.com',
      () => time,
    )
    const appPasswords = createAppPasswords(store)
    const sessions = createSessions(
      store,
      appPasswords,
      tokens,
      createFactorParts(store).secondFactor,
      0,
      () => time,
    )
    const begin = async (name: string): Promise<SessionTokens> => {
      const { password } = await appPasswords.create(DID, name, false)
      return (await sessions.login(DID, password, false)).tokens
    }
    const { tokens: own, change: keep } = await sessions.prepare(DID)
    change(keep)
    const [phone, tool] = [await begin('phone'), await begin('tool')]
    change({ type: 'endSessions', did: DID, appPassword: 'phone' })
    expect(await codeOf(sessions.refresh(phone.refreshJwt))).toBe('expired-token')
    for (const { refreshJwt } of [own, tool]) expect(await codeOf(sessions.refresh(refreshJwt))).toBe('fine')
    change({ type: 'endSessions', did: DID })
    for (const { refreshJwt } of [own, tool]) {
      expect(await codeOf(sessions.refresh(refreshJwt))).toBe('expired-token')
    }
  })
})

describe('passwords', () => {
  test('the same letters written in another way are the same password', async () => {
    const hash = await hashPassword('caf\u00e9 \ufb01ne')
    expect(await verifyPassword('cafe\u0301 fine', hash)).toBe(true)
    expect(await verifyPassword('cafe fine', hash)).toBe(false)
  })

  test('one longer than the bound is not even hashed', async () => {
    const long = 'x'.repeat(257)
    expect(await verifyPassword(long, await hashPassword(long))).toBe(false)
    const longest = 'x'.repeat(256)
    expect(await verifyPassword(longest, await hashPassword(longest))).toBe(true)
  })
})

test('a name that is nobody’s counts once, however it is written', async () => {
  for (const name of ['Nobody.Test', ' nobody.test', '@nobody.TEST ']) {
    expect(await loginKey(accounts, name)).toBe('nobody.test')
  }
  expect(await loginKey(accounts, 'x'.repeat(2000))).toHaveLength(512)
  for (const name of ['@ANNA.test', 'Anna@example.com', DID]) expect(await loginKey(accounts, name)).toBe(DID)
})

test('a declared age turns on the day of birth', async () => {
  const birthDate = '2010-03-15T00:00:00.000Z'
  update({
    preferences: JSON.stringify([{ $type: 'app.bsky.actor.defs#personalDetailsPref', birthDate }]),
  })
  const isOver16 = async (day: string): Promise<unknown> =>
    (await readPreferences(store, DID, false, () => Date.parse(`${day}T12:00:00Z`)))[0]!['isOverAge16']
  const days = ['2026-03-14', '2026-03-15', '2026-02-20']
  expect(await Promise.all(days.map(isOver16))).toEqual([false, true, false])
})

test('preferences that are put many times at once are those of one of them, personal ones among them', async () => {
  const locks = createKeyedLock()
  const personal = { $type: 'app.bsky.actor.defs#personalDetailsPref', birthDate: '2000-01-01' }
  await writePreferences(store, locks, DID, [personal], true)
  const put = (n: number) => writePreferences(store, locks, DID, [{ $type: 'app.bsky.x', n }], false)
  await Promise.all(Array.from({ length: 20 }, (_, n) => put(n)))
  const kept = await readPreferences(store, DID, true)
  expect(kept.map(({ $type }) => $type).slice(0, 2)).toEqual([personal.$type, 'app.bsky.x'])
})

describe('the memory of the login brake', () => {
  test('twenty thousand networks are trusted, those used last stay', async () => {
    const slept: number[] = []
    const brake = createLoginBrake(
      createMemoryLoginCounts(() => 0),
      (ms) => Promise.resolve(void slept.push(ms)),
    )
    const wrong = (): Promise<never> => Promise.reject(Object.assign(new Error('no'), {}))
    await brake.trust('did:a', '203.0.113.1')
    await brake.trust('did:b', '203.0.113.1')
    // Used once more: newer than the other now.
    await brake.trust('did:a', '203.0.113.1')
    for (let n = 2; n < 20_000; n++) await brake.trust(`did:${n}`, '203.0.113.1')
    await brake.trust('did:last', '203.0.113.1')
    const { PdsError } = await import('../src/errors.ts')
    const fail = (): Promise<never> => Promise.reject(new PdsError('auth-required', 'no'))
    for (const key of ['did:a', 'did:b']) {
      for (let n = 0; n < 50; n++) await brake.guard(key, null, fail).catch(() => {})
    }
    await brake.guard('did:a', '203.0.113.1', wrong).catch(() => {})
    expect(slept).toEqual([])
    await brake.guard('did:b', '203.0.113.1', wrong).catch(() => {})
    expect(slept).toEqual([0])
  })
})

test('records are counted anew for each revision, of two thousand accounts', async () => {
  let counts = 0
  const quotas = createQuotas(
    openQuotas(db),
    { accountBlobQuota: 0, accountRecordQuota: 10 },
    {
      blobs: { bytes: () => 0 },
      records: {
        count: () => {
          counts += 1
          return Promise.resolve(9)
        },
      },
    },
  )
  expect(await codeOf(quotas.check(DID, 'r1', 1))).toBe('fine')
  expect(await codeOf(quotas.check(DID, 'r1', 2))).toBe('quota-exceeded')
  expect(counts).toBe(1)
  await quotas.check(DID, 'r2', 0)
  await quotas.check(DID, 'r2', -1)
  expect(counts).toBe(1)
  await quotas.check(DID, 'r2', 1)
  expect(counts).toBe(2)
  for (let n = 0; n < 2000; n++) await quotas.check(didOf(n), 'r', 1)
  await quotas.check(DID, 'r2', 1)
  expect(counts).toBe(2003)
})

test('two who reserve a key for one DID at once get the same', async () => {
  const keys = createReservedKeys(store, () => time)
  const [one, other] = await Promise.all([keys.reserve(didOf(1)), keys.reserve(didOf(1))])
  expect(one).toBe(other)
  expect(rowsOf('SELECT did FROM reserved_key')).toEqual([{ did: didOf(1) }])
})
