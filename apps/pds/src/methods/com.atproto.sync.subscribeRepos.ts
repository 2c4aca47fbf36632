import { ComAtprotoSyncSubscribeRepos } from '@avocet/lexicons/com.atproto'
import type { Sequencer } from '@avocet/sequencer'
import type { Router } from '@avocet/xrpc-server'

import type { PdsConfig } from '../config/config.ts'
import { STREAM_BUFFER_BYTES } from '../http/rate-limits.ts'

/** The firehose: every event after a cursor, then live. Frames are those of the log, encoded once. */
export function subscribeRepos(router: Router, config: PdsConfig, sequencer: Sequencer): void {
  router.add(ComAtprotoSyncSubscribeRepos.main, {
    limits: {
      bufferedBytes: STREAM_BUFFER_BYTES,
      subscribers: config.subscribers,
      subscribersPerAddress: config.subscribersPerAddress,
    },
    async *handler({ params, signal }) {
      for await (const { frame } of sequencer.events(params.cursor, signal)) yield frame
    },
  })
}
