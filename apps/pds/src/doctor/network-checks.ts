import { randomBytes } from 'node:crypto'

import { decodeFrame } from '@avocet/xrpc'

import type { PdsConfig } from '../config/config.ts'
import { openSharedCounts } from '../limits/shared-counts.ts'
import { SILENT } from '../logger.ts'
import { check, type Finding } from './finding.ts'

const TIMEOUT_MS = 5000
/** A clock further off than this makes revisions that relays refuse; https://atproto.com/specs/sync */
const MAX_CLOCK_MS = 5 * 60 * 1000
const WARN_CLOCK_MS = 5000

/** Where this machine and the network reach the server. */
interface Addresses {
  readonly local: string
  readonly open: string
}

/** The addresses that the settings say. */
export function addressesOf(config: PdsConfig): Addresses {
  const host = config.host === '0.0.0.0' ? '127.0.0.1' : config.host === '::' ? '::1' : config.host
  const local = `http://${host.includes(':') ? `[${host}]` : host}:${config.port}`
  const open = config.publicUrl ?? (config.hostname === 'localhost' ? local : `https://${config.hostname}`)
  return { local, open }
}

/** The server as the network sees it: its API and WebSocket, handles, the directory and its clock, the relays' view. */
export function networkChecks(config: PdsConfig): Promise<Finding>[] {
  const { local, open } = addressesOf(config)
  return [
    check('server', 'start it, or give its --host and --port', () => describe(local)),
    check('health', 'avocet-pds doctor --deep', () => health(local)),
    check('public URL', 'look at the DNS record and the front server', async () => {
      const [inside, outside] = await Promise.all([describe(local), describe(open)])
      if (inside !== outside) throw new Error(`${open} is another server: ${outside}, not ${inside}`)
      return `${open} is ${outside}`
    }),
    check('firehose', 'let the front server pass WebSockets on', () => firehose(open)),
    check('directory', 'look at PDS_DID_PLC_URL', async () => {
      const response = await get(`${config.plcUrl}/_health`)
      if (!response.ok) throw new Error(`${config.plcUrl} answers ${response.status}`)
      return config.plcUrl
    }),
    clock(config.plcUrl),
    ...(config.redisUrl === null ? [] : [redis(config, config.redisUrl)]),
    ...(config.hostname === 'localhost' ? [] : config.handleDomains.map((domain) => handles(domain))),
    ...config.crawlers.map((relay) =>
      check(`relay ${relay}`, 'wait for the next event, which asks it to crawl', () =>
        relayView(relay, new URL(open).host),
      ),
    ),
    Promise.resolve({
      level: config.emailSmtpUrl !== null || config.devMode ? ('ok' as const) : ('bad' as const),
      what: 'mail',
      detail: config.emailSmtpUrl === null ? 'no SMTP server: mail is written to files' : 'by SMTP',
      next: config.emailSmtpUrl === null ? 'set PDS_EMAIL_SMTP_URL' : 'avocet-pds send-test <address>',
    }),
  ]
}

/** This machine's clock against the directory's, which is as good as any. */
async function clock(url: string): Promise<Finding> {
  const next = 'set the clock, and keep it so by NTP (timedatectl set-ntp true)'
  try {
    const before = Date.now()
    const response = await get(`${url}/_health`)
    const date = Date.parse(response.headers.get('date') ?? '')
    if (Number.isNaN(date)) return { level: 'warn', what: 'clock', detail: `${url} tells no time`, next }
    // The header has whole seconds.
    const off = Math.round((before + Date.now()) / 2 - date - 500)
    const level = Math.abs(off) > MAX_CLOCK_MS ? 'bad' : Math.abs(off) > WARN_CLOCK_MS ? 'warn' : 'ok'
    return { level, what: 'clock', detail: `${(off / 1000).toFixed(1)} s off that of ${url}`, next }
  } catch (error) {
    return { level: 'warn', what: 'clock', detail: (error as Error).message, next }
  }
}

/** Counts once where all processes do. */
function redis(config: PdsConfig, url: string): Promise<Finding> {
  const next = 'start it, or correct PDS_REDIS_SCRATCH_ADDRESS and PDS_REDIS_SCRATCH_PASSWORD'
  return check('Redis', next, async () => {
    await using counts = await openSharedCounts({ ...config, rateLimitsEnabled: true }, SILENT)
    const problem = await counts.problem()
    if (problem !== null) throw new Error(problem)
    return `${new URL(url).host} counts rate limits`
  })
}

async function health(url: string): Promise<string> {
  const response = await get(`${url}/xrpc/_health`)
  if (!response.ok) throw new Error('the server cannot store data')
  return 'the server can store data'
}

const get = (url: string): Promise<Response> => fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })

async function describe(url: string): Promise<string> {
  const response = await get(`${url}/xrpc/com.atproto.server.describeServer`)
  if (!response.ok) throw new Error(`${url} answers ${response.status}`)
  const { did } = (await response.json()) as { did?: unknown }
  if (typeof did !== 'string') throw new Error(`${url} is no PDS`)
  return did
}

/** A wildcard name must reach this server, which says that nobody has that handle. */
function handles(domain: string): Promise<Finding> {
  return check(`handles ${domain}`, `point *${domain} here`, async () => {
    const url = `https://doctor-${randomBytes(4).toString('hex')}${domain}/.well-known/atproto-did`
    const response = await get(url)
    const text = await response.text()
    if (response.status !== 404 || text !== 'User not found') {
      throw new Error(`${url} answers ${response.status}; does a wildcard DNS record point here?`)
    }
    return 'names under it reach this server'
  })
}

/** A cursor no log reaches is refused in the stream itself, which shows that WebSockets pass. */
async function firehose(url: string): Promise<string> {
  const cursor = Number.MAX_SAFE_INTEGER
  const socket = new WebSocket(
    `${url.replace(/^http/, 'ws')}/xrpc/com.atproto.sync.subscribeRepos?cursor=${cursor}`,
  )
  socket.binaryType = 'arraybuffer'
  const first = Promise.withResolvers<Uint8Array>()
  socket.addEventListener('message', ({ data }) => first.resolve(new Uint8Array(data as ArrayBuffer)))
  socket.addEventListener('error', () =>
    first.reject(new Error('no WebSocket; does the front server pass them on?')),
  )
  const timer = setTimeout(() => first.reject(new Error('no answer in time')), TIMEOUT_MS)
  try {
    const frame = decodeFrame(await first.promise)
    const refused = frame.ok && frame.value.kind === 'error' && frame.value.error === 'FutureCursor'
    if (!refused) throw new Error('an answer that is none of a firehose')
    return 'WebSockets pass'
  } finally {
    clearTimeout(timer)
    socket.close()
  }
}

async function relayView(relay: string, hostname: string): Promise<string> {
  const response = await get(
    `${relay}/xrpc/com.atproto.sync.getHostStatus?hostname=${encodeURIComponent(hostname)}`,
  )
  if (!response.ok) throw new Error(`it does not know ${hostname}; status=${response.status}`)
  const { status = 'unknown', seq = 0 } = (await response.json()) as { status?: string; seq?: number }
  if (status !== 'active' && status !== 'idle') throw new Error(`it has ${hostname} as ${status}`)
  return `${status}, at event ${seq}`
}
