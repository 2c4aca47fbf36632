import type { CID } from '@avocet/data'
import {
  ComAtprotoIdentityResolveHandle,
  ComAtprotoRepoCreateRecord,
  ComAtprotoRepoListRecords,
  ComAtprotoRepoUploadBlob,
  ComAtprotoServerDeleteSession,
  ComAtprotoSyncGetRepo,
  ComAtprotoSyncSubscribeRepos,
} from '@avocet/lexicons/com.atproto'
import { XrpcError } from '@avocet/xrpc'
import { expect, expectTypeOf, it } from 'vitest'
import { createRouter } from '../src/index.ts'

// Checked by the compiler; at run time it is enough that the methods can be added.
it('types handlers by their schemas', () => {
  const did = 'did:web:alice.example.com' as const
  const router = createRouter()
    .add(ComAtprotoRepoListRecords.main, ({ params, input, auth }) => {
      expectTypeOf(params.repo).toEqualTypeOf<`did:${string}:${string}` | `${string}.${string}`>()
      // A default is there for the handler, though not for the caller.
      expectTypeOf(params.limit).toEqualTypeOf<number>()
      expectTypeOf(params.cursor).toEqualTypeOf<string | undefined>()
      expectTypeOf(input).toEqualTypeOf<undefined>()
      expectTypeOf(auth).toEqualTypeOf<undefined>()
      return { records: [] }
    })
    .add(ComAtprotoRepoCreateRecord.main, {
      auth: ({ header }) => ({ did, admin: header('x-admin') !== null }),
      handler: ({ input, auth }) => {
        expectTypeOf(auth).toEqualTypeOf<{ did: typeof did; admin: boolean }>()
        expectTypeOf(input.rkey).toEqualTypeOf<string | undefined>()
        const uri = `at://${auth.did}/${input.collection}/self` as const
        return { uri, cid: '' }
      },
    })
    .add(ComAtprotoRepoUploadBlob.main, async ({ input, encoding }) => {
      expectTypeOf(input).toEqualTypeOf<ReadableStream<Uint8Array>>()
      expectTypeOf(encoding).toEqualTypeOf<string | null>()
      return { blob: { $type: 'blob' as const, ref: null as unknown as CID, mimeType: '', size: 0 } }
    })
    .add(ComAtprotoSyncGetRepo.main, ({ params }) => {
      expectTypeOf(params.did).toEqualTypeOf<`did:${string}:${string}`>()
      return new Uint8Array()
    })
    .add(ComAtprotoServerDeleteSession.main, ({ input }) => {
      expectTypeOf(input).toEqualTypeOf<undefined>()
    })
    .add(ComAtprotoSyncSubscribeRepos.main, async function* ({ params, signal }) {
      expectTypeOf(params.cursor).toEqualTypeOf<number | undefined>()
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
      yield new Uint8Array()
      yield { $type: '#info', name: 'OutdatedCursor' }
    })
  // @ts-expect-error -- the output lacks `did`
  router.add(ComAtprotoIdentityResolveHandle.main, ({ params }) => ({ handle: params.handle }))
  const other = createRouter()
  // @ts-expect-error -- no such parameter
  other.add(ComAtprotoIdentityResolveHandle.main, ({ params }) => ({ did: params.did }))
  const third = createRouter()
  // @ts-expect-error -- a method with output must have one
  third.add(ComAtprotoIdentityResolveHandle.main, () => {})
  // Refusing is always allowed.
  createRouter().add(ComAtprotoIdentityResolveHandle.main, () => {
    throw new XrpcError(400, 'HandleNotFound')
  })
  expect(() => router.add(ComAtprotoServerDeleteSession.main, () => {})).toThrow('twice')
})
