import { records } from '@avocet/atproto'
import * as Post from '@avocet/lexicons/app.bsky.feed.post'

for await (const { uri, value } of records('alice.example.com', Post.main)) console.log(uri, value.text)
