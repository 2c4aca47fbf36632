import { AppBskyFeedPost } from '@atcute/bluesky'
import { safeParse } from '@atcute/lexicons/validations'

const record = { $type: 'app.bsky.feed.post', text: 'Hello', createdAt: 'yesterday' }
const result = safeParse(AppBskyFeedPost.mainSchema, record)
if (!result.ok) console.log(result.message)
