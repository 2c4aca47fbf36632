import type {} from '@atcute/atproto'
import RichtextBuilder from '@atcute/bluesky-richtext-builder'
import { tokenize } from '@atcute/bluesky-richtext-parser'
import { Client, ok } from '@atcute/client'
import type { Handle } from '@atcute/lexicons'
import { PasswordSession } from '@atcute/password-session'

const session = await PasswordSession.login({
  service: 'https://pds.example.com',
  identifier: 'alice.example.com',
  password: process.env['APP_PASSWORD']!,
})
const client = new Client({ handler: session })
const post = new RichtextBuilder()
for (const token of tokenize('Hello @alice.example.com, see https://example.com')) {
  if (token.type === 'mention') {
    const params = { handle: token.handle as Handle }
    const { did } = await ok(client.get('com.atproto.identity.resolveHandle', { params }))
    post.addMention(token.raw, did)
  } else if (token.type === 'autolink') post.addLink(token.raw, token.url as `https:${string}`)
  else post.addText(token.raw)
}
const record = { $type: 'app.bsky.feed.post', ...post.build(), createdAt: new Date().toISOString() }
const input = { repo: session.did, collection: 'app.bsky.feed.post' as const, record }
await ok(client.post('com.atproto.repo.createRecord', { input }))
console.log(JSON.stringify(post.facets))
