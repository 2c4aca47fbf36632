import type { AccountReads } from '@avocet/accounts'
import { applyWrites } from '@avocet/repo'
import { accountEvent, assertApplied, revAfter, syncEvent, type RepoServerStore } from '@avocet/repo-server'
import { createTidClock, type TidClock } from '@avocet/syntax'

import { hostingStatus, type Account } from '../account.ts'
import { createSigners, type Signers } from '../identity/signers.ts'

/** What announcing works on. */
export interface AnnounceParts {
  readonly accountStore: Pick<AccountReads, 'accounts' | 'secrets'>
  readonly server: RepoServerStore
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
  const { accounts, secrets } = parts.accountStore
  const tools = {
    ...parts,
    signers: createSigners(secrets),
    tids: createTidClock(),
  }
  const done = { active: 0, inactive: 0 }
  for (let after = ''; ;) {
    const page = await accounts.list({ after, limit: AT_A_TIME })
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
  readonly tids: TidClock
}

async function announce(account: Account, tools: Tools): Promise<'active' | 'inactive'> {
  const { server, signers, tids } = tools
  const { repos } = server
  const { did } = account
  const head = await repos.getHead(did)
  const status = hostingStatus(account)
  const event = accountEvent(did, status)
  if (status !== 'active' || head === null) {
    await server.apply({ type: 'announcement', did, events: [event] })
    return status === 'active' ? 'active' : 'inactive'
  }
  const rev = revAfter(tids, did, head.rev)
  const commit = await applyWrites({
    did,
    head,
    store: repos,
    writes: [],
    signer: await signers.get(did),
    rev,
  })
  const events = [event, syncEvent(commit)]
  assertApplied(await server.apply({ type: 'commit', did, commit, records: [], claims: [], events }))
  return 'active'
}
