// The sampled audit: now and then a repo that is said to be complete is compared with its host, within a budget. What differs is read
// anew, and told.

import type { HostFetch } from '@avocet/firehose'
import type { Did } from '@avocet/syntax'
import type { RepoReader } from '../queries/repos.ts'
import { sleep } from '../sync/discover.ts'
import type { Audited, AuditLog, AuditSums } from './audit-log.ts'
import type { CompareRepo } from './compare.ts'
import type { Sample } from './sample.ts'

/** What it may cost. */
export type AuditBudget = {
  /** Repos that are compared in a minute, at most; 0: none ever. */
  readonly perMinute: number
  /** Bytes that are read in a day; the export that goes past it is read to its end. */
  readonly bytesPerDay: number
}

/** What the audit found, and what it may cost. */
export type AuditReport = AuditSums & AuditBudget & { readonly bytesToday: number }

/** A running audit. */
export type Audit = { report(): AuditReport; stop(): Promise<void> }

/** Counts what comes of what is fetched. */
export type ByteMeter = { readonly fetch: HostFetch; take(): number }

/** Bytes as they are read, decompressed. */
export function createByteMeter(fetch: HostFetch): ByteMeter {
  let bytes = 0
  return {
    async fetch(url, init) {
      const response = await fetch(url, init)
      if (response.body === null) return response
      const counted = response.body.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            bytes += chunk.length
            controller.enqueue(chunk)
          },
        }),
      )
      const { status, statusText, headers } = response
      return new Response(counted, { status, statusText, headers })
    },
    take() {
      const taken = bytes
      bytes = 0
      return taken
    },
  }
}

/** Starts comparing, one repo at a time. */
export function startAudit(options: {
  readonly budget: AuditBudget
  readonly sample: Sample
  readonly repos: Pick<RepoReader, 'get'>
  readonly compare: CompareRepo
  readonly meter: Pick<ByteMeter, 'take'>
  readonly log: AuditLog
  readonly requestResync: (did: Did) => Promise<void>
  readonly onTrouble: (message: string) => void
  readonly now: () => number
}): Audit {
  const { budget, repos, log, meter, now, onTrouble } = options
  const stopped = new AbortController()
  const { signal } = stopped
  /** Of others nobody says that they are complete. */
  const isComplete = (did: string): boolean => {
    const repo = repos.get(did)
    return repo !== null && repo.status === 'synchronized' && repo.flags.length === 0
  }

  const auditOne = async (): Promise<void> => {
    const did = await options.sample.next(signal)
    if (did === null || !isComplete(did)) return
    meter.take()
    const compared = await options.compare(did as Did, signal)
    const about = { at: now(), did, bytes: meter.take() }
    const unknown = (reason: string): Audited => ({
      ...about,
      result: 'unknown',
      reason,
      records: 0,
      different: 0,
    })
    if (!compared.ok) return log.add(unknown(compared.error.code), [])
    const { records, different, differences, unsettled } = compared.value
    // What became known to be incomplete meanwhile is no news.
    if (different > 0 && !isComplete(did)) return log.add(unknown('not-synchronized'), [])
    if (different === 0 && unsettled > 0) return log.add(unknown('unsettled'), [])
    const result = different > 0 ? 'different' : 'same'
    await log.add({ ...about, result, reason: null, records, different }, differences)
    if (different === 0) return
    onTrouble(`audit: ${different} of ${records} records of ${did} differ; it is read anew`)
    await options.requestResync(did as Did)
  }

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await sleep(60_000 / budget.perMinute, signal)
      if (signal.aborted || log.bytesToday() >= budget.bytesPerDay) continue
      try {
        await auditOne()
      } catch (error) {
        if (!signal.aborted) onTrouble(`audit failed: ${String(error)}`)
      }
    }
  }
  const running = budget.perMinute > 0 ? run() : Promise.resolve()
  return {
    report: () => ({ ...log.sums(), ...budget, bytesToday: log.bytesToday() }),
    async stop() {
      stopped.abort()
      await running
    },
  }
}
