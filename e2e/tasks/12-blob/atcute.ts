import type {} from '@atcute/atproto'
import { readFile, writeFile } from 'node:fs/promises'
import { Client, ok } from '@atcute/client'
import { PasswordSession } from '@atcute/password-session'

const session = await PasswordSession.login({
  service: 'https://pds.example.com',
  identifier: 'alice.example.com',
  password: process.env['APP_PASSWORD']!,
})
const client = new Client({ handler: session })
const file = new Blob([await readFile('photo.png')], { type: 'image/png' })
const { blob } = await ok(client.post('com.atproto.repo.uploadBlob', { input: file }))
const embed = { $type: 'app.bsky.embed.images', images: [{ image: blob, alt: 'A photo' }] }
const record = { $type: 'app.bsky.feed.post', text: 'Look', embed, createdAt: new Date().toISOString() }
const input = { repo: session.did, collection: 'app.bsky.feed.post' as const, record }
await ok(client.post('com.atproto.repo.createRecord', { input }))
const params = { did: session.did, cid: blob.ref.$link }
await writeFile('copy.png', await ok(client.get('com.atproto.sync.getBlob', { params, as: 'bytes' })))
console.log(blob.ref.$link)
