import { catalog } from '@avocet/lexicons/catalog'
import {
  ComAtprotoIdentityResolveHandle,
  ComAtprotoRepoCreateRecord,
  ComAtprotoRepoGetRecord,
  ComAtprotoRepoListRecords,
  ComAtprotoRepoUploadBlob,
  ComAtprotoServerDeleteSession,
  ComAtprotoServerGetSession,
  ComAtprotoSyncGetRepo,
  ComAtprotoSyncSubscribeRepos,
} from '@avocet/lexicons/com.atproto'
import { expect, expectTypeOf, it } from 'vitest'
import {
  createClient,
  createRpc,
  getRecord,
  items,
  listRecords,
  pages,
  passwordSession,
  resumeSession,
  subscribe,
  unwrap,
  type XrpcClientError,
} from '../src/index.ts'

// Checked by the compiler; nothing is called.
const client = createClient({ service: 'https://pds.example.com' })
const checks = [
  async () => {
    const listed = await client.call(ComAtprotoRepoListRecords.main, {
      params: { repo: 'alice.example.com', collection: 'app.bsky.feed.post' },
    })
    if (listed.ok) expectTypeOf(listed.value.cursor).toEqualTypeOf<string | undefined>()
    expectTypeOf(unwrap(listed).records[0]!.uri).toEqualTypeOf<`at://${string}`>()
  },
  async () => {
    // Nothing is required, so options may be left out.
    expectTypeOf(
      unwrap(await client.call(ComAtprotoServerGetSession.main)).did,
    ).toEqualTypeOf<`did:${string}:${string}`>()
    expectTypeOf(unwrap(await client.call(ComAtprotoServerDeleteSession.main))).toEqualTypeOf<undefined>()
    // @ts-expect-error -- a required parameter is missing
    await client.call(ComAtprotoRepoListRecords.main, { params: { repo: 'alice.example.com' } })
    // @ts-expect-error -- parameters are required
    await client.call(ComAtprotoRepoListRecords.main)
    // @ts-expect-error -- not a handle, not a DID
    await client.call(ComAtprotoRepoListRecords.main, { params: { repo: 'alice', collection: 'a.b.c' } })
  },
  async () => {
    const input = { repo: 'alice.example.com', collection: 'app.bsky.feed.post', record: {} } as const
    expectTypeOf(
      unwrap(await client.call(ComAtprotoRepoCreateRecord.main, { input })).cid,
    ).toEqualTypeOf<string>()
    // @ts-expect-error -- input is required
    await client.call(ComAtprotoRepoCreateRecord.main, {})
  },
  async () => {
    const blob = await client.call(ComAtprotoRepoUploadBlob.main, {
      input: new Uint8Array(),
      encoding: 'image/png',
    })
    expectTypeOf(unwrap(blob).blob.size).toEqualTypeOf<number>()
    // @ts-expect-error -- bytes need their encoding
    await client.call(ComAtprotoRepoUploadBlob.main, { input: new Uint8Array() })
    const car = await client.call(ComAtprotoSyncGetRepo.main, { params: { did: 'did:web:x' } })
    expectTypeOf(unwrap(car)).toEqualTypeOf<ReadableStream<Uint8Array>>()
  },
  async () => {
    const params = { repo: 'alice.example.com', collection: 'app.bsky.feed.post' } as const
    for await (const page of pages(client, ComAtprotoRepoListRecords.main, { params })) {
      expectTypeOf(page.cursor).toEqualTypeOf<string | undefined>()
    }
    for await (const record of items(client, ComAtprotoRepoListRecords.main, 'records', { params })) {
      expectTypeOf(record.cid).toEqualTypeOf<string>()
    }
    // @ts-expect-error -- not a list of the page
    items(client, ComAtprotoRepoListRecords.main, 'cursor', { params })
  },
  async () => {
    const service = 'https://relay.example.com'
    for await (const { body } of subscribe({
      service,
      schema: ComAtprotoSyncSubscribeRepos.main,
      params: () => ({ cursor: 1 }),
    })) {
      if (body.$type === 'com.atproto.sync.subscribeRepos#commit')
        expectTypeOf(body.rev).toEqualTypeOf<string>()
      if (body.$type === 'com.atproto.sync.subscribeRepos#account')
        expectTypeOf(body.active).toEqualTypeOf<boolean>()
    }
    for await (const frame of subscribe({ service, nsid: 'com.example.count', raw: true })) {
      expectTypeOf(frame).toEqualTypeOf<Uint8Array>()
    }
    // @ts-expect-error -- no such parameter
    subscribe({ service, schema: ComAtprotoSyncSubscribeRepos.main, params: () => ({ from: 1 }) })
  },
  async () => {
    // The names of errors are those of the lexicon, others besides; one that is compared narrows.
    const params = { repo: 'alice.example.com', collection: 'a.b.c', rkey: 'self' } as const
    const got = await client.call(ComAtprotoRepoGetRecord.main, { params })
    if (!got.ok) {
      const { error } = got.error
      if (error === 'RecordNotFound') expectTypeOf(error).toEqualTypeOf<'RecordNotFound'>()
      else if (error === 'RateLimitExceeded') expectTypeOf(error).toEqualTypeOf<'RateLimitExceeded'>()
      // @ts-expect-error -- misspelt
      else if (error === 'RecordNotFond') throw got.error
      const name: string = error
      expect(name).toBe('')
      expectTypeOf(got.error).toExtend<XrpcClientError>()
    }
    // A method without errors of its own is one whose errors have any name.
    const resolved = await client.call(ComAtprotoIdentityResolveHandle.main, {
      params: { handle: 'a.example' },
    })
    if (!resolved.ok) expectTypeOf(resolved.error.error).toExtend<string>()
  },
  async () => {
    // By name, with the types of the catalog: what comes out, what goes in, what there is.
    const rpc = createRpc(client, catalog)
    const { did } = await rpc.com.atproto.identity.resolveHandle({ handle: 'alice.example.com' })
    expectTypeOf(did).toEqualTypeOf<`did:${string}:${string}`>()
    expectTypeOf((await rpc.com.atproto.server.getSession()).did).toEqualTypeOf(did)
    const input = { repo: did, collection: 'a.b.c', record: {} } as const
    expectTypeOf((await rpc.com.atproto.repo.createRecord(input)).uri).toEqualTypeOf<`at://${string}`>()
    const { blob } = await rpc.com.atproto.repo.uploadBlob(new Blob([]), { encoding: 'image/png' })
    expectTypeOf(blob.size).toEqualTypeOf<number>()
    expectTypeOf(await rpc.com.atproto.sync.getRepo({ did })).toEqualTypeOf<ReadableStream<Uint8Array>>()
    // @ts-expect-error -- no such method
    await rpc.com.atproto.repo.describeServer()
    // @ts-expect-error -- no such name
    await rpc.com.atproto.nothing.at.all()
    // @ts-expect-error -- a parameter is missing
    await rpc.com.atproto.identity.resolveHandle()
    // @ts-expect-error -- a subscription is no call
    await rpc.com.atproto.sync.subscribeRepos()
    // @ts-expect-error -- the input is not what it takes
    await rpc.com.atproto.repo.createRecord({ repo: did })
  },
  async () => {
    // What one function gives, the next takes.
    const session = resumeSession((await passwordSession({ identifier: 'a', password: 'b' })).data!)
    const { did } = session
    expectTypeOf(did).toEqualTypeOf<`did:${string}:${string}`>()
    await client.call(ComAtprotoSyncGetRepo.main, { params: { did } })
    for await (const { uri } of listRecords(client, { repo: did, collection: 'a.b.c' })) {
      expectTypeOf(uri).toEqualTypeOf<`at://${string}`>()
    }
    const { uri, cid } = unwrap(await getRecord(client, { repo: did, collection: 'a.b.c', rkey: 'self' }))
    const subject: { uri: `at://${string}`; cid: string } = { uri, cid }
    expect(subject).toBeDefined()
  },
  async () => {
    const params = { repo: 'alice.example.com', collection: 'app.bsky.feed.post' } as const
    const options = { params, onInvalid: ({ index }: { index: number }) => void index }
    for await (const { cid } of items(client, ComAtprotoRepoListRecords.main, 'records', options)) {
      expectTypeOf(cid).toEqualTypeOf<string>()
    }
  },
]

it('types calls by their schemas', () => {
  expect(checks.length).toBe(10)
})
