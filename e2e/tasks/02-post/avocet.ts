import { agent, signIn } from '@avocet/atproto'
import * as Post from '@avocet/lexicons/app.bsky.feed.post'

const me = agent(await signIn('alice.example.com', process.env['APP_PASSWORD']!))
const { uri } = await me.create(Post.main, { text: 'Hello' })
console.log(uri)
