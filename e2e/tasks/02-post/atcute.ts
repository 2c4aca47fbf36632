import type {} from '@atcute/atproto'
import { Client, ok } from '@atcute/client'
import { PasswordSession } from '@atcute/password-session'

const session = await PasswordSession.login({
  service: 'https://pds.example.com',
  identifier: 'alice.example.com',
  password: process.env['APP_PASSWORD']!,
})
const client = new Client({ handler: session })
const record = { $type: 'app.bsky.feed.post', text: 'Hello', createdAt: new Date().toISOString() }
const input = { repo: session.did, collection: 'app.bsky.feed.post' as const, record }
const { uri } = await ok(client.post('com.atproto.repo.createRecord', { input }))
console.log(uri)
