import { IdResolver } from '@atproto/identity'
import { Firehose } from '@atproto/sync'

const firehose = new Firehose({
  idResolver: new IdResolver(),
  filterCollections: ['app.bsky.feed.post'],
  handleEvent: (event) => {
    if ('uri' in event) console.log(event.event, `${event.uri}`)
  },
  onError: console.error,
})
await firehose.start()
