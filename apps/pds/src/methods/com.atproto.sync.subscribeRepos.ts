import { ComAtprotoSyncSubscribeRepos } from '@avocet/lexicons/com.atproto'
import type { Sequencer } from '@avocet/sequencer'
import type { Router } from '@avocet/xrpc-server'

/** The firehose: every event after a cursor, then live. Frames are those of the log, encoded once. */
export function subscribeRepos(router: Router, sequencer: Sequencer): void {
  router.add(ComAtprotoSyncSubscribeRepos.main, {
    async *handler({ params, signal }) {
      for await (const { frame } of sequencer.events(params.cursor, signal)) yield frame
    },
  })
}
