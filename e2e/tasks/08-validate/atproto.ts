import { AppBskyFeedPost } from '@atproto/api'

const record = { $type: 'app.bsky.feed.post', text: 'Hello', createdAt: 'yesterday' }
const result = AppBskyFeedPost.validateRecord(record)
if (!result.success) console.log(result.error.message)
