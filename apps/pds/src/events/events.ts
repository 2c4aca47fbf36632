import type { Fetch } from '@avocet/did'
import { REPO_HOST_LIMITS, type RepoServerStore } from '@avocet/repo-server'
import { createSequencer, type Sequencer } from '@avocet/sequencer'

import type { PdsConfig } from '../config/config.ts'
import type { Logger } from '../logger.ts'
import type { Chores } from '../operations/chores.ts'
import { createAnnouncements, type Announcements } from './announcements.ts'
import { createCrawlers, type Crawlers, type RelayState } from './crawlers.ts'
import { safeListener, type EventListener } from './listener.ts'

/** The firehose of this server. */
export interface Events extends AsyncDisposable {
  readonly sequencer: Sequencer
  readonly announcements: Announcements
  /** Begins to tell relays that there is news. @param url where this server is, for everybody */
  tellRelays(url: () => string, fetch: Fetch, failed: () => void): Disposable
  /** What relays were told. */
  relays(): readonly RelayState[]
  readonly chores: Chores
}

/** What events compose. */
export interface EventsParts {
  readonly config: PdsConfig
  readonly server: RepoServerStore
  readonly log: Logger
  readonly onEvent: EventListener | undefined
  /** Told of failures of the log. */
  readonly onError: (error: unknown) => void
}

/** Events in the log of `server`. */
export function createEvents({ config, server, log, onEvent, onError }: EventsParts): Events {
  const sequencer = createSequencer({
    log: server.log,
    // A chore prunes it, which knows when the clock is not to be trusted.
    retention: { maxAgeMs: config.repoBackfillLimitMs, everyMs: 0 },
    page: { count: 500, bytes: REPO_HOST_LIMITS.streamBytes },
    onError: (error) => {
      log.error({ err: error }, 'the event log failed')
      onError(error)
    },
  })
  const unlisten = onEvent === undefined ? () => {} : server.onEvent(safeListener(onEvent, log))
  let crawlers: Crawlers | null = null
  return {
    sequencer,
    announcements: createAnnouncements(server),
    tellRelays: (url, fetch, failed) =>
      (crawlers = createCrawlers(config.crawlers, url, server.log, fetch, log, failed)),
    relays: () => crawlers?.state() ?? [],
    chores: { byAge: [() => sequencer.prune()], others: [] },
    [Symbol.asyncDispose]: async () => {
      unlisten()
      await sequencer[Symbol.asyncDispose]()
    },
  }
}
