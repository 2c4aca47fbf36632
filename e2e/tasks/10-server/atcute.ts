import { AppBskyFeedGetFeedSkeleton } from '@atcute/bluesky'
import {
  CompositeDidDocumentResolver,
  PlcDidDocumentResolver,
  WebDidDocumentResolver,
} from '@atcute/identity-resolver'
import { json, XRPCRouter } from '@atcute/xrpc-server'
import { ServiceJwtVerifier } from '@atcute/xrpc-server/auth'
import { serve } from '@hono/node-server'

const verifier = new ServiceJwtVerifier({
  acceptAudiences: ['did:web:feed.example.com'],
  resolver: new CompositeDidDocumentResolver({
    methods: { plc: new PlcDidDocumentResolver(), web: new WebDidDocumentResolver() },
  }),
})
const router = new XRPCRouter()
router.addQuery(AppBskyFeedGetFeedSkeleton, {
  handler: async ({ request }) => {
    const { issuer } = await verifier.verifyRequest(request, { lxm: 'app.bsky.feed.getFeedSkeleton' })
    return json({ feed: [{ post: `at://${issuer}/app.bsky.feed.post/3jzfcijpj2z2a` }] })
  },
})
serve({ fetch: router.fetch, port: Number(process.env['PORT']) })
