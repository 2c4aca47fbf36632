// What a moderator may name, and what the server says of it.
import { afterAll, beforeAll, expect, test } from 'vitest'

import { parseSubject } from '../src/operator/moderation.ts'
import { failure, post, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const cid = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const record = `at://${did}/app.bsky.feed.post/one`
const type = (name: string): string => `com.atproto.${name}`

test.each([
  [
    { $type: type('admin.defs#repoRef'), did },
    { kind: 'account', did },
  ],
  [
    { $type: type('admin.defs#repoBlobRef'), did, cid, recordUri: record },
    { kind: 'blob', did, cid },
  ],
  [
    { $type: type('repo.strongRef'), uri: record, cid },
    { kind: 'record', did, collection: 'app.bsky.feed.post', rkey: 'one' },
  ],
])('%j is a subject', (given, subject) => {
  expect(parseSubject(given)).toEqual(subject)
})

test.each([
  [{}, 'Invalid subject: no $type'],
  [{ $type: 'x', did, cid, uri: record }, 'Invalid subject: x'],
  [{ did, cid, uri: record }, 'Invalid subject: no $type'],
  [
    { $type: type('admin.defs#repoRef'), cid, uri: record },
    'Invalid subject: com.atproto.admin.defs#repoRef',
  ],
  [{ $type: type('admin.defs#repoBlobRef'), did }, 'Invalid subject: com.atproto.admin.defs#repoBlobRef'],
  [{ $type: type('admin.defs#repoBlobRef'), cid }, 'Invalid subject: com.atproto.admin.defs#repoBlobRef'],
  [{ $type: type('repo.strongRef'), did, cid }, 'Invalid subject: com.atproto.repo.strongRef'],
  ...[`at://${did}`, `at://${did}/app.bsky.feed.post`, 'at://alice.test/app.bsky.feed.post/one', 'x'].map(
    (uri): [object, string] => [
      { $type: type('repo.strongRef'), uri, cid },
      `Not the URI of a record: ${uri}`,
    ],
  ),
])('%j is none', (given, message) => {
  expect(() => parseSubject(given)).toThrow(expect.objectContaining({ code: 'invalid-request', message }))
})

let net: TestNetwork
let alice: TestAccount
let uri: string
let blob: string
beforeAll(async () => {
  net = await startNetwork({ config: { inviteRequired: false } })
  alice = await net.account()
  const token = alice.accessJwt
  const input = { repo: alice.did, collection: 'app.bsky.feed.post', record: post('one') }
  uri = (await net.post('com.atproto.repo.createRecord', { token, input })).body.uri
  const uploaded = await net.post('com.atproto.repo.uploadBlob', { token, bytes: new Uint8Array(9) })
  blob = uploaded.body.blob.ref.$link
})
afterAll(() => net[Symbol.asyncDispose]())

const status = (params: Record<string, string>) =>
  net.get('com.atproto.admin.getSubjectStatus', { admin: true, params })
const update = (input: object) => net.post('com.atproto.admin.updateSubjectStatus', { admin: true, input })

test('the state of an account, a record, a blob: taken down by whom, and back', async () => {
  const row = (await net.get('com.atproto.repo.getRecord', { params: { ...partsOf(uri) } })).body
  const subjects: [Record<string, string>, object, object][] = [
    [{ uri }, { $type: type('repo.strongRef'), uri, cid: row.cid }, {}],
    [{ did: alice.did, blob }, { $type: type('admin.defs#repoBlobRef'), did: alice.did, cid: blob }, {}],
    [
      { did: alice.did },
      { $type: type('admin.defs#repoRef'), did: alice.did },
      { deactivated: { applied: false } },
    ],
  ]
  for (const [params, subject, more] of subjects) {
    for (const takedown of [{ applied: true, ref: 'case 7' }, { applied: false }]) {
      expect((await update({ subject, takedown })).body).toEqual({ subject, takedown })
      expect((await status(params)).body).toEqual({ subject, takedown, ...more })
    }
  }
})

test('an account may be deactivated, nothing else may', async () => {
  const subject = { $type: type('admin.defs#repoRef'), did: alice.did }
  for (const applied of [true, false]) {
    expect((await update({ subject, deactivated: { applied } })).status).toBe(200)
    expect((await status({ did: alice.did })).body.deactivated).toEqual({ applied })
  }
  const others = { $type: type('admin.defs#repoBlobRef'), did: alice.did, cid: blob }
  const refused = await update({ subject: others, deactivated: { applied: true } })
  expect([failure(refused), refused.body.message]).toEqual([
    '400 InvalidRequest',
    'Only an account can be deactivated',
  ])
})

test.each([
  [() => ({}), 'InvalidRequest'],
  [() => ({ blob }), 'InvalidRequest'],
  [() => ({ did }), 'NotFound'],
  [() => ({ did: alice.did, blob: cid }), 'NotFound'],
  [() => ({ uri: record }), 'NotFound'],
  [() => ({ uri: `at://${alice.did}` }), 'InvalidRequest'],
])('no state is told of what is not there or not named (%#)', async (params, error) => {
  expect(failure(await status(params() as Record<string, string>))).toBe(`400 ${error}`)
})

test('nothing is taken down that is not there', async () => {
  for (const subject of [
    { $type: type('admin.defs#repoRef'), did },
    { $type: type('admin.defs#repoBlobRef'), did: alice.did, cid },
    { $type: type('repo.strongRef'), uri: `at://${alice.did}/app.bsky.feed.post/none`, cid },
  ]) {
    expect(failure(await update({ subject, takedown: { applied: true } }))).toBe('400 NotFound')
  }
})

function partsOf(text: string): { repo: string; collection: string; rkey: string } {
  const [repo, collection, rkey] = text.slice('at://'.length).split('/') as [string, string, string]
  return { repo, collection, rkey }
}
