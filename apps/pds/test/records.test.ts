import { createHash } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { failure, post, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

describe.each([
  ['over HTTP', false],
  ['in process', true],
])('records %s', (_, inProcess) => {
  let net: TestNetwork
  let alice: TestAccount
  beforeAll(async () => {
    net = await startNetwork({ inProcess })
    alice = await net.account()
  })
  afterAll(() => net[Symbol.asyncDispose]())

  const write = (method: string, input: Record<string, unknown>, token = alice.accessJwt) =>
    net.post(`com.atproto.repo.${method}`, { token, input: { repo: alice.did, ...input } })
  const create = (collection: string, record: unknown, more: Record<string, unknown> = {}) =>
    write('createRecord', { collection, record, ...more })
  const read = (collection: string, rkey: string) =>
    net.get('com.atproto.repo.getRecord', { params: { repo: alice.did, collection, rkey } })
  const head = async (): Promise<{ cid: string; rev: string }> =>
    (await net.get('com.atproto.sync.getLatestCommit', { params: { did: alice.did } })).body
  const keyOf = (uri: string): string => uri.split('/').at(-1)!

  test('a record is written, read, listed, replaced and deleted', async () => {
    const made = await create('app.bsky.feed.post', post('hello'))
    expect(made.status).toBe(200)
    expect(made.body).toMatchObject({ validationStatus: 'valid', commit: await head() })
    const rkey = keyOf(made.body.uri)
    expect((await read('app.bsky.feed.post', rkey)).body).toEqual({
      uri: made.body.uri,
      cid: made.body.cid,
      value: post('hello'),
    })
    const put = await write('putRecord', { collection: 'app.bsky.feed.post', rkey, record: post('again') })
    expect(put.body.cid).not.toBe(made.body.cid)
    const { body } = await net.get('com.atproto.repo.listRecords', {
      params: { repo: alice.handle, collection: 'app.bsky.feed.post', limit: 1 },
    })
    expect(body).toMatchObject({ records: [{ cid: put.body.cid, value: post('again') }], cursor: rkey })
    expect((await write('deleteRecord', { collection: 'app.bsky.feed.post', rkey })).body.commit).toEqual(
      await head(),
    )
    expect(failure(await read('app.bsky.feed.post', rkey))).toBe('400 RecordNotFound')
  })

  test('a put of the same record and a deletion of none make no commit', async () => {
    const write1 = { collection: 'app.bsky.actor.profile', rkey: 'self', record: { displayName: 'Alice' } }
    const first = await write('putRecord', write1)
    const before = await head()
    const second = await write('putRecord', write1)
    expect(second.status).toBe(200)
    expect(second.body).toEqual({ uri: first.body.uri, cid: first.body.cid, validationStatus: 'valid' })
    const missing = await write('deleteRecord', { collection: 'app.bsky.feed.post', rkey: 'nothing' })
    expect([missing.status, missing.body]).toEqual([200, {}])
    expect(await head()).toEqual(before)
  })

  test('pages of listRecords go both ways and end', async () => {
    const collection = 'com.example.page'
    for (const rkey of ['a', 'b', 'c', 'd', 'e']) await create(collection, { n: rkey }, { rkey })
    const walk = async (reverse: boolean): Promise<string[]> => {
      const keys: string[] = []
      for (let cursor: string | undefined; ;) {
        const params = {
          repo: alice.did,
          collection,
          limit: 2,
          reverse,
          ...(cursor === undefined ? {} : { cursor }),
        }
        const { body } = await net.get('com.atproto.repo.listRecords', { params })
        keys.push(...body.records.map(({ uri }: { uri: string }) => keyOf(uri)))
        cursor = body.cursor
        if (cursor === undefined) return keys
      }
    }
    expect(await walk(false)).toEqual(['e', 'd', 'c', 'b', 'a'])
    expect(await walk(true)).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('what the lexicon says counts, unless the client says otherwise', async () => {
    const unknown = { $type: 'com.example.note', text: 'x' }
    const invalid = { ...post('x'), text: 1 }
    expect((await create('com.example.note', unknown)).body.validationStatus).toBe('unknown')
    expect(
      (await create('com.example.note', unknown, { validate: false })).body.validationStatus,
    ).toBeUndefined()
    expect(failure(await create('com.example.note', unknown, { validate: true }))).toBe('400 InvalidRequest')
    expect(failure(await create('app.bsky.feed.post', invalid))).toBe('400 InvalidRequest')
    expect((await create('app.bsky.feed.post', invalid, { validate: false })).status).toBe(200)
  })

  test.each([
    ['a float', { collection: 'com.example.x', record: { n: 1.5 } }, '400 InvalidRequest'],
    ['a record key of dots', { collection: 'com.example.x', rkey: '..', record: {} }, '400 InvalidRequest'],
    [
      'a key the lexicon forbids',
      { collection: 'app.bsky.feed.post', rkey: 'mine', record: post('x') },
      '400 InvalidRequest',
    ],
    [
      'another $type',
      { collection: 'com.example.x', record: { $type: 'com.example.y' } },
      '400 InvalidRequest',
    ],
    ['a bad collection', { collection: 'posts', record: {} }, '400 InvalidRequest'],
    [
      'a legacy blob',
      {
        collection: 'com.example.x',
        record: {
          a: { cid: 'bafkreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm', mimeType: 'image/png' },
        },
      },
      '400 InvalidRequest',
    ],
    [
      'a wrong swapCommit',
      {
        collection: 'com.example.x',
        record: {},
        swapCommit: 'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm',
      },
      '400 InvalidSwap',
    ],
    [
      '1.1 MB',
      { collection: 'com.example.x', record: { text: 'x'.repeat(1_100_000) } },
      '413 PayloadTooLarge',
    ],
    [
      'more than 1 MB of CBOR',
      { collection: 'com.example.x', record: { text: 'x'.repeat(1_000_001) } },
      '413 PayloadTooLarge',
    ],
  ])('createRecord refuses %s', async (_name, input, expected) => {
    expect(failure(await write('createRecord', input))).toBe(expected)
  })

  test('a key is used once, a repository written by its owner alone', async () => {
    expect((await create('com.example.x', {}, { rkey: 'once' })).status).toBe(200)
    const twice = await create('com.example.x', { other: true }, { rkey: 'once' })
    expect(twice.status).toBe(400)
    expect(twice.body.message).toContain('already exists')
    const bob = await net.account()
    const foreign = await write('createRecord', { collection: 'com.example.x', record: {} }, bob.accessJwt)
    expect(failure(foreign)).toBe('403 AccountNotFound')
    const input = { repo: alice.did, collection: 'com.example.x', record: {} }
    expect(failure(await net.post('com.atproto.repo.createRecord', { input }))).toBe('401 AuthMissing')
  })

  test('swapRecord guards a put and a deletion', async () => {
    const { body } = await create('com.example.x', { n: 1 }, { rkey: 'guarded' })
    const input = { collection: 'com.example.x', rkey: 'guarded', record: { n: 2 } }
    expect(failure(await write('putRecord', { ...input, swapRecord: null }))).toBe('400 InvalidSwap')
    const put = await write('putRecord', { ...input, swapRecord: body.cid })
    expect(put.status).toBe(200)
    const remove = { collection: 'com.example.x', rkey: 'guarded' }
    expect(failure(await write('deleteRecord', { ...remove, swapRecord: body.cid }))).toBe('400 InvalidSwap')
    expect((await write('deleteRecord', { ...remove, swapRecord: put.body.cid })).status).toBe(200)
    expect(failure(await write('putRecord', { ...input, swapRecord: put.body.cid }))).toBe('400 InvalidSwap')
    expect((await write('putRecord', { ...input, swapRecord: null })).status).toBe(200)
  })

  const apply = (...writes: Record<string, unknown>[]) =>
    write('applyWrites', {
      writes: writes.map(({ do: action, ...item }) => ({
        $type: `com.atproto.repo.applyWrites#${action as string}`,
        collection: 'com.example.batch',
        ...item,
      })),
    })

  test('applyWrites is one commit, all or nothing', async () => {
    const made = await apply(
      { do: 'create', rkey: 'one', value: { n: 1 } },
      { do: 'create', value: { n: 2 } },
    )
    expect(made.body.commit).toEqual(await head())
    expect(made.body.results).toMatchObject([
      { $type: 'com.atproto.repo.applyWrites#createResult', validationStatus: 'unknown' },
      { $type: 'com.atproto.repo.applyWrites#createResult' },
    ])
    const before = await head()
    const refused = await apply(
      { do: 'update', rkey: 'one', value: { n: 9 } },
      { do: 'delete', rkey: 'none' },
    )
    expect(failure(refused)).toBe('400 RecordNotFound')
    expect(await head()).toEqual(before)
    expect((await read('com.example.batch', 'one')).body.value).toEqual({ $type: 'com.example.batch', n: 1 })
    const mixed = await apply(
      { do: 'update', rkey: 'one', value: { n: 3 } },
      { do: 'create', rkey: 'x', value: {} },
    )
    expect(mixed.status).toBe(200)
    expect((await apply({ do: 'delete', rkey: 'one' }, { do: 'delete', rkey: 'x' })).body.results).toEqual([
      { $type: 'com.atproto.repo.applyWrites#deleteResult' },
      { $type: 'com.atproto.repo.applyWrites#deleteResult' },
    ])
  })

  test.each([
    ['an update of none', [{ do: 'update', rkey: 'none', value: {} }], '400 RecordNotFound'],
    [
      'two writes to one path',
      [
        { do: 'create', rkey: 'z', value: {} },
        { do: 'delete', rkey: 'z' },
      ],
      '400 InvalidRequest',
    ],
    ['201 writes', Array.from({ length: 201 }, () => ({ do: 'create', value: {} })), '400 InvalidRequest'],
  ])('applyWrites refuses %s', async (_name, writes, expected) => {
    expect(failure(await apply(...writes))).toBe(expected)
  })

  test('200 writes are taken, and an empty list makes no commit', async () => {
    const many = Array.from({ length: 200 }, (_n, i) => ({ do: 'create', rkey: `n${i}`, value: { i } }))
    expect((await apply(...many)).body.results).toHaveLength(200)
    const before = await head()
    expect((await apply()).body).toEqual({ results: [] })
    expect(await head()).toEqual(before)
  })

  test('liking or following twice leaves one record', async () => {
    const subject = { uri: `at://${alice.did}/app.bsky.feed.post/x`, cid: (await head()).cid }
    const like = { $type: 'app.bsky.feed.like', subject, createdAt: '2026-01-01T00:00:00.000Z' }
    const first = await create('app.bsky.feed.like', like)
    const second = await create('app.bsky.feed.like', like)
    const list = await net.get('com.atproto.repo.listRecords', {
      params: { repo: alice.did, collection: 'app.bsky.feed.like' },
    })
    expect(list.body.records.map(({ uri }: { uri: string }) => uri)).toEqual([second.body.uri])
    expect(failure(await read('app.bsky.feed.like', keyOf(first.body.uri)))).toBe('400 RecordNotFound')
    await create('app.bsky.feed.like', like, { validate: false })
    const after = await net.get('com.atproto.repo.listRecords', {
      params: { repo: alice.did, collection: 'app.bsky.feed.like' },
    })
    expect(after.body.records).toHaveLength(2)
  })

  test('writes to one repository at the same time all land, one after another', async () => {
    const before = await head()
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_n, i) => create('com.example.race', { i }, { rkey: `r${i}` })),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    const revs = answers.map(({ body }) => body.commit.rev as string)
    expect(new Set(revs).size).toBe(40)
    expect(revs.every((rev) => rev > before.rev)).toBe(true)
    expect((await head()).rev).toBe(revs.toSorted().at(-1))
  })

  test('describeRepo names the collections; the names of unknown repositories', async () => {
    const bob = await net.account()
    await net.post('com.atproto.repo.createRecord', {
      token: bob.accessJwt,
      input: { repo: bob.handle, collection: 'app.bsky.feed.post', record: post('hi') },
    })
    const { body } = await net.get('com.atproto.repo.describeRepo', { params: { repo: bob.handle } })
    expect(body).toMatchObject({
      did: bob.did,
      handle: bob.handle,
      collections: ['app.bsky.feed.post'],
      handleIsCorrect: true,
      didDoc: { id: bob.did },
    })
    const unknown = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
    const describeUnknown = await net.get('com.atproto.repo.describeRepo', {
      params: { repo: 'nobody.test' },
    })
    expect(failure(describeUnknown)).toBe('400 RepoNotFound')
    const list = await net.get('com.atproto.repo.listRecords', {
      params: { repo: unknown, collection: 'a.b.c' },
    })
    expect(failure(list)).toBe('400 InvalidRequest')
    const get = await net.get('com.atproto.repo.getRecord', {
      params: { repo: unknown, collection: 'app.bsky.feed.post', rkey: 'x' },
    })
    expect(failure(get)).toBe('400 InvalidRequest')
    expect(get.body.message).toBe('Could not locate record')
    const resolved = await net.get('com.atproto.identity.resolveHandle', { params: { handle: bob.handle } })
    expect(resolved.body).toEqual({ did: bob.did })
    const nobody = await net.get('com.atproto.identity.resolveHandle', { params: { handle: 'nobody.test' } })
    expect(failure(nobody)).toBe('400 HandleNotFound')
  })
})

test('a write that would make a tree node nobody could read is refused, and the account goes on', async () => {
  await using net = await startNetwork({ inProcess: true })
  const { accessJwt: token, did } = await net.account()
  const collection = 'com.example.note'
  const write = (from: number, count: number) =>
    net.post('com.atproto.repo.applyWrites', {
      token,
      input: {
        repo: did,
        validate: false,
        writes: rkeys.slice(from, from + count).map((rkey) => ({
          $type: 'com.atproto.repo.applyWrites#create',
          collection,
          rkey,
          value: {},
        })),
      },
    })
  // Keys of one layer, beside which nothing comes to stand: the layer is a key's SHA-256, two zero bits each.
  const rkeys: string[] = []
  for (let i = 1000; rkeys.length < 1800; i++) {
    const rkey = `${i}${'x'.repeat(500)}`
    if (createHash('sha256').update(`${collection}/${rkey}`).digest()[0]! >= 0x40) rkeys.push(rkey)
  }
  for (let from = 0; from < 1600; from += 200) expect((await write(from, 200)).status).toBe(200)
  expect(failure(await write(1600, 200))).toBe('400 InvalidRequest')
  expect((await write(1600, 50)).status).toBe(200)
  const params = { did }
  expect((await net.get('com.atproto.sync.getRepo', { params })).status).toBe(200)
})
