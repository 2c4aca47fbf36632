import { ComAtprotoSyncSubscribeRepos } from '@atcute/atproto'
import { FirehoseSubscription } from '@atcute/firehose'

const stream = new FirehoseSubscription({
  service: 'wss://bsky.network',
  nsid: ComAtprotoSyncSubscribeRepos.mainSchema,
})
for await (const message of stream) {
  if (message.$type !== 'com.atproto.sync.subscribeRepos#commit') continue
  for (const { action, path } of message.ops) {
    if (path.startsWith('app.bsky.feed.post/')) console.log(action, `at://${message.repo}/${path}`)
  }
}
