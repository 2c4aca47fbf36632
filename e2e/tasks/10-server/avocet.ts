import { createDidResolver, withCache } from '@avocet/did'
import * as GetFeedSkeleton from '@avocet/lexicons/app.bsky.feed.getFeedSkeleton'
import { createRouter } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'
import { serviceAuth } from '@avocet/xrpc-server/service-auth'

const auth = serviceAuth({ dids: withCache(createDidResolver()), audience: 'did:web:feed.example.com' })
const router = createRouter().add(GetFeedSkeleton.main, {
  auth,
  handler: ({ auth: { did } }) => ({
    feed: [{ post: `at://${did}/app.bsky.feed.post/3jzfcijpj2z2a` as const }],
  }),
})
await serve({ router, port: Number(process.env['PORT']) })
