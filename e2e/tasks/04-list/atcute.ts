import type {} from '@atcute/atproto'
import { AppBskyFeedPost } from '@atcute/bluesky'
import { Client, ok, simpleFetchHandler } from '@atcute/client'
import { parse } from '@atcute/lexicons/validations'

const client = new Client({ handler: simpleFetchHandler({ service: 'https://pds.example.com' }) })
const where = { repo: 'alice.example.com', collection: 'app.bsky.feed.post' } as const
let cursor: string | undefined
do {
  const page = await ok(client.get('com.atproto.repo.listRecords', { params: { ...where, cursor } }))
  for (const { uri, value } of page.records) console.log(uri, parse(AppBskyFeedPost.mainSchema, value).text)
  cursor = page.cursor
} while (cursor)
