// What the index is told of an account's status, at the moment: later all may have healed. Where sources differ, the account's own
// host is asked; so a relay that is behind never hides an account that is active.

import type { Did } from '@avocet/syntax'
import type { VerifiedEvent } from '../src/index.ts'
import type { App } from './app.ts'
import type { Clock } from './clock.ts'
import type { Network } from './network.ts'

/** Watches what the index is told of accounts, over all processes of a simulation. */
export type StatusWatch = {
  /** The app is about to get this event. */
  told(event: VerifiedEvent): void
  /** Who was hidden though active; null: nobody. */
  readonly hidden: { readonly did: Did; readonly what: string } | null
}

/** An answer of the host may be so old when it is used. */
const SLACK_MS = 2000

/** Nobody was hidden yet. */
export function createStatusWatch(app: App, network: Network, clock: Clock): StatusWatch {
  let hidden: StatusWatch['hidden'] = null

  return {
    told(event) {
      if (event.kind !== 'account' || event.active || app.failNext) return
      const { did, status, source } = event
      const isShown = (app.statuses.get(did) ?? 'active') === 'active'
      const account = network.byDid.get(did)!
      const since = clock.now() - account.changedAt
      if (!isShown || account.status !== 'active' || since <= SLACK_MS) return
      // A single relay is in order, and its word is all there is. Who could not be asked said nothing.
      const canBeAsked =
        !network.directory.wasSilent && !account.hasMoved && !network.hosts[account.host]!.wasDown
      if (network.relays.length === 1 || !canBeAsked) return
      hidden ??= { did, what: `said to be ${status} by ${source}, and active since ${since} ms` }
    },
    get hidden() {
      return hidden
    },
  }
}
