// An event of the log as Tap says it. https://github.com/bluesky-social/indigo/tree/main/cmd/tap

import type { JsonObject } from '@avocet/data'
import { encodeTapEvent, type TapEvent, tapStatusOf } from '@avocet/tap/wire'
import { isOfSnapshot } from '../delivery/snapshot.ts'
import type { AccountRow } from '../queries/records.ts'
import type { StreamEvent } from '../stream/event.ts'
import type { LogEvent } from '../stream/log-reader.ts'

/** What Tap has no event for: heads without changes, and what a snapshot tells of an account beside its identity, which has its status. */
export function isTapEvent({ kind, seq }: LogEvent): boolean {
  return kind !== 'sync' && !(kind === 'account' && isOfSnapshot(seq))
}

/**
 * The message of an event. Of an account it says what is known now: handle and status come with different events of the log, and stand
 * together in Tap's.
 */
export function tapText(value: StreamEvent, account: (did: string) => AccountRow | null): string {
  return encodeTapEvent(toTapEvent(value, account))
}

function toTapEvent(value: StreamEvent, account: (did: string) => AccountRow | null): TapEvent {
  const { seq: id, did } = value
  if (value.kind === 'commit') {
    const { rev, operation: action, collection, rkey } = value
    const base = { id, type: 'record', live: value.provenance === 'live', did, rev, collection, rkey }
    if (action === 'delete') return { ...base, action } as unknown as TapEvent
    const { cid, record } = value
    return { ...base, action, ...(record === undefined ? {} : { record }), cid } as unknown as TapEvent
  }
  const known = account(did)
  const handle = value.kind === 'identity' ? value.identity['handle'] : known?.handle
  const status = value.kind === 'account' ? statusOf(value.account) : (known?.status ?? 'active')
  return {
    id,
    type: 'identity',
    did,
    // A client that is strict takes no text that is no handle.
    handle: handle || 'handle.invalid',
    isActive: status === 'active',
    status: tapStatusOf(status),
  } as TapEvent
}

function statusOf({ active, status }: JsonObject): string {
  return active === true ? 'active' : (status as string)
}
