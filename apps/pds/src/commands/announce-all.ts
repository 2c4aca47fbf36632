import type { AccountReads } from '@avocet/accounts'
import { createKeyedLock, type RepoServerStore } from '@avocet/repo-server'
import { createTidClock } from '@avocet/syntax'

import { createAnnouncer } from '../accounts/announcer.ts'
import { createSigners } from '../identity/signers.ts'

/** What announcing works on. */
export interface AnnounceAllParts {
  readonly accountStore: Pick<AccountReads, 'accounts' | 'secrets'>
  readonly server: RepoServerStore
}

const AT_A_TIME = 100

/**
 * Announces every account in a database that no server has open.
 * @param problem is told what could not be announced
 */
export async function announceAll(
  { accountStore, server }: AnnounceAllParts,
  problem: (text: string) => void,
): Promise<{ active: number; inactive: number }> {
  const { accounts, secrets } = accountStore
  const announce = createAnnouncer({
    accounts,
    server,
    signers: createSigners(secrets),
    locks: createKeyedLock(),
    tids: createTidClock(),
  })
  const done = { active: 0, inactive: 0 }
  for (let after = ''; ;) {
    const page = await accounts.list({ after, limit: AT_A_TIME })
    if (page.length === 0) return done
    // Queued together, so that they share transactions.
    const outcomes = await Promise.all(
      page.map(({ did }) =>
        announce(did).catch((error: unknown) => {
          problem(`${did}: ${error instanceof Error ? error.message : String(error)}`)
          return null
        }),
      ),
    )
    for (const outcome of outcomes) if (outcome !== null) done[outcome] += 1
    after = page.at(-1)!.did
  }
}
