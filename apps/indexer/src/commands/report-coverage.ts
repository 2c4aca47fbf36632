// `coverage`: how complete a running indexer is, in words.

import type { AuditReport } from '../coverage/audit.ts'
import type { Coverage } from '../coverage/report.ts'
import { IndexerError } from '../errors.ts'

const TIMEOUT_MS = 30_000

/** @returns the exit code @throws IndexerError `unreachable` */
export async function coverage(
  { url, json }: { readonly url: string; readonly json: boolean },
  print: (line: string) => void = (line) => console.log(line),
): Promise<number> {
  let report: Coverage
  try {
    const response = await fetch(new URL('/coverage', url), { signal: AbortSignal.timeout(TIMEOUT_MS) })
    if (!response.ok) throw new Error(`it answers ${response.status}`)
    report = (await response.json()) as Coverage
  } catch (cause) {
    const { message, cause: deeper } = cause as Error
    const why = deeper instanceof Error ? deeper.message : message
    throw new IndexerError(
      'unreachable',
      `No indexer answers at ${url}: ${why}. Is it running? --url names another`,
      {
        cause,
      },
    )
  }
  if (json) print(JSON.stringify(report))
  else for (const line of describe(report)) print(line)
  return 0
}

function* describe(report: Coverage): Generator<string, void, undefined> {
  const { repos, behind, sources, failures, audit, synchronizedShare } = report
  const share = synchronizedShare === null ? '' : ` (${percent(synchronizedShare)} of those that can be read)`
  yield `repos      ${repos.known} known, ${repos.synchronized - repos.partial} complete${share}`
  yield `           ${repos.partial} known in part, ${repos.confirmed} confirmed in the last ${repos.withinMs / 3_600_000} hours`
  yield `           ${repos.terminal} that cannot be read any more, ${report.unreachable} unreachable now`
  for (const { status, reason, repos: n } of behind) yield `behind     ${n} ${status}: ${reason}`
  for (const { url, state, lagMs } of sources) {
    yield `source     ${url} ${state}${lagMs === null ? '' : `, ${lagMs} ms behind`}`
  }
  for (const { reason, count } of failures) yield `failures   ${count} ${reason}`
  if (report.overQuota > 0) yield `quota      ${report.overQuota} accounts have used up their room`
  for (const { index, state, progress } of report.indexes) {
    yield `index      ${index} ${state}${progress === null ? '' : ` ${percent(progress)}`}`
  }
  for (const { collection, progress } of report.judging) {
    yield `lexicon    ${percent(progress)} of the records of ${collection} judged by it`
  }
  yield `audit      ${audit === null ? 'off' : describeAudit(audit)}`
}

/** What the audit says, and how sure it is. */
function describeAudit(audit: AuditReport): string {
  if (audit.perMinute === 0) return 'off'
  if (audit.reposDifferentAtMost === null) return 'nothing compared yet'
  const { repos, reposDifferent, reposUnknown, records, recordsDifferent } = audit
  const bound = `with ${percent(audit.confidence)} confidence at most ${percent(audit.reposDifferentAtMost)} of complete repos differ`
  return `${reposDifferent} of ${repos} repos and ${recordsDifferent} of ${records} records differed, ${reposUnknown} could not be compared: ${bound}`
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`
