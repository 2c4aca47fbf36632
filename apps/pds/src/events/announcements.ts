/** Bodies of the firehose's account and identity events. https://atproto.com/specs/sync#firehose */
import type { SyncEventLog } from '@avocet/sequencer'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import { accountStatus, type Account } from '../accounts/account.ts'

/** Appends events about accounts, in the transaction of the caller. */
export interface Announcements {
  /** The identity may have changed: handle, key, or service. */
  identity(db: Database, did: Did, handle: string | null): void
  /** The hosting status of an account as it stands now. */
  account(db: Database, account: Account): void
  /** The account is gone. Returns the event's number: the account's earlier ones are to be removed. */
  deleted(db: Database, did: Did): number
}

/** Announcements into `log`. */
export function createAnnouncements(log: SyncEventLog<Database>): Announcements {
  const time = (): string => new Date().toISOString()
  return {
    identity: (db, did, handle) => {
      const body = { did, time: time(), ...(handle === null ? {} : { handle }) }
      void log.append(db, { did, type: '#identity', body })
    },
    account: (db, account) => {
      const { did } = account
      void log.append(db, { did, type: '#account', body: { did, time: time(), ...accountStatus(account) } })
    },
    deleted: (db, did) => {
      const body = { did, time: time(), active: false, status: 'deleted' }
      return log.append(db, { did, type: '#account', body })
    },
  }
}
