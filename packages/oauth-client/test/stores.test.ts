// What every store of sign-ins and sessions has to do.
import { openDatabase, type Database } from '@avocet/sqlite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createDpopKey, thumbprint } from '../src/dpop-key.ts'
import {
  createMemoryStores,
  decodeSession,
  decodeState,
  encodeSession,
  type OAuthStores,
  type SessionData,
  type StateData,
} from '../src/index.ts'
import { createFileStores } from '../src/loopback/index.ts'
import { openSqliteStores } from '../src/sqlite/index.ts'
import { ALICE, BOB, createWorld, valueOf } from './world.ts'

let folder: string
let db: Database | null
let time: number
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'avocet-oauth-stores-'))
  db = null
  time = 1000
})
afterEach(() => {
  db?.close()
  rmSync(folder, { recursive: true })
})

const makers: [string, () => OAuthStores][] = [
  ['memory', createMemoryStores],
  ['a file', () => createFileStores(join(folder, 'sessions.json'))],
  [
    'SQLite',
    () => {
      db = openDatabase({ path: join(folder, 'sessions.sqlite') })
      return openSqliteStores(db, { now: () => time })
    },
  ],
]

const key = await createDpopKey(true)
const session = (changes: Partial<SessionData> = {}): SessionData => ({
  id: 'one',
  did: ALICE,
  issuer: 'https://pds.example.com',
  pds: 'https://pds.example.com',
  scope: 'atproto',
  accessToken: 'access',
  refreshToken: 'refresh',
  expiresAt: 5,
  key,
  clientKeyId: null,
  createdAt: 1,
  updatedAt: 2,
  ...changes,
})
const state: StateData = {
  issuer: 'https://pds.example.com',
  key,
  verifier: 'verifier',
  redirectUri: 'https://app.example.com/',
  did: null,
  clientKeyId: 'key-1',
  appState: 'here',
  expiresAt: 2000,
}
/** Without what cannot be compared: the key by its thumbprint. */
const plain = async (data: { key: SessionData['key'] } | null): Promise<unknown> =>
  data && { ...data, key: await thumbprint(data.key) }

describe.each(makers)('a store in %s', (_, make) => {
  it('gives a sign-in once, of many who ask at once', async () => {
    const { states } = make()
    await states.set('a', state)
    const taken = await Promise.all([states.take('a'), states.take('a'), states.take('a')])
    const found = taken.filter((data) => data !== null)
    expect(found).toHaveLength(1)
    expect(await plain(found[0]!)).toEqual(await plain(state))
    expect(await states.take('b')).toBeNull()
  })

  it('keeps sessions by id, finds them by account, and forgets them', async () => {
    const { sessions } = make()
    const other = session({ id: 'two', refreshToken: null, expiresAt: null, clientKeyId: 'key-1' })
    await sessions.set(session({ accessToken: 'old' }))
    await sessions.set(session())
    await sessions.set(other)
    await sessions.set(session({ id: 'three', did: BOB }))
    expect(await plain(await sessions.get('one'))).toEqual(await plain(session()))
    expect(await plain(await sessions.get('two'))).toEqual(await plain(other))
    expect((await sessions.list(ALICE)).map(({ id }) => id).toSorted()).toEqual(['one', 'two'])
    expect((await sessions.list()).map(({ id }) => id).toSorted()).toEqual(['one', 'three', 'two'])
    await sessions.delete('one')
    await sessions.delete('one')
    expect(await sessions.get('one')).toBeNull()
  })
})

describe('SQLite', () => {
  it('forgets sign-ins that nobody came back for, at their time and not before', async () => {
    const { states } = makers[2]![1]()
    await states.set('a', state)
    time = 1999
    await states.set('b', { ...state, expiresAt: 9000 })
    const count = (): unknown => db!.prepare('SELECT count(*) AS n FROM oauth_client_state').get()!['n']
    expect(count()).toBe(2)
    time = 2000
    await states.set('c', { ...state, expiresAt: 9000 })
    expect(count()).toBe(2)
    expect(await states.take('a')).toBeNull()
  })

  it('keeps sessions through a restart, with keys that still prove', async () => {
    const world = await createWorld()
    const path = join(folder, 'restart.sqlite')
    const first = openDatabase({ path })
    const { id } = await world.signIn(world.client({ stores: openSqliteStores(first) }))
    first.close()
    db = openDatabase({ path })
    const again = valueOf(await world.client({ stores: openSqliteStores(db) }).restore(id))
    world.advance(3600)
    expect((await again.fetch('/xrpc/a.b.c')).status).toBe(200)
    await world.close()
  })
})

describe('a text of a session', () => {
  it.each([
    'not JSON',
    '[]',
    '{}',
    '{"version":2}',
    '{"version":1,"key":{}}',
    '{"version":1,"key":{"kty":"RSA"}}',
  ])('of %j is none', async (text) => {
    expect(await decodeSession(text)).toBeNull()
    expect(await decodeState(text)).toBeNull()
  })

  it.each([
    ['did', 'alice'],
    ['accessToken', 7],
    ['refreshToken', undefined],
    ['expiresAt', 'soon'],
    ['createdAt', null],
  ])('with a %s of %j is none', async (field, value) => {
    const fields = JSON.parse(await encodeSession(session())) as object
    expect(await decodeSession(JSON.stringify({ ...fields, [field]: value }))).toBeNull()
  })

  it('is not made of a key that must not leave', async () => {
    const locked = await createDpopKey(false)
    await expect(encodeSession(session({ key: locked }))).rejects.toThrow(/extractable/)
  })
})
