// The status as Prometheus reads it. https://prometheus.io/docs/practices/naming

import { Counter, Gauge, Registry } from 'prom-client'
import type { Status } from '../http/status.ts'
import { coverageOf } from './report.ts'

/** What Prometheus reads. */
export type Metrics = { readonly contentType: string; render(status: Status): Promise<string> }

/** Metrics of an indexer: what the status says, and nothing that has to be counted for it. */
export function createMetrics(): Metrics {
  const register = new Registry()
  const registers = [register]
  const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
    new Gauge({ name: `indexer_${name}`, help, labelNames, registers })
  const counter = (name: string, help: string, ...labelNames: string[]): Counter =>
    new Counter({ name: `indexer_${name}_total`, help, labelNames, registers })

  const repos = gauge('repos', 'Repos by state.', 'status')
  const partial = gauge('repos_partial', 'Synchronized repos of which only the head is known.')
  const confirmed = gauge('repos_confirmed', 'Repos shown to be complete within the last 13 hours.')
  const behind = gauge('repos_behind', 'Repos that are not synchronized, by reason.', 'status', 'reason')
  const unreachable = gauge('repos_unreachable', 'Repos whose hosts cannot be read now.')
  const overQuota = gauge('accounts_over_quota', 'Accounts that have used up their room on disk.')
  const lag = gauge(
    'source_lag_seconds',
    'Age of the newest commit of a source when it was indexed.',
    'source',
  )
  const live = gauge('source_connected', 'Whether a source is connected.', 'source')
  const indexes = gauge(
    'index_progress',
    'Share of the records that an index is built from which are in it.',
    'index',
    'kind',
  )
  const records = gauge('records', 'Records in the index.')
  const bytes = gauge('database_bytes', 'Size of the database.')
  const written = counter('records_written', 'Operations on records.', 'action')
  const commits = counter('commits', 'Commits verified.')
  const resyncs = counter('resyncs', 'Repos read.')
  const reads = counter(
    'repo_reads',
    'Repos read since the start, by their exports or only what is wanted of them.',
    'how',
  )
  const failures = counter('failures', 'Events that were refused or not needed.', 'reason', 'fault')
  const audits = gauge('audited_repos', 'Repos compared with their hosts in the last month.', 'result')
  const audited = gauge('audited_records', 'Records compared in the last month.', 'result')
  const bound = gauge(
    'audit_repos_different_at_most',
    'Share of complete repos that are not, at most, with 95 % confidence.',
  )
  const auditBytes = gauge('audit_bytes_today', 'Bytes that the audit has read in the last day.')

  const unread = gauge(
    'consumer_behind',
    'Numbers of the log that a group or webhook has not read.',
    'consumer',
  )
  const unacked = gauge(
    'consumer_unacked',
    'Events that a group or webhook has not acknowledged.',
    'consumer',
  )
  const letters = gauge('consumer_dead_letters', 'Events given up for a group or webhook.', 'consumer')

  const gone = gauge(
    'consumer_lost',
    'Numbers that were gone from the log when a group or webhook got to them.',
    'consumer',
  )

  const set = (status: Status): void => {
    register.resetMetrics()
    for (const { name: consumer, ...stats } of status.consumers) {
      unread.set({ consumer }, stats.behind)
      unacked.set({ consumer }, stats.unacked)
      letters.set({ consumer }, stats.deadLetters)
      gone.set({ consumer }, stats.lost)
    }
    const coverage = coverageOf(status)
    const { known: _, partial: part, confirmed: shown, withinMs: __, ...byStatus } = status.repos
    for (const [name, n] of Object.entries(byStatus)) repos.set({ status: name }, n)
    partial.set(part)
    confirmed.set(shown)
    for (const { status: name, reason, repos: n } of status.behind) behind.set({ status: name, reason }, n)
    unreachable.set(coverage.unreachable)
    overQuota.set(status.overQuota)
    for (const { url, state, lagMs } of status.sources) {
      live.set({ source: url }, state === 'live' ? 1 : 0)
      if (lagMs !== null) lag.set({ source: url }, lagMs / 1000)
    }
    const { totals } = status
    records.set(totals.records)
    indexes.reset()
    for (const { index, kind, progress } of status.indexes) indexes.set({ index, kind }, progress ?? 0)
    bytes.set(status.database.bytes)
    for (const [action, n] of [
      ['create', totals.creates],
      ['update', totals.updates],
      ['delete', totals.deletes],
    ] as const)
      written.inc({ action }, n)
    commits.inc(totals.commits)
    resyncs.inc(totals.resyncs)
    for (const how of ['whole', 'sparse'] as const) reads.inc({ how }, status.backfill.reads[how])
    for (const { reason, count, fault } of status.failures.byReason)
      failures.inc({ reason, fault: String(fault) }, count)
    const { audit } = status
    if (audit === null) return
    audits.set({ result: 'same' }, audit.repos - audit.reposDifferent)
    audits.set({ result: 'different' }, audit.reposDifferent)
    audits.set({ result: 'unknown' }, audit.reposUnknown)
    audited.set({ result: 'same' }, audit.records - audit.recordsDifferent)
    audited.set({ result: 'different' }, audit.recordsDifferent)
    // Nothing is known before the first.
    bound.set(audit.reposDifferentAtMost ?? 1)
    auditBytes.set(audit.bytesToday)
  }

  return {
    contentType: register.contentType,
    render(status) {
      set(status)
      return register.metrics()
    },
  }
}
