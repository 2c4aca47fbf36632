import { argon2Sync, scryptSync } from 'node:crypto'

import type { AccountFields } from '@avocet/accounts'
import { openAccountStore, type SqliteAccountStore } from '@avocet/accounts/sqlite'
import { openDatabase } from '@avocet/sqlite'
import type { Did, Handle } from '@avocet/syntax'
import { SignJWT } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'

import { createAppPasswords, type AppPasswords } from '../src/accounts/app-passwords.ts'
import { applyChanges } from '../src/accounts/changes.ts'
import { createEmailTokens } from '../src/accounts/email-tokens.ts'
import {
  hashPassword,
  loadNativeArgon2id,
  opensslArgon2id,
  verifyPassword,
} from '../src/accounts/passwords.ts'
import { createSessions, type Sessions } from '../src/accounts/sessions.ts'
import { createTokens, type Tokens } from '../src/auth/tokens.ts'
import { createFactorParts } from './factor-parts.ts'

const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

let time: number
let store: SqliteAccountStore
let appPasswords: AppPasswords
let tokens: Tokens
let sessions: Sessions
let db: ReturnType<typeof openDatabase>
beforeEach(async () => {
  time = Date.parse('2026-01-01T00:00:00Z')
  db = openDatabase({ path: ':memory:' })
  store = openAccountStore(db)
  appPasswords = createAppPasswords(store)
  tokens = createTokens(
    'a secret of some length',
    () => 'did:web:pds.example.com',
    () => time,
  )
  sessions = createSessions(store, appPasswords, tokens, createFactorParts(store).secondFactor, 0, () => time)
  const account = {
    did: DID,
    handle: 'anna.test' as Handle,
    email: 'Anna@Example.com',
    passwordHash: await hashPassword('correct horse'),
    signingKey: new Uint8Array(32),
    createdAt: new Date(time).toISOString(),
    deactivatedAt: null,
  }
  await store.apply([{ type: 'createAccount', account }])
})
const update = (set: Partial<AccountFields>): Promise<unknown> =>
  store.apply([{ type: 'updateAccount', did: DID, set }])

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'fine',
    (error: { code: string }) => error.code,
  )

describe('tokens', () => {
  test('an access token is good for two hours', async () => {
    const token = await tokens.access(DID, 'com.atproto.access')
    expect(await tokens.verifyAccess(token)).toMatchObject({ did: DID, scope: 'com.atproto.access' })
    time += 2 * HOUR - 1000
    expect(await codeOf(tokens.verifyAccess(token))).toBe('fine')
    time += 2000
    expect(await codeOf(tokens.verifyAccess(token))).toBe('expired-token')
  })

  test('a token whose claims are of other types is none, whoever signed it', async () => {
    const odd = (claims: object) =>
      new SignJWT({ scope: 'com.atproto.refresh', jti: 'x', sub: DID, ...claims })
        .setProtectedHeader({ typ: 'refresh+jwt', alg: 'HS256' })
        .setAudience('did:web:pds.example.com')
        .setExpirationTime(new Date(time + HOUR))
        .sign(new TextEncoder().encode('a secret of some length'))
    expect(await codeOf(tokens.verifyRefresh(await odd({})))).toBe('fine')
    for (const claims of [{ sub: { did: DID } }, { sub: 'anna' }, { sub: 7 }, { jti: {} }, { jti: 7 }]) {
      expect(await codeOf(tokens.verifyRefresh(await odd(claims)))).toBe('invalid-token')
    }
  })

  test('a token of another server or another secret is none', async () => {
    const other = createTokens(
      'another secret of some length',
      () => 'did:web:pds.example.com',
      () => time,
    )
    const elsewhere = createTokens(
      'a secret of some length',
      () => 'did:web:other.example.com',
      () => time,
    )
    for (const issuer of [other, elsewhere]) {
      const token = await issuer.access(DID, 'com.atproto.access')
      expect(await codeOf(tokens.verifyAccess(token))).toBe('invalid-token')
    }
    expect(await codeOf(tokens.verifyAccess('x'.repeat(10_000)))).toBe('invalid-token')
  })
})

describe('sessions', () => {
  const login = async (password = 'correct horse') =>
    (await sessions.login('anna@example.COM', password, false)).tokens

  test('a refresh token is good for 90 days, a replaced one for two hours', async () => {
    const first = await login()
    const second = (await sessions.refresh(first.refreshJwt)).tokens
    time += HOUR
    const again = (await sessions.refresh(first.refreshJwt)).tokens
    expect((await tokens.verifyRefresh(again.refreshJwt)).id).toBe(
      (await tokens.verifyRefresh(second.refreshJwt)).id,
    )
    time += HOUR + 1000
    expect(await codeOf(sessions.refresh(first.refreshJwt))).toBe('expired-token')
    time += 80 * DAY
    const third = (await sessions.refresh(second.refreshJwt)).tokens
    time += 91 * DAY
    expect(await codeOf(sessions.refresh(third.refreshJwt))).toBe('expired-token')
    expect(await codeOf(sessions.end(third.refreshJwt))).toBe('fine')
  })

  test('refreshing the successor keeps working while its predecessor is in its grace period', async () => {
    const first = await login()
    const second = (await sessions.refresh(first.refreshJwt)).tokens
    const third = (await sessions.refresh(second.refreshJwt)).tokens
    expect(await codeOf(sessions.refresh(third.refreshJwt))).toBe('fine')
    expect(await codeOf(sessions.refresh(first.refreshJwt))).toBe('fine')
  })

  test('an ended session stays ended, also for the token before it', async () => {
    const first = await login()
    const second = (await sessions.refresh(first.refreshJwt)).tokens
    await sessions.end(second.refreshJwt)
    expect(await codeOf(sessions.refresh(second.refreshJwt))).toBe('expired-token')
    expect(await codeOf(sessions.refresh(first.refreshJwt))).toBe('expired-token')
  })

  test('a session of an app password keeps its scope, and ends when the password is gone', async () => {
    const { password } = await appPasswords.create(DID, 'phone', true)
    const first = await login(password)
    const scope = async (jwt: string): Promise<string> => (await tokens.verifyAccess(jwt)).scope
    expect(await scope(first.accessJwt)).toBe('com.atproto.appPassPrivileged')
    const { tokens: second, withEmail } = await sessions.refresh(first.refreshJwt)
    expect([await scope(second.accessJwt), withEmail]).toEqual(['com.atproto.appPassPrivileged', false])
    // Only the password is removed here: its sessions must not become those of the account.
    await store.apply([{ type: 'removeAppPassword', did: DID, name: 'phone' }])
    expect(await codeOf(sessions.refresh(second.refreshJwt))).toBe('expired-token')
  })

  test('a sign-in that is under way when the password changes does not go through', async () => {
    const passwordHash = await hashPassword('battery staple')
    const underWay = codeOf(sessions.login(DID, 'correct horse', false))
    await store.apply([
      { type: 'updateAccount', did: DID, set: { passwordHash } },
      { type: 'endSessions', did: DID },
    ])
    expect([await underWay, store.sessions.list(DID)]).toEqual(['auth-required', []])
  })

  test('an account that was taken down signs in only to leave', async () => {
    await update({ takedownRef: 'r' })
    expect(await codeOf(sessions.login(DID, 'correct horse', false))).toBe('account-takendown')
    const left = await sessions.login(DID, 'correct horse', true)
    expect((await tokens.verifyAccess(left.tokens.accessJwt)).scope).toBe('com.atproto.takendown')
  })

  test('a failed attempt takes as long as the floor', async () => {
    const slow = createSessions(
      store,
      appPasswords,
      tokens,
      createFactorParts(store).secondFactor,
      120,
      () => time,
    )
    const started = performance.now()
    expect(await codeOf(slow.login('nobody.test', 'x', false))).toBe('auth-required')
    expect(performance.now() - started).toBeGreaterThan(115)
  })
})

test('a mailed code works once, for 15 minutes, for its purpose, account and address alone', async () => {
  const codes = createEmailTokens(store, () => time)
  const email = `${DID.slice(-5)}@example.com`
  await update({ email })
  const codeOfSync = (run: () => unknown): Promise<string> => codeOf(Promise.resolve().then(run))
  const checked = (token: string) => codeOfSync(() => codes.check('reset-password', token))
  const code = await codes.create(DID, 'reset-password', email)
  expect(await codeOfSync(() => codes.check('delete-account', code))).toBe('token-invalid')
  const stranger = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
  expect(await codeOfSync(() => codes.check('reset-password', code, stranger))).toBe('token-invalid')
  expect(
    await codeOfSync(() => applyChanges(store, [codes.spending('reset-password', code, stranger)])),
  ).toBe('token-invalid')
  expect(await codes.check('reset-password', ` ${code.toLowerCase()} `)).toBe(DID)
  await update({ email: `other-${email}` })
  expect(await checked(code)).toBe('token-invalid')
  await update({ email })
  await applyChanges(store, [codes.spending('reset-password', code, DID)])
  expect(await checked(code)).toBe('token-invalid')
  const late = await codes.create(DID, 'reset-password', email)
  time += 15 * 60 * 1000
  expect(await checked(late)).toBe('fine')
  time += 1
  expect(await checked(late)).toBe('token-expired')
  const [first, second] = [
    await codes.create(DID, 'delete-account', email),
    await codes.create(DID, 'delete-account', email),
  ]
  const bothAre = async (outcome: string): Promise<void> => {
    for (const one of [first, second]) {
      expect(await codeOfSync(() => codes.check('delete-account', one))).toBe(outcome)
    }
  }
  await bothAre('fine')
  await store.apply([{ type: 'dropCodes', did: DID, purpose: 'reset-password' }])
  await bothAre('fine')
  await store.apply([{ type: 'dropCodes', did: DID }])
  await bothAre('token-invalid')
})

test('the binding makes the hashes that OpenSSL makes, and OpenSSL does where there is none', async () => {
  expect(loadNativeArgon2id('@node-rs/none-for-this-platform')).toBeNull()
  const native = loadNativeArgon2id()
  if (native === null) return console.log('SKIPPED in part: no binding of argon2 for this platform')
  const salt = Buffer.from('a salt of 16 byt')
  for (const [memory, passes] of [
    [8, 1],
    [9216, 4],
    [12_288, 3],
  ] as const) {
    for (const text of ['', 'correct horse', 'pässwörd 🐎'.repeat(20)]) {
      const message = Buffer.from(text)
      const expected = await opensslArgon2id(message, salt, memory, passes)
      expect(await native(message, salt, memory, passes)).toEqual(expected)
    }
  }
})

test('passwords of every form verify', async () => {
  const hash = await hashPassword('correct horse')
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=9216,t=4,p=1\$/)
  expect(await hashPassword('correct horse')).not.toBe(hash)
  const legacy = `00ff00ff:${scryptSync('correct horse', '00ff00ff', 64).toString('hex')}`
  const nonce = Buffer.from('a salt of 16 byt')
  const tag = argon2Sync('argon2id', {
    message: 'correct horse',
    nonce,
    parallelism: 1,
    tagLength: 32,
    memory: 12_288,
    passes: 3,
  })
  const text = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')
  const former = `$argon2id$v=19$m=12288,t=3,p=1$${text(nonce)}$${text(tag)}`
  for (const known of [hash, former, legacy]) {
    expect(await verifyPassword('correct horse', known)).toBe(true)
    expect(await verifyPassword('correct horsf', known)).toBe(false)
  }
  for (const odd of ['', 'plain', '$argon2id$v=19$m=12288,t=3,p=1$$', `${hash}x`]) {
    expect(await verifyPassword('correct horse', odd)).toBe(false)
  }
})
