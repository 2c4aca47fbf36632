import type {} from '@atcute/atproto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client, ok } from '@atcute/client'
import {
  CompositeDidDocumentResolver,
  LocalActorResolver,
  PlcDidDocumentResolver,
  WebDidDocumentResolver,
  WellKnownHandleResolver,
} from '@atcute/identity-resolver'
import { MemoryStore, OAuthClient } from '@atcute/oauth-node-client'

const server = createServer().listen(0, '127.0.0.1')
await once(server, 'listening')
const redirect = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`
const client = new OAuthClient({
  metadata: { redirect_uris: [redirect], scope: 'atproto repo:app.bsky.feed.post' },
  stores: { sessions: new MemoryStore(), states: new MemoryStore() },
  actorResolver: new LocalActorResolver({
    handleResolver: new WellKnownHandleResolver(),
    didDocumentResolver: new CompositeDidDocumentResolver({
      methods: { plc: new PlcDidDocumentResolver(), web: new WebDidDocumentResolver() },
    }),
  }),
})
const begun = await client.authorize({ target: { type: 'account', identifier: 'alice.example.com' } })
console.error(begun.url.href)
const [request, response]: [IncomingMessage, ServerResponse] = (await once(server, 'request')) as never
response.end('You may close this page.')
const { session } = await client.callback(new URL(request.url!, redirect).searchParams)
const record = { $type: 'app.bsky.feed.post', text: 'Hello', createdAt: new Date().toISOString() }
const input = { repo: session.did, collection: 'app.bsky.feed.post' as const, record }
const rpc = new Client({ handler: session })
const { uri } = await ok(rpc.post('com.atproto.repo.createRecord', { input }))
console.log(uri)
process.exit()
