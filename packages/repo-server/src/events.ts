/** Bodies of the firehose's account, identity and sync events. https://atproto.com/specs/sync#firehose */
import { toSyncEvent, type NewHead, type RepoStatus } from '@avocet/repo'
import type { NewEvent } from '@avocet/sequencer'
import type { Datetime, Did } from '@avocet/syntax'

const now = (): Datetime => new Date().toISOString() as Datetime

/** The identity may have changed: handle, key, or service. @param handle null when it has none that is known to be right */
export function identityEvent(did: Did, handle: string | null): NewEvent {
  const body = { did, time: now(), ...(handle === null ? {} : { handle }) }
  return { did, type: '#identity', body }
}

/** The hosting status of an account as it is from now on. */
export function accountEvent(did: Did, status: RepoStatus): NewEvent {
  const state = status === 'active' ? { active: true } : { active: false, status }
  return { did, type: '#account', body: { did, time: now(), ...state } }
}

/** Where a repository stands, for those who cannot tell from its commits. */
export function syncEvent(head: Pick<NewHead, 'did' | 'rev' | 'commit' | 'commitBytes'>): NewEvent {
  return { did: head.did, type: '#sync', body: toSyncEvent(head, now()) }
}
