import { importKeypair, parseDidKey } from '@avocet/crypto'
import { formatCid } from '@avocet/data'
import { readRepo } from '@avocet/repo'
import { tidToMicros, type Did } from '@avocet/syntax'
import { decodeFrame } from '@avocet/xrpc'

import { hostingStatus } from '../account.ts'
import type { RepoView, StoresView } from '../stores/view.ts'
import type { Finding } from './finding.ts'

/** A revision may be ahead of the clock by so much; relays refuse what is more. https://atproto.com/specs/sync */
const MAX_AHEAD_MS = 5 * 60 * 1000

/** What repositories are looked at in. */
type RepoSource = Pick<StoresView, 'accounts' | 'secrets' | 'repository'>

/** A repository that is not what it should be. */
interface Fault {
  readonly did: Did
  readonly detail: string
  readonly next: string
}

/**
 * Reads whole repositories, as those do who mirror them: every block by its hash, the tree, the signature by the key of the
 * account, the rows against the records, the newest event against the head. One after another, in a snapshot each.
 */
export async function repoChecks(view: RepoSource, dids: readonly Did[], of: number): Promise<Finding[]> {
  const faults: Fault[] = []
  for (const did of dids) {
    // One after another, so that little is held at a time.
    await view.repository(did, async (repo) => {
      const ahead = repo === null ? null : revAhead(did, repo.rev)
      if (ahead !== null) faults.push(ahead)
      const detail = await repoFault(view, did, repo)
      if (detail !== null) faults.push({ did, detail, next: `avocet-pds rebuild-repo ${did}` })
    })
  }
  if (faults.length > 0) {
    return faults.map(({ did, detail, next }) => ({ level: 'bad', what: `repository ${did}`, detail, next }))
  }
  const detail = `${dids.length} of ${of} read, each whole, signed and indexed`
  return [{ level: 'ok', what: 'repositories', detail }]
}

function revAhead(did: Did, rev: string): Fault | null {
  const ahead = tidToMicros(rev) / 1000 - Date.now()
  if (ahead <= MAX_AHEAD_MS) return null
  const detail = `its revision is ${Math.round(ahead / 60_000)} minutes ahead of the clock; rev=${rev}`
  return { did, detail, next: `avocet-pds repair-rev ${did}` }
}

/** What is wrong with a repository, or null. */
async function repoFault(view: RepoSource, did: Did, repo: RepoView | null): Promise<string | null> {
  const account = await view.accounts.get(did)
  const privateKey = await view.secrets.signingKey(did)
  if (repo === null || account === null || privateKey === null) return 'the account has no repository'
  const key = parseDidKey(importKeypair('k256', privateKey).didKey)
  if (!key.ok) return 'the signing key cannot be used'
  try {
    await using reader = await readRepo(repo.car(), { did, key: key.value })
    if (reader.rev !== repo.rev) return `its head says ${repo.rev}, its commit ${reader.rev}`
    const indexed = await repo.rows()
    for await (const { path, cid } of reader.entries) {
      const known = indexed.get(path)
      if (known !== formatCid(cid)) {
        return known === undefined
          ? `a record has no row; path=${path}`
          : `a row is another record's; path=${path}`
      }
      indexed.delete(path)
    }
    if (indexed.size > 0) return `a row has no record; path=${indexed.keys().next().value!}`
  } catch (error) {
    return `it cannot be read: ${(error as Error).message}`
  }
  // What changes while an account is not active is announced when it is.
  return hostingStatus(account) === 'active' ? eventFault(repo) : null
}

/** The newest event of a repository, if it is still in the log, tells its head. */
async function eventFault(repo: RepoView): Promise<string | null> {
  for await (const bytes of repo.frames()) {
    const frame = decodeFrame(bytes)
    if (!frame.ok || frame.value.kind !== 'message') return 'an event of its cannot be read'
    const { type, body } = frame.value
    if (type !== '#commit' && type !== '#sync') continue
    const told = (body as { rev?: unknown }).rev
    return told === repo.rev ? null : `its newest event tells ${String(told)}, its head is ${repo.rev}`
  }
  return null
}
