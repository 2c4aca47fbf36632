import { agent, resolve, signIn } from '@avocet/atproto'
import * as Post from '@avocet/lexicons/app.bsky.feed.post'
import { annotate } from '@avocet/richtext'

const me = agent(await signIn('alice.example.com', process.env['APP_PASSWORD']!))
const post = await annotate('Hello @alice.example.com, see https://example.com', { resolve })
await me.create(Post.main, post)
console.log(JSON.stringify(post.facets))
