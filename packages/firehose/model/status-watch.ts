// What the index is told of an account's status, at the moment: later all may have healed. A relay that is behind, or lies, never
// hides an account that is active: only its own host can, and while that is silent nobody.

import type { Did } from '@avocet/syntax'
import type { VerifiedEvent } from '../src/index.ts'
import type { App } from './app.ts'
import type { Clock } from './clock.ts'
import type { Network } from './network.ts'

/** Watches what the index is told of accounts, over all processes of a simulation. */
export type StatusWatch = {
  /** The app is about to get this event. */
  told(event: VerifiedEvent): void
  /** Who was hidden though active, shown though not, or purged though not deleted; null: nobody. */
  readonly wronged: { readonly did: Did; readonly what: string } | null
}

/** An answer of the host may be so old when it is used. */
const SLACK_MS = 2000

/** Nobody was hidden yet. */
export function createStatusWatch(app: App, network: Network, clock: Clock): StatusWatch {
  let wronged: StatusWatch['wronged'] = null

  return {
    told(event) {
      if (event.kind !== 'account' || app.failNext) return
      const { did, status, source } = event
      const wasShown = (app.statuses.get(did) ?? 'active') === 'active'
      const account = network.byDid.get(did)!
      const since = clock.now() - account.changedAt
      const isNews = wasShown !== event.active && event.active !== (account.status === 'active')
      const isPurged = status === 'deleted' && account.status !== 'deleted'
      if ((!isNews && !isPurged) || since <= SLACK_MS) return
      // A directory that does not find the DID for long says that it is deleted; one that was not asked again, a host from before.
      if (network.directory.wasSilent || account.hasMoved) return
      // A host that is a source tells all in its order, and may be behind.
      if (network.relays.some(({ id, host }) => id === source && host !== null)) return
      const [said, is] = [status ?? 'active', account.status]
      wronged ??= { did, what: `said to be ${said} by ${source}, and ${is} since ${since} ms` }
    },
    get wronged() {
      return wronged
    },
  }
}
