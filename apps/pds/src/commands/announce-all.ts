import { applyWrites, toSyncEvent } from '@avocet/repo'
import type { RepoStore } from '@avocet/repo'
import type { SyncEventLog } from '@avocet/sequencer'
import type { Database } from '@avocet/sqlite'
import { createTidClock, type TidClock } from '@avocet/syntax'

import type { Account } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import { createAnnouncements, type Announcements } from '../events/announcements.ts'
import { revAfter } from '../repos/revs.ts'
import { createSigners, type Signers } from '../repos/signers.ts'

/** What announcing works on. */
export interface AnnounceParts {
  readonly db: Database
  readonly accounts: AccountStore
  readonly repos: RepoStore<Database>
  readonly log: SyncEventLog<Database>
}

const AT_A_TIME = 100

/**
 * Tells the firehose where every account stands, after the database went back in time: its status, and for those that are
 * active a new commit of the same tree with a `#sync`. The new commit is needed: relays may know a later revision than the
 * one here, and pass over whatever does not come after it.
 * @param problem is told what could not be announced
 */
export async function announceAll(
  parts: AnnounceParts,
  problem: (text: string) => void,
): Promise<{ active: number; inactive: number }> {
  const { accounts } = parts
  const tools = {
    ...parts,
    signers: createSigners(accounts),
    announcements: createAnnouncements(parts.log),
    tids: createTidClock(),
  }
  const done = { active: 0, inactive: 0 }
  for (let after = ''; ;) {
    const page = accounts.list(after, AT_A_TIME)
    if (page.length === 0) return done
    // Queued together, so that they share transactions.
    const outcomes = await Promise.all(
      page.map((account) =>
        announce(account, tools).catch((error: unknown) => {
          problem(`${account.did}: ${error instanceof Error ? error.message : String(error)}`)
          return null
        }),
      ),
    )
    for (const outcome of outcomes) if (outcome !== null) done[outcome] += 1
    after = page.at(-1)!.did
  }
}

interface Tools extends AnnounceParts {
  readonly signers: Signers
  readonly announcements: Announcements
  readonly tids: TidClock
}

async function announce(account: Account, tools: Tools): Promise<'active' | 'inactive'> {
  const { db, repos, log, signers, announcements, tids } = tools
  const { did } = account
  const head = await repos.getHead(did)
  const isActive = account.deactivatedAt === null && account.takedownRef === null
  if (!isActive || head === null) {
    await db.write(() => announcements.account(db, account))
    return isActive ? 'active' : 'inactive'
  }
  const rev = revAfter(tids, did, head.rev)
  const commit = await applyWrites({ did, head, store: repos, writes: [], signer: signers.get(did), rev })
  await repos.apply(commit, () => {
    announcements.account(db, account)
    const time = new Date().toISOString() as `${string}T${string}`
    const { commit: cid, commitBytes } = commit
    log.append(db, {
      did,
      type: '#sync',
      body: toSyncEvent({ did, rev, commit: cid, commitBytes }, time),
    })
  })
  return 'active'
}
