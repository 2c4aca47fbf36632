/** Event numbers above those of the reference, and where each account stands, for those who follow the firehose. */
import { readAccounts } from '@avocet/accounts/sqlite'
import { accountEvent, syncEvent } from '@avocet/repo-server'
import { openRepoServerStore } from '@avocet/repo-server/sqlite'
import { advanceSeq } from '@avocet/sequencer/sqlite'
import { openDatabase } from '@avocet/sqlite'

import { hostingStatus } from '../account.ts'
import { createAuditLog } from '../audit/audit-log.ts'
import { openAudit } from '../stores/sqlite/audit.ts'

/** Numbers left out, should the reference have sent events that its database lost. */
const SEQ_MARGIN = 1_000_000
const AT_A_TIME = 100

/**
 * Goes on above the newest number of the reference, and tells of every account its status and, for an active one, its head by
 * a `#sync`. The commits are those that relays know already. The audit log begins with the take-over.
 * @returns the first number that is given out
 */
export async function announceAdopted(path: string, newestSent: number): Promise<number> {
  using db = openDatabase({ path })
  const newest = Number(db.prepare('SELECT newest FROM event_log').get()!['newest'])
  const first = Math.max(newest, newestSent + SEQ_MARGIN)
  if (first > newest) advanceSeq(db, first - newest)
  const { accounts } = readAccounts(db)
  const server = openRepoServerStore(db)
  const { repos } = server
  for (let after = ''; ;) {
    const page = accounts.list({ after, limit: AT_A_TIME })
    if (page.length === 0) {
      await createAuditLog(openAudit(db)).recordCommand('server taken over', { events: first + 1 })
      return first + 1
    }
    for (const account of page) {
      const { did } = account
      const head = await repos.getHead(did)
      const commitBytes =
        head === null ? undefined : (await repos.getBlocks(did, [head.commit])).get(head.commit)
      const status = hostingStatus(account)
      const events = [accountEvent(did, status)]
      if (head !== null && commitBytes !== undefined && status === 'active') {
        events.push(syncEvent({ did, rev: head.rev, commit: head.commit, commitBytes }))
      }
      await server.apply({ type: 'announcement', did, events })
    }
    after = page.at(-1)!.did
  }
}
