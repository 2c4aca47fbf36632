import { agent } from '@avocet/atproto'
import * as Post from '@avocet/lexicons/app.bsky.feed.post'
import { createLoopbackClient } from '@avocet/oauth-client/loopback'

const client = createLoopbackClient({ scope: ['atproto', 'repo:app.bsky.feed.post'], file: 'sessions.json' })
const session = await client.signIn('alice.example.com')
if (!session.ok) throw session.error
const { uri } = await agent(session.value).create(Post.main, { text: 'Hello' })
console.log(uri)
