import type { RepoStatus } from '@avocet/repo'
import type { Did } from '@avocet/syntax'
import type { RequestInfo } from '@avocet/xrpc-server'

import { RepoServerError } from './error.ts'
import type { RepoParts } from './host.ts'

/** A repository that may be read. */
export interface ReadableRepo {
  readonly did: Did
  readonly status: RepoStatus
  /** As whom. */
  readonly as: 'public' | 'owner' | 'operator'
}

/**
 * The repository that this caller may read: an active one by anybody, any by its owner and by the operator (who need it to move
 * away, or to look into a report).
 * @throws RepoServerError `repo-not-found`, `repo-takendown`, `repo-deactivated`
 */
export async function readableRepo(parts: RepoParts, request: RequestInfo, did: Did): Promise<ReadableRepo> {
  const { access } = parts.options
  const isNobody = access.reader === undefined || request.header('authorization') === null
  const as = isNobody ? 'public' : await access.reader!(request, did)
  return { ...(await servedRepo(parts, did, as !== 'public')), as }
}

/**
 * A repository that is served.
 * @param everything whether one that is not active is, too
 * @throws RepoServerError `repo-not-found`, `repo-takendown`, `repo-deactivated`
 */
export async function servedRepo(
  parts: RepoParts,
  identifier: string,
  everything = false,
): Promise<{ did: Did; status: RepoStatus }> {
  const did = await parts.find(identifier)
  const status = did === null ? null : await parts.statusOf(did)
  if (did === null || status === null || status === 'deleted') {
    throw new RepoServerError('repo-not-found', `Could not find repo for DID: ${identifier}`)
  }
  if (status === 'active' || everything) return { did, status }
  if (status === 'deactivated') {
    throw new RepoServerError('repo-deactivated', `Repo has been deactivated: ${did}`)
  }
  throw new RepoServerError('repo-takendown', `Repo has been takendown: ${did}`)
}

/** The caller's DID, if `repo` names the caller. @throws RepoServerError `not-your-repo` */
export async function ownRepo(parts: RepoParts, repo: string, caller: Did): Promise<Did> {
  if ((await parts.find(repo)) !== caller) throw new RepoServerError('not-your-repo', 'Account not found')
  return caller
}

/** The status of a repository as the methods of com.atproto.sync tell it. */
export function shownStatus(status: RepoStatus): { active: true } | { active: false; status: RepoStatus } {
  return status === 'active' ? { active: true } : { active: false, status }
}
