import { AtpAgent } from '@atproto/api'

const agent = new AtpAgent({ service: 'https://pds.example.com' })
let cursor: string | undefined
do {
  const page = await agent.app.bsky.feed.post.list({ repo: 'alice.example.com', cursor })
  for (const { uri, value } of page.records) console.log(uri, value.text)
  cursor = page.cursor
} while (cursor)
