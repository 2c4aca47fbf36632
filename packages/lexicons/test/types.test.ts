// Inference is the interface here: what these lines say is checked by the compiler.
import type {
  BlobRef,
  DataObject,
  Infer,
  InferDecodedParams,
  InferInput,
  InferMessage,
  InferOutput,
  InferParams,
  InferRecord,
  UnknownVariant,
} from '@avocet/lexicon'
import { openVariant } from '@avocet/lexicon'
import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  AppBskyActorDefs,
  AppBskyEmbedImages,
  AppBskyFeedDefs,
  AppBskyFeedPost,
  AppBskyGraphDefs,
} from '../generated/app.bsky.js'
import {
  ComAtprotoRepoListRecords,
  ComAtprotoRepoUploadBlob,
  ComAtprotoServerDeleteSession,
  ComAtprotoServerDescribeServer,
  ComAtprotoSyncGetRepo,
  ComAtprotoSyncSubscribeRepos,
} from '../generated/com.atproto.js'

const { main: listRecords } = ComAtprotoRepoListRecords
const { main: subscribe } = ComAtprotoSyncSubscribeRepos

describe('parameters', () => {
  it('are exact for callers, and have defaults filled in for handlers', () => {
    type Params = InferParams<typeof listRecords>
    type Decoded = InferDecodedParams<typeof listRecords>
    expectTypeOf<Params['collection']>().toEqualTypeOf<`${string}.${string}.${string}`>()
    expectTypeOf<Params>().toHaveProperty('limit')
    expectTypeOf<{ repo: 'a.b'; collection: 'a.b.c' }>().toExtend<Params>()
    expectTypeOf<{ repo: 'a.b' }>().not.toExtend<Params>()
    expectTypeOf<{ repo: 'nonsense'; collection: 'a.b.c' }>().not.toExtend<Params>()
    // Optional means absent, not undefined.
    expectTypeOf<{ repo: 'a.b'; collection: 'a.b.c'; limit: undefined }>().not.toExtend<Params>()
    expectTypeOf<Decoded['limit']>().toEqualTypeOf<number>()
    expectTypeOf<Decoded['cursor']>().toEqualTypeOf<string | undefined>()
    expectTypeOf<{ any: 1 }>().not.toExtend<InferParams<typeof ComAtprotoServerDescribeServer.main>>()
    expectTypeOf<{}>().toExtend<InferParams<typeof ComAtprotoServerDescribeServer.main>>()
  })
})

describe('bodies', () => {
  it('are the schema, bytes, or nothing', () => {
    expectTypeOf<InferOutput<typeof listRecords>['records'][number]['value']>().toEqualTypeOf<DataObject>()
    expectTypeOf<InferInput<typeof listRecords>>().toEqualTypeOf<undefined>()
    expectTypeOf<InferInput<typeof ComAtprotoRepoUploadBlob.main>>().toEqualTypeOf<Uint8Array>()
    expectTypeOf<InferOutput<typeof ComAtprotoRepoUploadBlob.main>>().toEqualTypeOf<{ blob: BlobRef }>()
    expectTypeOf<InferOutput<typeof ComAtprotoSyncGetRepo.main>>().toEqualTypeOf<Uint8Array>()
    expectTypeOf<InferOutput<typeof ComAtprotoServerDeleteSession.main>>().toEqualTypeOf<undefined>()
  })
})

describe('records', () => {
  type Post = InferRecord<typeof AppBskyFeedPost.main>
  it('are named, exact, and values of the data model', () => {
    expectTypeOf<Post>().toEqualTypeOf<AppBskyFeedPost.Post>()
    expectTypeOf<Post['$type']>().toEqualTypeOf<'app.bsky.feed.post'>()
    expectTypeOf<{
      $type: 'app.bsky.feed.post'
      text: string
      createdAt: '2024-01-01T00:00:00Z'
    }>().toExtend<Post>()
    expectTypeOf<{ $type: 'app.bsky.feed.post'; text: string; createdAt: '2024' }>().not.toExtend<Post>()
    expectTypeOf<Post>().toExtend<DataObject>()
    expectTypeOf<AppBskyFeedDefs.PostView>().toExtend<DataObject>()
  })

  it('are made and recognized by helpers', () => {
    expectTypeOf(AppBskyFeedPost.createPost).parameter(0).not.toHaveProperty('$type')
    expectTypeOf(AppBskyFeedPost.createPost).returns.toEqualTypeOf<Post>()
    expectTypeOf(AppBskyFeedPost.isPost).guards.toEqualTypeOf<Post>()
  })
})

describe('unions', () => {
  type Embed = NonNullable<AppBskyFeedPost.Post['embed']>
  it('narrow on $type, open ones too', () => {
    const check = (embed: Embed) => {
      if (embed.$type === 'app.bsky.embed.images') {
        expectTypeOf(embed.images).toEqualTypeOf<AppBskyEmbedImages.Image[]>()
        expectTypeOf(embed).toExtend<AppBskyEmbedImages.Main>()
      } else if (embed.$type === 'app.bsky.embed.record') {
        expectTypeOf(embed.record.uri).toEqualTypeOf<`at://${string}`>()
        // @ts-expect-error a quote has no images
        void embed.images
      }
      switch (embed.$type) {
        case 'app.bsky.embed.video':
          expectTypeOf(embed.video).toEqualTypeOf<BlobRef>()
          break
        case 'app.bsky.embed.images':
        case 'app.bsky.embed.gallery':
        case 'app.bsky.embed.external':
        case 'app.bsky.embed.record':
        case 'app.bsky.embed.recordWithMedia':
          break
        default:
          expectTypeOf(embed).toEqualTypeOf<UnknownVariant>()
          expectTypeOf(embed.$type).toExtend<string>()
      }
    }
    expectTypeOf(check).toBeFunction()
    expectTypeOf(openVariant({ $type: 'com.example.embed', any: 1 })).toExtend<Embed>()
  })

  it('need the $type of their variants, which refs do not', () => {
    expectTypeOf<{ images: [] }>().toExtend<AppBskyEmbedImages.Main>()
    expectTypeOf<{ images: [] }>().not.toExtend<Embed>()
    expectTypeOf<{ $type: 'app.bsky.embed.images'; images: [] }>().toExtend<Embed>()
  })

  it('of messages narrow by their full name', () => {
    type Message = InferMessage<typeof subscribe>
    type Commit = Extract<Message, { $type: 'com.atproto.sync.subscribeRepos#commit' }>
    expectTypeOf<Commit['blocks']>().toEqualTypeOf<Uint8Array>()
    expectTypeOf<Commit['prevData']>().toExtend<object | undefined>()
  })
})

describe('fields', () => {
  it('are nullable where the lexicon says so', () => {
    type Op = ComAtprotoSyncSubscribeRepos.RepoOp
    expectTypeOf<null>().toExtend<Op['cid']>()
    expectTypeOf<null>().not.toExtend<NonNullable<Op['cid']>>()
    expectTypeOf<undefined>().not.toExtend<Op['cid']>()
  })

  it('complete known values and take others', () => {
    expectTypeOf<'app.bsky.graph.defs#modlist'>().toExtend<AppBskyGraphDefs.ListPurpose>()
    expectTypeOf<string>().toExtend<AppBskyGraphDefs.ListPurpose>()
    expectTypeOf(AppBskyGraphDefs.modlist).toEqualTypeOf<'app.bsky.graph.defs#modlist'>()
    expectTypeOf<Infer<typeof AppBskyActorDefs.profileView>>().toEqualTypeOf<AppBskyActorDefs.ProfileView>()
  })
})

/** https://standardschema.dev, as its specification prints it. */
interface StandardSchemaV1<Input, Output> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}
type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
      }[]
    }

describe('schemas', () => {
  it('are Standard Schemas, parameters with different input and output', () => {
    expectTypeOf(AppBskyFeedPost.main).toExtend<
      StandardSchemaV1<AppBskyFeedPost.Post, AppBskyFeedPost.Post>
    >()
    expectTypeOf(listRecords.params).toExtend<
      StandardSchemaV1<ComAtprotoRepoListRecords.Params, ComAtprotoRepoListRecords.DecodedParams>
    >()
    const result = listRecords.params['~standard'].validate({ repo: 'a.co', collection: 'a.b.c' })
    expect(result).toEqual({ value: { repo: 'a.co', collection: 'a.b.c', limit: 50 } })
  })
})
