import { schemas } from '@atproto/api'
import { IdResolver, MemoryCache } from '@atproto/identity'
import { createServer, verifyJwt } from '@atproto/xrpc-server'

const method = 'app.bsky.feed.getFeedSkeleton'
const { did: dids } = new IdResolver({ didCache: new MemoryCache() })
const server = createServer(schemas)
server.method(method, {
  auth: async ({ req }) => {
    const token = req.headers.authorization?.replace('Bearer ', '') ?? ''
    const key = (did: string, fresh: boolean) => dids.resolveAtprotoKey(did, fresh)
    return { credentials: await verifyJwt(token, 'did:web:feed.example.com', method, key) }
  },
  handler: ({ auth: { credentials } }) => ({
    encoding: 'application/json',
    body: { feed: [{ post: `at://${credentials.iss}/app.bsky.feed.post/3jzfcijpj2z2a` }] },
  }),
})
server.listen(Number(process.env['PORT']))
