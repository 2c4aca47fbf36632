import type { LookupTxt } from '@avocet/did'
import { expect, onTestFinished, test, vi } from 'vitest'

import { failure, startNetwork } from './network.ts'

const NSID = 'org.example.note'
const schema = {
  $type: 'com.atproto.lexicon.schema',
  lexicon: 1,
  id: NSID,
  defs: {
    main: {
      type: 'record',
      key: 'any',
      record: {
        type: 'object',
        required: ['title', 'by'],
        properties: {
          title: { type: 'string', maxLength: 10 },
          by: { type: 'ref', ref: 'org.example.defs#author' },
          about: { type: 'ref', ref: 'com.atproto.repo.strongRef' },
        },
      },
    },
  },
}
const defs = {
  $type: 'com.atproto.lexicon.schema',
  lexicon: 1,
  id: 'org.example.defs',
  defs: { author: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } },
}

test('a lexicon published by an account is found by DNS and proved, and obeyed when the client asks for it', async () => {
  // The clocks alone: timers go on.
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const names = new Map<string, string>()
  const asked: string[] = []
  const lookupTxt: LookupTxt = (name) => {
    asked.push(name)
    const did = names.get(name)
    return Promise.resolve({ ok: true, value: did === undefined ? [] : [`did=${did}`] })
  }
  await using net = await startNetwork({ config: { resolveLexicons: true }, lookupTxt })
  const author = await net.account()
  names.set('_lexicon.example.org', author.did)
  for (const record of [schema, defs]) {
    const input = { repo: author.did, collection: record.$type, rkey: record.id, record }
    const made = await net.post('com.atproto.repo.putRecord', { token: author.accessJwt, input })
    expect(made.status).toBe(200)
  }
  const write = (collection: string, record: object, validate?: boolean) =>
    net.post('com.atproto.repo.createRecord', {
      token: author.accessJwt,
      input: { repo: author.did, collection, record, ...(validate === undefined ? {} : { validate }) },
    })
  const good = { title: 'short', by: { name: 'me' } }
  expect((await write(NSID, good, true)).body).toMatchObject({ validationStatus: 'valid' })
  const tooLong = { ...good, title: 'much too long' }
  expect(failure(await write(NSID, tooLong, true))).toBe('400 InvalidRequest')
  const wrong = await write(NSID, { ...good, by: {} }, true)
  expect(wrong.body.message).toContain('at $.record.by')
  expect((await write(NSID, { ...good, by: {} }, false)).status).toBe(200)
  // Who does not ask gets an opinion, not a refusal: the record is as good as it was before the lexicon was published.
  expect((await write(NSID, good)).body).toMatchObject({ validationStatus: 'valid' })
  expect((await write(NSID, tooLong)).body).toMatchObject({ validationStatus: 'unknown' })
  // Nor does its record key bind anybody.
  const single = {
    ...schema,
    id: 'org.example.single',
    defs: { main: { ...schema.defs.main, key: 'literal:self' } },
  }
  const published = { repo: author.did, collection: single.$type, rkey: single.id, record: single }
  await net.post('com.atproto.repo.putRecord', { token: author.accessJwt, input: published })
  expect((await write('org.example.single', good, true)).body.uri).toMatch(/\/self$/)
  const keyed = await write('org.example.single', good)
  expect(keyed.body).toMatchObject({ validationStatus: 'unknown' })
  expect(keyed.body.uri).not.toMatch(/\/self$/)
  const input = { repo: author.did, collection: 'org.example.single', rkey: 'other', record: good }
  const put = (validate: object) =>
    net.post('com.atproto.repo.putRecord', { token: author.accessJwt, input: { ...input, ...validate } })
  expect((await put({})).body).toMatchObject({ validationStatus: 'unknown' })
  expect(failure(await put({ validate: true }))).toBe('400 InvalidRequest')
  // What comes with the server binds, as everywhere.
  expect(failure(await write('app.bsky.feed.post', { text: 1 }))).toBe('400 InvalidRequest')
  const times = asked.filter((name) => name === '_lexicon.example.org').length
  await write(NSID, good)
  expect(asked.filter((name) => name === '_lexicon.example.org')).toHaveLength(times)

  // While it is looked up anew, what is known of it counts.
  vi.advanceTimersByTime(11 * 60_000)
  expect((await write(NSID, good)).body).toMatchObject({ validationStatus: 'valid' })
  await expect
    .poll(() => asked.filter((name) => name === '_lexicon.example.org').length)
    .toBeGreaterThan(times)

  expect((await write('org.nowhere.thing', {})).body).toMatchObject({ validationStatus: 'unknown' })
  const unknown = await write('org.nowhere.thing', {}, true)
  expect(unknown.body).toEqual({
    error: 'InvalidRequest',
    message: 'Unknown lexicon type: org.nowhere.thing',
  })
})

test('a handle of one’s own domain counts when its DNS record points at the account', async () => {
  const names = new Map<string, string>()
  const lookupTxt: LookupTxt = (name) => {
    const did = names.get(name)
    return Promise.resolve({ ok: true, value: did === undefined ? [] : [`did=${did}`] })
  }
  await using net = await startNetwork({ lookupTxt })
  const account = await net.account()
  const change = () =>
    net.post('com.atproto.identity.updateHandle', {
      token: account.accessJwt,
      input: { handle: 'Alice.example.com' },
    })
  expect(failure(await change())).toBe('400 InvalidHandle')
  names.set('_atproto.alice.example.com', account.did)
  expect((await change()).status).toBe(200)
  const resolved = await net.get('com.atproto.identity.resolveIdentity', {
    params: { identifier: account.did },
  })
  expect(resolved.body).toMatchObject({ did: account.did, handle: 'alice.example.com' })
})
