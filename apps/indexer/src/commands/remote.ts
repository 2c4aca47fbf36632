// The commands that ask a running indexer by its admin API.

import { IndexerError } from '../errors.ts'

/** Where it is, and what lets in. */
export type Remote = { readonly url: string; readonly token: string }

/** An answer of the API. */
export type Answer = Record<string, any>

const TIMEOUT_MS = 60_000

/** Asks. @throws IndexerError `admin` with what to do about it */
export async function ask(
  { url, token }: Remote,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<Answer> {
  let response: Response
  try {
    response = await fetch(`${url}/admin/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch (cause) {
    const code = (cause as { cause?: { code?: string } }).cause?.code
    const why = code === 'ECONNREFUSED' ? '' : ` (${code ?? (cause as Error).message})`
    throw new IndexerError(
      'admin',
      `No indexer answers at ${url}${why}. Is one running that was started with AVOCET_ADMIN_TOKEN, and is --admin-url right?`,
      { cause },
    )
  }
  const answer = (await response.json().catch(() => null)) as Answer | null
  if (response.ok && answer !== null) return answer
  if (response.status === 401) {
    throw new IndexerError('admin', `The indexer at ${url} has another admin token`)
  }
  const said = typeof answer?.['message'] === 'string' ? answer['message'] : 'that is no indexer'
  throw new IndexerError('admin', `${url} answers ${response.status}: ${said}`)
}

/** Every page of a list. */
export async function askAll(remote: Remote, path: string, name: string): Promise<Answer[]> {
  const all: Answer[] = []
  for (let cursor = ''; ;) {
    const page = await ask(
      remote,
      'GET',
      `${path}?limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    )
    all.push(...(page[name] as Answer[]))
    if (typeof page['cursor'] !== 'string') return all
    cursor = page['cursor']
  }
}

/** The status for people. */
export function describeStatus(status: Answer): string {
  const { totals, repos, wanted, failures, sources } = status
  const lines = [
    `avocet-indexer ${status['version']}, up since ${at(status['startedAt'])}`,
    `wanted: ${describeWanted(wanted)}`,
    ...sources.map((source: Answer) => `source ${source['url']}: ${source['state']}${lag(source['lagMs'])}`),
    `repos: ${repos.known} known, ${repos.synchronized} synchronized, ${repos.unconfirmed + repos.suspect} to be confirmed, ` +
      `${repos.desynchronized + repos.resyncing} to be read, ${repos.terminal} that cannot be read`,
    `records: ${totals.records}; commits: ${totals.commits}; exports read: ${totals.resyncs}`,
    ...wanted.finding.map(describeFinding),
    `failures: ${failures.faults}`,
  ]
  const { removals, reindex } = status
  if (removals.repos > 0) lines.push(`removing: ${removals.repos} repos`)
  if (removals.collections) lines.push('removing: records of collections that are not wanted any more')
  for (const index of status['indexes'] as Answer[]) {
    if (index['state'] !== 'ready') lines.push(describeIndex(index))
  }
  lines.push(...(status['judging'] as Answer[]).map(describeJudging))
  if (reindex !== null) lines.push(describeReindex(reindex))
  return lines.join('\n')
}

function describeWanted({ everything, collections, signal, named, chosen }: Answer): string {
  const what = collections === null ? 'all collections' : collections.join(', ')
  const who = everything
    ? 'every repo'
    : signal !== null
      ? `repos with a record of ${signal}`
      : collections === null
        ? 'named repos alone'
        : 'repos that have records of them'
  const changed = chosen.added + chosen.removed
  const since = changed === 0 ? '' : ` (${chosen.added} added, ${chosen.removed} removed while it ran)`
  return `${what} of ${who}, ${named} named${since}`
}

function describeFinding({ host, collections, by, state, named, readAt }: Answer): string {
  const how = by === 'list' ? 'lists' : 'is asked account by account for'
  const said =
    state === 'read' ? `${named} repos, ${at(readAt)}` : state === 'reading' ? `${named} repos so far` : state
  return `${host} ${how} ${collections.join(', ')}: ${said}`
}

const describeJudging = ({ collection, progress }: Answer): string =>
  `records of ${collection} judged by other lexicons: ${percent(progress)}`

/** What came of reading lexicons anew. */
export function describeLexicons({ documents, collections, judging, notes }: Answer): string {
  const what = `${documents.length} lexicons are in force, of ${collections.length} collections`
  return [what, ...notes, ...(judging as Answer[]).map(describeJudging)].join('\n')
}

/** An index, and how far it is. */
export function describeIndex({ index, kind, state, progress }: Answer): string {
  const far = state === 'building' ? ` ${percent(progress)}` : ''
  return `${kind === 'search' ? 'search' : 'index'} ${index}: ${state}${far}`
}

/** How far a reindex is. */
export function describeReindex({ looked, changed, progress, finishedAt }: Answer): string {
  const done = finishedAt === null ? `${(progress * 100).toFixed(1)} %` : `finished ${at(finishedAt)}`
  return `reindex: ${done}; ${looked} records looked at, ${changed} changed`
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const at = (ms: number): string => new Date(ms).toISOString()
const lag = (ms: number | null): string => (ms === null ? '' : `, ${ms} ms behind`)
