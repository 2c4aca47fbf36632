import * as Post from '@avocet/lexicons/app.bsky.feed.post'

const result = Post.main.validate({ $type: 'app.bsky.feed.post', text: 'Hello', createdAt: 'yesterday' })
if (!result.ok) for (const { path, message } of result.issues) console.log(path, message)
