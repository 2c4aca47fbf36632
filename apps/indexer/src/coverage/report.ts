// How complete the index is, in one report: what the command, the endpoint, the metrics and the page tell.

import type { Status } from '../http/status.ts'

/** How complete the index is. Times are ms since the epoch. */
export type Coverage = Pick<
  Status,
  'now' | 'repos' | 'behind' | 'lagMs' | 'audit' | 'overQuota' | 'judging'
> & {
  /** Indexes that are being built or dropped. */
  readonly indexes: Status['indexes']
  /** Share of the known repos that can be read which are complete as far as is known; null without any. */
  readonly synchronizedShare: number | null
  /** Repos whose hosts cannot be read now. */
  readonly unreachable: number
  readonly sources: readonly {
    readonly url: string
    readonly state: string
    readonly lagMs: number | null
  }[]
  readonly failures: readonly { readonly reason: string; readonly count: number; readonly lastAt: number }[]
}

/** Reasons that lie with a host. */
const UNREACHABLE: ReadonlySet<string> = new Set(['fetch-failed', 'host-busy', 'identity-unavailable'])

/** Makes the report of a status. */
export function coverageOf(status: Status): Coverage {
  const { now, repos, behind, lagMs, audit, overQuota, judging, sources, failures } = status
  const readable = repos.known - repos.terminal
  return {
    now,
    synchronizedShare: readable === 0 ? null : (repos.synchronized - repos.partial) / readable,
    repos,
    behind,
    unreachable: behind.reduce((sum, { reason, repos: n }) => sum + (UNREACHABLE.has(reason) ? n : 0), 0),
    lagMs,
    sources: sources.map(({ url, state, lagMs: lag }) => ({ url, state, lagMs: lag })),
    failures: failures.byReason
      .filter(({ fault }) => fault)
      .map(({ reason, count, lastAt }) => ({ reason, count, lastAt })),
    overQuota,
    indexes: status.indexes.filter(({ state }) => state !== 'ready'),
    judging,
    audit,
  }
}
