import { ComAtprotoSyncSubscribeRepos } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { RepoHost } from '../host.ts'

/** The firehose: every event after a cursor, then live. Frames are those of the log, encoded once. */
export function subscribeRepos(router: Router, { parts }: RepoHost): void {
  const { limits, sequencer } = parts
  router.add(ComAtprotoSyncSubscribeRepos.main, {
    limits: {
      bufferedBytes: limits.streamBytes,
      subscribers: limits.subscribers,
      subscribersPerAddress: limits.subscribersPerAddress,
    },
    async *handler({ params, signal }) {
      for await (const { frame } of sequencer.events(params.cursor, signal)) yield frame
    },
  })
}
