// https://prometheus.io/docs/practices/naming
import { statfs } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'

import type { Awaitable } from '@avocet/accounts'
import type { EventLog, Sequencer } from '@avocet/sequencer'
import type { RequestReport } from '@avocet/xrpc-server'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

import type { Service } from './counts.ts'
import type { Vitals } from '../stores/rows.ts'
import { createBlobMeter } from './blob-meter.ts'

/** What this server counts. */
export interface Metrics extends Disposable {
  /** Counts a finished request. */
  observe(report: RequestReport): void
  /** Counts a mail. */
  mail(sent: boolean): void
  /** Counts a call to another service that failed. */
  failed(service: Service): void
  /** Imports under way: 1 at the start of one, -1 at its end. */
  imports(change: 1 | -1): void
  /** Everything counted, in the text form of Prometheus. */
  render(): Promise<string>
}

/** What the metrics look at. */
export interface MetricsParts {
  readonly vitals: Pick<Vitals, 'pendingWrites' | 'blobBytes'>
  readonly log: Pick<EventLog<never>, 'bounds'>
  readonly sequencer: Sequencer
  readonly accounts: () => Awaitable<number>
  readonly healthy: () => boolean
  /** Whether rate limits are counted by all processes together; null where nothing says that they should be. */
  readonly counted: () => boolean | null
  /** The server's own methods; all others are counted together, since callers choose their names. */
  readonly methods: ReadonlySet<string>
  /** Folders whose disks are looked at, by the name they get. */
  readonly folders: Readonly<Record<string, string>>
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Counters and histograms of requests, and gauges of the stream, the disk, the accounts and the process. */
export function createMetrics(parts: MetricsParts): Metrics {
  const register = new Registry()
  const registers = [register]
  const requests = new Counter({
    name: 'pds_requests_total',
    help: 'Requests answered.',
    labelNames: ['method', 'kind', 'status'],
    registers,
  })
  const durations = new Histogram({
    name: 'pds_request_duration_seconds',
    help: 'Time until the answer of a request was known, by method.',
    labelNames: ['method'],
    buckets: SECONDS,
    registers,
  })
  const limited = new Counter({
    name: 'pds_rate_limited_total',
    help: 'Requests refused because of a rate limit.',
    labelNames: ['method'],
    registers,
  })
  const mails = new Counter({
    name: 'pds_mails_total',
    help: 'Mails handed to the mail server, or not.',
    labelNames: ['outcome'],
    registers,
  })
  const failures = new Counter({
    name: 'pds_service_failures_total',
    help: 'Calls to other services that failed.',
    labelNames: ['service'],
    registers,
  })
  const imports = new Gauge({ name: 'pds_imports_running', help: 'Imports under way.', registers })
  const delay = addGauges(parts, registers)

  const observe: Metrics['observe'] = ({ nsid, method: kind, status, durationMs }) => {
    const method = nsid === null ? 'none' : parts.methods.has(nsid) ? nsid : 'other'
    requests.inc({ method, kind: KINDS.has(kind) ? kind : 'other', status })
    if (status === 429) limited.inc({ method })
    // A subscription lasts as long as its subscriber likes.
    if (kind !== 'WS') durations.observe({ method }, durationMs / 1000)
  }

  return {
    observe,
    mail: (sent) => mails.inc({ outcome: sent ? 'sent' : 'failed' }),
    failed: (service) => failures.inc({ service }),
    imports: (change) => imports.inc(change),
    render: () => register.metrics(),
    [Symbol.dispose]: () => delay.disable(),
  }
}

const KINDS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'OPTIONS', 'WS'])

/** What is looked at when somebody asks. */
function addGauges(parts: MetricsParts, registers: Registry[]): { disable(): unknown } {
  const { vitals, log, sequencer, accounts, healthy, counted, folders } = parts
  const gauge = (name: string, help: string, read: () => Awaitable<number>): void => {
    const made: Gauge = new Gauge({
      name,
      help,
      registers,
      collect: async () => made.set(await read()),
    })
  }
  const lag = (): number => Math.max(0, ...sequencer.stats().subscribers.map((reader) => reader.lag))
  gauge('pds_healthy', '1 while this server can store data.', () => (healthy() ? 1 : 0))
  if (counted() !== null) {
    const help = '1 while rate limits are counted by all processes together, in Redis.'
    gauge('pds_limits_shared', help, () => (counted() === true ? 1 : 0))
  }
  gauge('pds_stream_subscribers', 'Subscribers of the firehose.', () => sequencer.stats().subscribers.length)
  gauge('pds_stream_lag', 'Events that the slowest subscriber is behind.', lag)
  gauge('pds_stream_newest', 'Number of the newest event.', async () => (await log.bounds()).newest)
  gauge('pds_stream_oldest', 'Lowest number that can still be read.', async () => (await log.bounds()).oldest)
  gauge('pds_writes_waiting', 'Writes that are not on the disk yet.', () => vitals.pendingWrites())
  gauge('pds_accounts', 'Accounts, active or not.', accounts)
  gauge(
    'pds_blob_bytes',
    'Bytes of all blobs, as of some minutes ago.',
    createBlobMeter(() => vitals.blobBytes()),
  )
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss())
  gauge('nodejs_heap_used_bytes', 'Used heap.', () => process.memoryUsage().heapUsed)
  const disks = new Gauge({
    name: 'pds_disk_free_bytes',
    help: 'Free bytes of the disk under a folder.',
    labelNames: ['folder'],
    registers,
    collect: async () => {
      for (const [folder, path] of Object.entries(folders)) {
        const { bavail, bsize } = await statfs(path)
        disks.set({ folder }, bavail * bsize)
      }
    },
  })
  const cpu = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time.',
    registers,
    collect: () => {
      const { user, system } = process.cpuUsage()
      cpu.reset()
      cpu.inc((user + system) / 1e6)
    },
  })
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  gauge(
    'nodejs_eventloop_delay_p99_seconds',
    'Delay of the event loop since the last look, 99th percentile.',
    () => (delay.count === 0 ? 0 : delay.percentile(99) / 1e9),
  )
  gauge('nodejs_eventloop_delay_max_seconds', 'Longest delay of the event loop since the last look.', () => {
    const longest = delay.count === 0 ? 0 : delay.max / 1e9
    setImmediate(() => delay.reset())
    return longest
  })
  return delay
}
