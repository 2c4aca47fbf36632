// What a handler returns is typed by its schema: texts keep the form that identifiers have, and what does not fit is refused.
import * as Skeleton from '@avocet/lexicons/app.bsky.feed.getFeedSkeleton'
import * as ResolveHandle from '@avocet/lexicons/com.atproto.identity.resolveHandle'
import * as CreateRecord from '@avocet/lexicons/com.atproto.repo.createRecord'
import { describe, expect, it } from 'vitest'
import { createRouter, respond } from '../src/index.ts'

const POST = 'at://did:web:x.example/app.bsky.feed.post'
const ask = async (router: ReturnType<typeof createRouter>, path: string): Promise<unknown> =>
  await (await router.fetch(new Request(`https://x.example/xrpc/${path}`))).json()

describe('what a handler returns', () => {
  it('takes identifiers that are put together, with and without parameters, in objects and arrays', async () => {
    const router = createRouter()
      .add(ResolveHandle.main, async ({ params }) => ({ did: `did:web:${params.handle}` }))
      .add(Skeleton.main, () => ({ feed: ['a', 'b'].map((rkey) => ({ post: `${POST}/${rkey}` })) }))
    const handle = 'com.atproto.identity.resolveHandle?handle=x.example'
    expect(await ask(router, handle)).toEqual({ did: 'did:web:x.example' })
    expect(await ask(router, `app.bsky.feed.getFeedSkeleton?feed=${POST}/c`)).toEqual({
      feed: [{ post: `${POST}/a` }, { post: `${POST}/b` }],
    })
  })

  it('in entries with settings, after statements, and beside replies', () => {
    const router = createRouter()
      .add(Skeleton.main, {
        auth: () => 'me',
        handler: async ({ auth }) => ({ feed: [{ post: `${POST}/${auth}` }] }),
      })
      .add(CreateRecord.main, ({ input, headers }) => {
        headers.set('x-example', '1')
        if (input.rkey === undefined) return respond({ status: 201, body: {} })
        return { uri: `at://${input.repo}/${input.collection}/${input.rkey}`, cid: 'bafy' }
      })
      .add(ResolveHandle.main, () => Response.json({}))
    expect(router.methods()).toHaveLength(3)
  })

  it('refuses what is none', () => {
    const add = (run: (router: ReturnType<typeof createRouter>) => unknown): unknown => run(createRouter())
    // @ts-expect-error another scheme
    add((router) => router.add(Skeleton.main, () => ({ feed: [{ post: `http://${POST}` }] })))
    // @ts-expect-error another field
    add((router) => router.add(Skeleton.main, async () => ({ feed: [{ pst: `${POST}/a` }] })))
    // @ts-expect-error nothing
    add((router) => router.add(Skeleton.main, async () => ({})))
    // @ts-expect-error a text that may be anything
    add((router) => router.add(ResolveHandle.main, async ({ params }) => ({ did: params.handle })))
    // @ts-expect-error a number
    add((router) => router.add(ResolveHandle.main, async () => ({ did: 5 })))
    // @ts-expect-error a text for an object
    add((router) => router.add(ResolveHandle.main, async () => 'did:web:x.example'))
    expect(createRouter().methods()).toEqual([])
  })
})
