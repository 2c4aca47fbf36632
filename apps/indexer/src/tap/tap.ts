// Tap's side of the indexer, put together: what `app.ts` starts.

import type { GroupParts, Groups } from '../delivery/groups.ts'
import { createGroups } from '../delivery/groups.ts'
import type { Guesses } from '../http/guesses.ts'
import type { StreamEvent } from '../stream/event.ts'
import type { Wire } from '../stream/sockets.ts'
import { createChannelWire } from './channel.ts'
import { isTapEvent } from './event.ts'
import { createCallerCheck } from './password.ts'
import { createTapRoutes, type TapParts } from './routes.ts'

/** Settings of Tap's side. */
export type TapConfig = {
  /** Asked for on each of its routes; null: none is, which is for this machine alone. */
  readonly password: string | null
  /** How long a consumer has for an event before it is sent again, ms. Default 60 000. */
  readonly ackMs?: number
  /** Failures after which an event is given up. Default 6. */
  readonly tries?: number
}

/** Tap's side. */
export type TapSide = {
  readonly wire: Wire
  readonly groups: Groups
  /** Answers its calls; null for other paths. */
  fetch(request: Request, caller: { readonly address: string | null }): Promise<Response> | Response | null
}

const MAX_GROUPS = 64
/** Events of a group that are not acknowledged. */
const PENDING = 4096
const ACK_MS = 60_000
const TRIES = 6
const MAX_BACKOFF_MS = 600_000
const STALLED_MS = 24 * 3_600_000

/** Groups that have a place go on there. @param write an event's message */
export function openTap(
  parts: GroupParts,
  config: TapConfig,
  write: (value: StreamEvent) => string,
  calls: Omit<TapParts, 'groups' | 'check'>,
  guesses: Guesses,
): TapSide {
  const { ackMs = ACK_MS, tries = TRIES } = config
  const check = createCallerCheck(config.password, guesses)
  const groups = createGroups(parts, {
    prefix: 'tap/',
    most: MAX_GROUPS,
    test: isTapEvent,
    limits: {
      pending: PENDING,
      tries,
      ackMs,
      // The first time at once: that it was not acknowledged took long enough.
      backoffMs: (failures) => (failures === 1 ? 0 : Math.min(MAX_BACKOFF_MS, ackMs * 2 ** (failures - 2))),
      stalledMs: STALLED_MS,
    },
  })
  return {
    groups,
    wire: createChannelWire({ groups, check, write }),
    fetch: createTapRoutes({ ...calls, groups, check }),
  }
}
