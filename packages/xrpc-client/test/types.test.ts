import {
  ComAtprotoRepoCreateRecord,
  ComAtprotoRepoListRecords,
  ComAtprotoRepoUploadBlob,
  ComAtprotoServerDeleteSession,
  ComAtprotoServerGetSession,
  ComAtprotoSyncGetRepo,
  ComAtprotoSyncSubscribeRepos,
} from '@avocet/lexicons/com.atproto'
import { expect, expectTypeOf, it } from 'vitest'
import { createClient, items, pages, subscribe, unwrap } from '../src/index.ts'

// Checked by the compiler; nothing is called.
const client = createClient({ service: 'https://pds.example.com' })
const checks = [
  async () => {
    const listed = await client.call(ComAtprotoRepoListRecords.main, {
      params: { repo: 'alice.example.com', collection: 'app.bsky.feed.post' },
    })
    if (listed.ok) expectTypeOf(listed.value.cursor).toEqualTypeOf<string | undefined>()
    else expectTypeOf(listed.error.error).toEqualTypeOf<string>()
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
]

it('types calls by their schemas', () => {
  expect(checks.length).toBe(6)
})
