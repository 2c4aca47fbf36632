import type { Did, Handle } from '@avocet/syntax'
import { describe, expect, test } from 'vitest'

import { createResolveActor } from '../src/identity/actors.ts'
import { createHandlePolicy } from '../src/identity/handles.ts'
import { hasSlur } from '../src/identity/slurs.ts'
import { failure, post, startNetwork } from './network.ts'

const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const OTHER: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
/** The words are not written here either. */
const rot13 = (text: string): string =>
  text.replace(/[a-z]/g, (letter) => String.fromCharCode(((letter.charCodeAt(0) - 97 + 13) % 26) + 97))

describe('a handle', () => {
  const policy = createHandlePolicy(['.pds.example.com'], () => Promise.resolve(DID))
  const check = (handle: string, did: Did | null = DID, byOperator = false): Promise<string> =>
    policy.check(handle, did, byOperator).catch((error: { code: string; message: string }) => error.message)
  const local = (label: string, byOperator = false) => check(`${label}.pds.example.com`, null, byOperator)

  test('of the server’s own has three to eighteen letters in front of the domain', async () => {
    expect(await local('ab')).toBe('Handle too short')
    for (const label of ['abc', 'a'.repeat(18)]) expect(await local(label)).toBe(`${label}.pds.example.com`)
    expect(await local('a'.repeat(19))).toBe('Handle too long')
    expect(await local('abc.def')).toBe('Invalid characters in handle')
    expect(await local('ABC')).toBe('abc.pds.example.com')
  })

  test('that the world takes for somebody is the operator’s to give, with hyphens or without', async () => {
    for (const label of ['bluesky', 'blue-sky', 'micro-soft', 'admin']) {
      expect([label, await local(label)]).toEqual([label, 'Reserved handle'])
      expect(await local(label, true)).toBe(`${label}.pds.example.com`)
    }
  })

  test('of one’s own domain points at the account, and is a domain', async () => {
    expect(await check('alice.example.com')).toBe('alice.example.com')
    expect(await check('alice.example.com', OTHER)).toBe('External handle did not resolve to DID')
    expect(await check('alice.example.com', null)).toBe('Not a supported handle domain')
    for (const name of ['alice.local', 'alice.internal', 'alice.onion', 'alice.invalid']) {
      expect([name, await check(name)]).toEqual([name, 'Handle TLD is invalid or disallowed'])
    }
  })
})

test('a slur is one with letters repeated, with digits for letters, cut in two', () => {
  const [word, part] = ['pbba', 'avttre'].map(rot13) as [string, string]
  for (const text of [
    word,
    `${word}s`,
    word.replace('oo', 'oooo'),
    word.replace('oo', '00'),
    `${word.slice(0, 2)}-${word.slice(2)}`,
    part.replace('gg', 'ggggg'),
    `x${part}x`,
  ]) {
    expect(hasSlur(`${text}.test`)).toBe(true)
  }
  expect(hasSlur(`${word}cat.test`)).toBe(false)
})

test('a handle counts only if it points back', async () => {
  const dids = {
    resolve: (did: Did) =>
      Promise.resolve({ ok: true, value: { id: did, alsoKnownAs: ['at://alice.test'] } }),
  }
  const resolve = createResolveActor(dids as never, (handle: Handle) =>
    Promise.resolve(handle === 'alice.test' ? DID : null),
  )
  expect(await resolve(DID, false)).toMatchObject({ did: DID, handle: 'alice.test' })
  expect(await resolve('Alice.test', false)).toMatchObject({ did: DID, handle: 'alice.test' })
  expect(await resolve(OTHER, false)).toMatchObject({ did: OTHER, handle: 'handle.invalid' })
  await expect(resolve('nobody.test', false)).rejects.toMatchObject({ code: 'handle-not-found' })
})

test('a new handle is shown at once, also where the document was just asked for', async () => {
  await using net = await startNetwork()
  const account = await net.account()
  const document = async () =>
    (await net.get('com.atproto.identity.resolveDid', { params: { did: account.did } })).body.didDoc
  expect((await document()).alsoKnownAs).toEqual([`at://${account.handle}`])
  const handle = `new${account.handle}`
  const changed = await net.post('com.atproto.identity.updateHandle', {
    token: account.accessJwt,
    input: { handle },
  })
  expect(failure(changed)).toBe('200 ')
  expect((await document()).alsoKnownAs).toEqual([`at://${handle}`])
  const described = await net.get('com.atproto.repo.describeRepo', { params: { repo: account.did } })
  expect(described.body).toMatchObject({ handle, handleIsCorrect: true })
})

test('a record key that is a timestamp says nothing, another may not be a slur', async () => {
  await using net = await startNetwork({ inProcess: true })
  const account = await net.account()
  const write = async (rkey: string): Promise<string> =>
    failure(
      await net.post('com.atproto.repo.createRecord', {
        token: account.accessJwt,
        input: { repo: account.did, collection: 'com.example.note', rkey, record: post('x') && {} },
      }),
    )
  expect(await write(`2222222${rot13('avttre')}`)).toBe('200 ')
  expect(await write(`x-${rot13('avttre')}`)).toBe('400 InvalidRequest')
})
