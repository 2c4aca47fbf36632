import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent } from '@atproto/api'
import { NodeOAuthClient, type NodeSavedSession, type NodeSavedState } from '@atproto/oauth-client-node'

const store = <T>() => {
  const values = new Map<string, T>()
  const get = async (key: string) => values.get(key)
  const set = async (key: string, value: T) => void values.set(key, value)
  return { get, set, del: async (key: string) => void values.delete(key) }
}
const server = createServer().listen(0, '127.0.0.1')
await once(server, 'listening')
const redirect = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback` as const
const scope = 'atproto repo:app.bsky.feed.post'
const client = new NodeOAuthClient({
  clientMetadata: {
    client_id: `http://localhost?${new URLSearchParams({ redirect_uri: redirect, scope })}`,
    redirect_uris: [redirect],
    scope,
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    dpop_bound_access_tokens: true,
  },
  stateStore: store<NodeSavedState>(),
  sessionStore: store<NodeSavedSession>(),
})
console.error(`${await client.authorize('alice.example.com')}`)
const [request, response]: [IncomingMessage, ServerResponse] = (await once(server, 'request')) as never
response.end('You may close this page.')
const { session } = await client.callback(new URL(request.url!, redirect).searchParams)
const { uri } = await new Agent(session).post({ text: 'Hello' })
console.log(uri)
process.exit()
