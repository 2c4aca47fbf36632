// A bot: whoever mentions it in a post gets an answer.
//
//   APP_PASSWORD=… node examples/bot.ts bot.example.com
import { agent, firehose, signIn } from '@avocet/atproto'
import * as Post from '@avocet/lexicons/app.bsky.feed.post'

const me = agent(await signIn(process.argv[2]!, process.env['APP_PASSWORD']!))
console.log(`${me.did} listens`)

for await (const { action, uri, cid, value } of firehose({ collections: ['app.bsky.feed.post'] })) {
  if (action !== 'create' || cid === null || !Post.isPost(value) || !mentions(value, me.did)) continue
  const parent = { uri, cid }
  const root = value.reply?.root ?? parent
  const answer = await me.create(Post.main, { text: 'You called?', reply: { root, parent } })
  console.log(`${uri} is answered by ${answer.uri}`)
}

function mentions(post: Post.Post, did: string): boolean {
  const features = post.facets?.flatMap((facet) => facet.features) ?? []
  return features.some((one) => one.$type === 'app.bsky.richtext.facet#mention' && one.did === did)
}
