import { firehose } from '@avocet/atproto'

for await (const { action, uri } of firehose({ collections: ['app.bsky.feed.post'] }))
  console.log(action, uri)
