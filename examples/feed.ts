// A feed generator: the newest posts with a word in them, from the firehose. Behind a proxy that does TLS, at https://<host>.
//
//   PORT=3000 node examples/feed.ts feed.example.com avocado
import { firehose } from '@avocet/atproto'
import * as DescribeFeedGenerator from '@avocet/lexicons/app.bsky.feed.describeFeedGenerator'
import * as GetFeedSkeleton from '@avocet/lexicons/app.bsky.feed.getFeedSkeleton'
import * as Post from '@avocet/lexicons/app.bsky.feed.post'
import { createRouter } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'

const [host, word] = process.argv.slice(2)
if (host === undefined || word === undefined) throw new Error('usage: feed.ts <host> <word>')
const did = `did:web:${host}` as const
const feed = `at://${did}/app.bsky.feed.generator/${word}` as const

/** The newest first. */
const found: `at://${string}`[] = []

const router = createRouter()
  .add(DescribeFeedGenerator.main, () => ({ did, feeds: [{ uri: feed }] }))
  .add(GetFeedSkeleton.main, ({ params: { cursor, limit } }) => {
    const start = cursor === undefined ? 0 : found.findIndex((uri) => uri === cursor) + 1
    const page = found.slice(start, start + limit)
    return { feed: page.map((post) => ({ post })), ...(page.length === limit && { cursor: page.at(-1)! }) }
  })

const service = { id: '#bsky_fg', type: 'BskyFeedGenerator', serviceEndpoint: `https://${host}` }
await using server = await serve({
  router,
  port: Number(process.env['PORT'] ?? 3000),
  // Who the service is: where did:web looks for it.
  fetch: ({ url }) =>
    new URL(url).pathname === '/.well-known/did.json'
      ? Response.json({ '@context': ['https://www.w3.org/ns/did/v1'], id: did, service: [service] })
      : new Response('', { status: 404 }),
})
console.log(`${feed} is at ${server.url}`)

for await (const { action, uri, value } of firehose({ collections: ['app.bsky.feed.post'] })) {
  if (action === 'delete') found.splice(found.indexOf(uri) >>> 0, 1)
  else if (action === 'create' && Post.isPost(value) && value.text.includes(word)) found.unshift(uri)
  found.length = Math.min(found.length, 1000)
}
