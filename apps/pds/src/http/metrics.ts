// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
import type { EventLog, Sequencer } from '@avocet/sequencer'
import type { Database } from '@avocet/sqlite'
import type { RequestReport } from '@avocet/xrpc-server'

/** What this server counts. */
export interface Metrics {
  /** Counts a finished request. */
  observe(report: RequestReport): void
  /** Everything counted, in the text form of Prometheus. */
  render(): Promise<string>
}

/** Series of requests kept apart; past that they are counted together, since callers choose the names of methods. */
const MAX_SERIES = 500

interface Series {
  count: number
  seconds: number
}

/** Counters of requests, and gauges of the stream, the accounts and the process. */
export function createMetrics(
  sequencer: Sequencer,
  log: EventLog<Database>,
  accounts: () => number,
): Metrics {
  const requests = new Map<string, Series>()

  const observe: Metrics['observe'] = ({ nsid, method, status, durationMs }) => {
    // A method nobody has is named by the caller: it could be anything, so it is not.
    const name = nsid === null || status === 404 || status === 501 ? 'none' : nsid.replaceAll(/[^\w.-]/g, '_')
    let key = `method="${name}",kind="${method}",status="${status}"`
    if (!requests.has(key) && requests.size >= MAX_SERIES) key = 'method="other",kind="other",status="0"'
    const series = requests.get(key) ?? { count: 0, seconds: 0 }
    series.count += 1
    series.seconds += durationMs / 1000
    requests.set(key, series)
  }

  const render: Metrics['render'] = async () => {
    const lines: string[] = []
    const family = (
      name: string,
      type: 'counter' | 'gauge',
      help: string,
      rows: readonly [string, number][],
    ): void => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
      for (const [labels, value] of rows) lines.push(`${name}${labels === '' ? '' : `{${labels}}`} ${value}`)
    }
    const series = [...requests]
    family(
      'pds_requests_total',
      'counter',
      'Requests answered.',
      series.map(([labels, { count }]) => [labels, count]),
    )
    family(
      'pds_request_seconds_total',
      'counter',
      'Time until their answers were known.',
      series.map(([labels, { seconds }]) => [labels, Number(seconds.toFixed(6))]),
    )
    const { subscribers } = sequencer.stats()
    const { newest } = await log.bounds()
    const lag = Math.max(0, ...subscribers.map((subscriber) => subscriber.lag))
    family('pds_stream_subscribers', 'gauge', 'Subscribers of the firehose.', [['', subscribers.length]])
    family('pds_stream_lag', 'gauge', 'Events that the slowest subscriber is behind.', [['', lag]])
    family('pds_stream_newest', 'gauge', 'Number of the newest event.', [['', newest]])
    family('pds_accounts', 'gauge', 'Accounts, active or not.', [['', accounts()]])
    const { rss, heapUsed } = process.memoryUsage()
    family('process_resident_memory_bytes', 'gauge', 'Resident memory.', [['', rss]])
    family('nodejs_heap_used_bytes', 'gauge', 'Used heap.', [['', heapUsed]])
    const { user, system } = process.cpuUsage()
    family('process_cpu_seconds_total', 'counter', 'CPU time.', [['', (user + system) / 1e6]])
    return `${lines.join('\n')}\n`
  }
  return { observe, render }
}
