import type { RelayState } from '../../events/crawlers.ts'
import type { LimitHit } from '../../limits/limit-hits.ts'
import type { MailLogEntry } from '../../mail/mail-log.ts'
import type { LastError } from '../../operations/last-errors.ts'
import type { StorageState, StreamState } from '../../operator/server-reads.ts'
import { html, type Fragment, type Html } from '../../pages/html.ts'
import type { OperatorSession } from '../../stores/operator-rows.ts'
import { accountLink, bytes, count, facts, table, time } from './parts.ts'

/** Said where a page shows what one process knows. */
const ofThisProcess: Html = html`<p class="soft">
  As this process knows it, since it started. Where several serve, each has its own.
</p>`

const SUMMING = 'is being summed up: look again in a moment'

/** Where the server stands, in short. */
export function overviewView(
  stream: StreamState,
  errors: readonly LastError[],
  sessions: readonly OperatorSession[],
  now: string,
): Html {
  return html`${facts([
    ['Health', stream.problem ?? 'the server can store data'],
    ['Newest event', count(stream.newest)],
    ['Subscribers', count(stream.subscribers.length)],
    ['Writes that wait', count(stream.waitingWrites)],
    ['Process', `${process.pid}, up ${(process.uptime() / 3600).toFixed(1)} hours, at ${now}`],
  ])}
  ${errorsTable('Last errors', errors.filter(({ level }) => level === 'error').slice(0, 5))}
  ${table(
    'Signed in at this page',
    ['Browser', 'From', 'Since', 'Seen'],
    sessions.map(({ userAgent, address, createdAt, seenAt }) => [
      userAgent ?? 'unnamed',
      address ?? 'unknown',
      time(new Date(createdAt).toISOString()),
      time(new Date(seenAt).toISOString()),
    ]),
  )}`
}

/** What is stored, and where there is room. */
export function storageView({ accounts, blobs, disks, quota }: StorageState): Html {
  const bound = (max: number, shown: string): string => (max === 0 ? 'none' : shown)
  return html`${facts([
      ['Accounts', accounts === null ? SUMMING : count(accounts)],
      ['Blobs', blobs === null ? SUMMING : `${count(blobs.count)}, ${bytes(blobs.bytes)}`],
      ['Bound of blobs an account', bound(quota.blobBytes, bytes(quota.blobBytes))],
      ['Bound of records an account', bound(quota.records, count(quota.records))],
    ])}
    ${table(
      'Disks',
      ['Folder', 'Free', 'Of'],
      disks.map(({ folder, free, size }) => [folder, bytes(free), bytes(size)]),
    )}
    ${table(
      'Accounts with the most blobs',
      ['Account', 'Blobs'],
      (blobs?.largest ?? []).map(({ did, bytes: own }) => [accountLink(did), bytes(own)]),
    )}
    <p class="soft">Sums are made anew after ten minutes.</p>`
}

/** The log of events, its readers, chores, relays. */
export function streamView(stream: StreamState, relays: readonly RelayState[]): Html {
  return html`${facts([
    ['Health', stream.problem ?? 'the server can store data'],
    ['Newest event', count(stream.newest)],
    ['Oldest event kept', count(stream.oldest)],
    ['Numbers kept', count(Math.max(0, stream.newest - stream.oldest + 1))],
    ['Writes that wait', count(stream.waitingWrites)],
    ['Sent', `${stream.eventsPerSecond.toFixed(1)} events, ${bytes(stream.bytesPerSecond)} a second`],
  ])}
  ${table(
    `Subscribers: ${stream.subscribers.length}`,
    ['Since', 'At event', 'Behind', 'Events', 'Sent'],
    stream.subscribers.map(({ since, position, lag, events, bytes: sent }): Fragment[] => [
      time(since),
      count(position),
      count(lag),
      count(events),
      bytes(sent),
    ]),
  )}
  ${table(
    'Relays (requestCrawl)',
    ['Relay', 'Asked', 'Answer', 'Not again before'],
    relays.map(({ url, askedAt, answer, nextAt }) => [
      url,
      time(askedAt),
      answer ?? (askedAt === null ? '–' : 'none yet'),
      nextAt === null ? 'the next event' : time(nextAt),
    ]),
    'PDS_CRAWLERS names none.',
  )}
  ${table(
    'Chores',
    ['Round', 'Chores', 'Failed', 'Took', 'Clock'],
    stream.chores.map(({ at, chores, failed, seconds, isClockDoubted }) => [
      time(at),
      count(chores),
      count(failed),
      seconds === null ? 'running' : `${seconds.toFixed(1)} s`,
      isClockDoubted ? 'in doubt: nothing is removed for its age' : 'right',
    ]),
    'Another process does them.',
  )}
  ${ofThisProcess}`
}

/** What limits refused. */
export function limitsView(hits: readonly LimitHit[]): Html {
  const byLimit = new Map<string, number>()
  for (const hit of hits) byLimit.set(hit.limit, (byLimit.get(hit.limit) ?? 0) + hit.count)
  return html`${table(
    'Refused in the last hour, by limit',
    ['Limit', 'Requests'],
    [...byLimit].toSorted((one, other) => other[1] - one[1]).map(([limit, n]) => [limit, count(n)]),
    'No limit refused anybody.',
  )}
  ${table(
    'By network',
    ['Network', 'Limit', 'Requests'],
    hits.slice(0, 200).map(({ network, limit, count: n }) => [network ?? 'others', limit, count(n)]),
    'No limit refused anybody.',
  )}
  ${ofThisProcess}`
}

function errorsTable(caption: string, errors: readonly LastError[]): Html {
  return table(
    caption,
    ['What', 'When', 'Level', 'Cause', 'About'],
    errors.map(({ at, level, message, cause, about }) => [
      message,
      time(at),
      level === 'error' ? 'error' : 'warning',
      cause ?? '–',
      about === '' ? '–' : about,
    ]),
    'There was none.',
  )
}

/** The last errors and warnings. */
export const errorsView = (errors: readonly LastError[]): Html =>
  html`${errorsTable('The last 200 errors and 100 warnings', errors)}${ofThisProcess}`

/** The last mails. */
export const mailView = (mails: readonly MailLogEntry[]): Html =>
  html`${table(
    'The last 500 mails',
    ['To', 'What', 'When', 'Result'],
    mails.map(({ at, to, kind, error }) => [to, kind, time(at), error ?? 'sent']),
    'None was sent.',
  )}${ofThisProcess}`
