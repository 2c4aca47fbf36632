import * as Post from '@avocet/lexicons/app.bsky.feed.post'
import { describe, expect, it } from 'vitest'

import {
  applyWrites,
  buildRecord,
  createClient,
  createRecord,
  deleteRecord,
  putRecord,
  resumeSession,
  unwrap,
  type SessionData,
} from '../src/index.ts'
import { json, listen, type TestServer } from './http.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const uri = `at://${did}/app.bsky.feed.post/3jzfcijpj2z2a`
const cid = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'
const now = new Date('2026-01-02T03:04:05.678Z')
const sent = (server: TestServer): unknown => JSON.parse(server.seen.at(-1)!.body.toString())

describe('buildRecord', () => {
  it('adds $type, and createdAt where the schema wants one', () => {
    expect(buildRecord(Post.main, { text: 'hi' }, now)).toEqual({
      $type: 'app.bsky.feed.post',
      text: 'hi',
      createdAt: '2026-01-02T03:04:05.678Z',
    })
  })

  it('takes a date of its own, as text or as Date, and no text that is none', () => {
    const text = '2020-01-01T00:00:00Z'
    expect(buildRecord(Post.main, { text: '', createdAt: text }, now).createdAt).toBe(text)
    expect(buildRecord(Post.main, { text: '', createdAt: new Date(0) }, now).createdAt).toBe(
      '1970-01-01T00:00:00.000Z',
    )
    expect(() => buildRecord(Post.main, { text: '', createdAt: 'today' }, now)).toThrow(
      expect.objectContaining({
        code: 'invalid-request',
        issues: [expect.objectContaining({ path: '/createdAt' })],
      }) as Error,
    )
  })

  it('refuses what the schema refuses, each fault told', () => {
    expect(() => buildRecord(Post.main, { text: 'x'.repeat(4000), langs: ['no_language'] }, now)).toThrow(
      expect.objectContaining({
        issues: expect.arrayContaining([
          expect.objectContaining({ path: '/text' }),
          expect.objectContaining({ path: '/langs/0' }),
        ]) as unknown,
      }) as Error,
    )
  })
})

describe('writes', () => {
  it('send a record with its place and its conditions, and nothing that was left out', async () => {
    await using server = await listen((_, response) =>
      json(response, { uri, cid, commit: { cid, rev: '3jzfcijpj2z2a' } }),
    )
    const client = createClient({ service: server.url })
    const fields = { text: 'hi', createdAt: now }
    const made = unwrap(await createRecord(client, Post.main, { repo: did }, fields))
    expect(made).toEqual({ uri, cid, rev: '3jzfcijpj2z2a' })
    const record = { $type: 'app.bsky.feed.post', text: 'hi', createdAt: now.toISOString() }
    expect(sent(server)).toEqual({ repo: did, collection: 'app.bsky.feed.post', record })
    unwrap(
      await putRecord(client, Post.main, { repo: did, rkey: 'a' }, fields, {
        swapRecord: null,
        swapCommit: cid,
      }),
    )
    expect(sent(server)).toEqual({
      repo: did,
      collection: 'app.bsky.feed.post',
      rkey: 'a',
      record,
      swapRecord: null,
      swapCommit: cid,
    })
    unwrap(
      await deleteRecord(
        client,
        { repo: did, collection: 'app.bsky.feed.post', rkey: 'a' },
        { swapRecord: cid },
      ),
    )
    expect(sent(server)).toEqual({ repo: did, collection: 'app.bsky.feed.post', rkey: 'a', swapRecord: cid })
  })

  it('send nothing where the schema refuses the record', async () => {
    await using server = await listen((_, response) => json(response, { uri, cid }))
    const client = createClient({ service: server.url })
    const refused = await createRecord(client, Post.main, { repo: did }, { text: 'x'.repeat(4000) })
    expect(!refused.ok && refused.error.code).toBe('invalid-request')
    const writes = [{ action: 'create', schema: Post.main, fields: {} } as const]
    const all = await applyWrites(client, did, writes)
    expect(!all.ok && all.error.code).toBe('invalid-request')
    expect(server.seen).toEqual([])
  })

  it('give one result for each of several, and fail where there are fewer', async () => {
    const results: object[] = [{ uri, cid }, {}]
    await using server = await listen((_, response) =>
      json(response, { commit: { cid, rev: '3jzfcijpj2z2a' }, results }),
    )
    const client = createClient({ service: server.url })
    const writes = [
      { action: 'create', schema: Post.main, fields: { text: 'hi', createdAt: now } },
      { action: 'delete', schema: Post.main, rkey: 'a' },
    ] as const
    expect(unwrap(await applyWrites(client, did, writes))).toEqual([{ uri, cid, rev: '3jzfcijpj2z2a' }, null])
    expect(sent(server)).toMatchObject({
      repo: did,
      writes: [
        {
          $type: 'com.atproto.repo.applyWrites#create',
          collection: 'app.bsky.feed.post',
          value: { text: 'hi' },
        },
        { $type: 'com.atproto.repo.applyWrites#delete', collection: 'app.bsky.feed.post', rkey: 'a' },
      ],
    })
    results.pop()
    const short = await applyWrites(client, did, writes)
    expect(!short.ok && short.error.code).toBe('invalid-response')
  })

  it.each([{}, { uri: 'https://example.com', cid }, { uri }])(
    'fail for an answer that names no record: %j',
    async (answer) => {
      await using server = await listen((_, response) => json(response, answer))
      const client = createClient({ service: server.url })
      const made = await createRecord(client, Post.main, { repo: did }, { text: 'hi' })
      expect(!made.ok && made.error.code).toBe('invalid-response')
    },
  )
})

describe('a session of tokens alone', () => {
  const data = (service: string): SessionData => ({
    did,
    handle: 'alice.test',
    accessJwt: 'a',
    refreshJwt: 'r',
    service,
  })

  it('calls with the access token, and asks nothing before', async () => {
    await using server = await listen((_, response) => json(response, {}))
    const session = resumeSession(data(server.url))
    expect([session.did, session.url, server.seen.length]).toEqual([did, server.url, 0])
    await createClient({ service: session }).request({ nsid: 'com.example.get', type: 'query' })
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer a'])
  })

  it('is over, and forgotten, when its refresh token is refused; not when the service is down', async () => {
    const answer = { status: 503 }
    await using server = await listen((_, response) =>
      json(response, { error: 'ExpiredToken', message: '' }, answer.status),
    )
    const saved: unknown[] = []
    const store = { load: async () => null, save: async (kept: SessionData | null) => void saved.push(kept) }
    const session = resumeSession(data(server.url), { store })
    await expect(session.refresh()).rejects.toMatchObject({ status: 503 })
    expect([session.data, saved]).toEqual([data(server.url), []])
    answer.status = 400
    await expect(session.refresh()).rejects.toMatchObject({ status: 400, error: 'ExpiredToken' })
    expect([session.data, saved]).toEqual([null, [null]])
    expect(session.did).toBe(did)
    await expect(session.fetch(`${server.url}/xrpc/com.example.get`, {})).rejects.toMatchObject({
      code: 'invalid-request',
    })
  })
})
