import { randomBytes } from 'node:crypto'

import { decodeFrame } from '@avocet/xrpc'

import { resolveConfig, type PdsOptions } from '../config/config.ts'
import type { Print } from './accounts.ts'
import { CommandError } from './operator.ts'

/** One thing that has to work, and whether it does. */
interface Finding {
  readonly ok: boolean
  readonly what: string
  /** What was found, or what to look at. */
  readonly detail: string
}

const TIMEOUT_MS = 5000

/**
 * Looks at a running server as the network does: the API and its WebSocket under the public URL, handles, the directory,
 * the relays' view, mail. Prints a line for each.
 * @throws CommandError when something does not work
 */
export async function doctor(options: PdsOptions, print: Print): Promise<void> {
  const config = resolveConfig(options)
  const host = config.host === '0.0.0.0' || config.host === '::' ? '127.0.0.1' : config.host
  const local = `http://${host}:${config.port}`
  const open = config.publicUrl ?? (config.hostname === 'localhost' ? local : `https://${config.hostname}`)
  const checks: Promise<Finding>[] = [
    check('server', () => describe(local)),
    check('public URL', async () => {
      const [inside, outside] = await Promise.all([describe(local), describe(open)])
      if (inside !== outside) throw new Error(`${open} is another server: ${outside}, not ${inside}`)
      return `${open} is ${outside}`
    }),
    check('firehose', () => firehose(open)),
    check('directory', async () => {
      const response = await get(`${config.plcUrl}/_health`)
      if (!response.ok) throw new Error(`${config.plcUrl} answers ${response.status}`)
      return config.plcUrl
    }),
    ...(config.hostname === 'localhost' ? [] : config.handleDomains.map((domain) => handles(domain))),
    ...config.crawlers.map((relay) => check(`relay ${relay}`, () => relayView(relay, new URL(open).host))),
    Promise.resolve({
      ok: config.emailSmtpUrl !== null || config.devMode,
      what: 'mail',
      detail: config.emailSmtpUrl === null ? 'no SMTP server: mail is written to files' : 'by SMTP',
    }),
  ]
  const findings = await Promise.all(checks)
  for (const { ok, what, detail } of findings) print(`${ok ? 'ok ' : 'BAD'}  ${what}: ${detail}`)
  const bad = findings.filter(({ ok }) => !ok).length
  if (bad > 0) throw new CommandError(`${bad} of ${findings.length} checks failed`)
}

async function check(what: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { ok: true, what, detail: await look() }
  } catch (error) {
    const { message, cause } = error as Error
    const reason = cause instanceof Error ? `${message}: ${cause.message}` : message
    return { ok: false, what, detail: reason }
  }
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
  return check(`handles ${domain}`, async () => {
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
