// The PDS under attack: the command as a process of its own, set up as on the open internet, with a did:plc directory, a DNS
// server, a mailbox and an AppView that the test decides about.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createKeypair, importKeypair, type Keypair } from '@avocet/crypto'
import { sql } from '@avocet/testing/pds-rows'
import { pdsDatabaseEnvironment } from '@avocet/testing/pds-store'

import { startMailSink, type MailSink } from '../side-by-side/mail-sink.ts'
import { startDirectory, type HostileDirectory } from './directory.ts'
import { startNameServer, type NameServer } from './names.ts'
import { outcome, send, type Answer, type Call } from './wire.ts'

const main = join(import.meta.dirname, '../../apps/pds/src/main.ts')
const ownDns = join(import.meta.dirname, 'own-dns.mjs')
const strangers = join(import.meta.dirname, 'strangers.mjs')

export const HOSTNAME = 'pds.example.com'
export const SERVER_DID = `did:web:${HOSTNAME}`
export const JWT_SECRET = 'a secret that signs the sessions of a server'
export const ADMIN_PASSWORD = 'operator-password'
export const PASSWORD = 'correct horse battery'

/** An account on the server. */
export interface Account {
  readonly did: string
  readonly handle: string
  readonly email: string
  readonly accessJwt: string
  readonly refreshJwt: string
}

/** The server, and what stands around it. */
export interface Server extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  readonly folder: string
  readonly directory: HostileDirectory
  readonly dns: NameServer
  readonly mail: MailSink
  call(nsid: string, call?: Call): Promise<Answer>
  /** A call by the operator. */
  operate(nsid: string, call: Call): Promise<Answer>
  account(): Promise<Account>
  /** The key that signs for an account. */
  keyOf(did: string): Keypair
  /** Lines of its log that tell of a fault, and what is no line of a log at all. */
  faults(): string[]
  /** All of its log. */
  log(): string
  /** Whether the process is there. */
  alive(): boolean
}

/** Starts it; `settings` are added to its environment. */
export async function startServer(settings: Readonly<Record<string, string>> = {}): Promise<Server> {
  await using started = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'avocet-hostile-'))
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const directory = started.use(await startDirectory())
  const dns = started.use(await startNameServer())
  const mail = await startMailSink()
  started.defer(() => mail.close())
  const child = spawn(process.execPath, ['--import', ownDns, '--import', strangers, main], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOSTILE_DNS: dns.address,
      PDS_PORT: '0',
      PDS_HOST: '127.0.0.1',
      PDS_HOSTNAME: HOSTNAME,
      PDS_DATA_DIRECTORY: folder,
      PDS_DID_PLC_URL: directory.url,
      PDS_JWT_SECRET: JWT_SECRET,
      PDS_ADMIN_PASSWORD: ADMIN_PASSWORD,
      PDS_EMAIL_SMTP_URL: mail.url,
      PDS_EMAIL_FROM_ADDRESS: `noreply@${HOSTNAME}`,
      ...pdsDatabaseEnvironment(folder),
      ...settings,
    },
  })
  started.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
    await ended
    clearTimeout(timer)
  })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const url = await new Promise<string>((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const found = /ready at (\S+),? /.exec(output)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('exit', (code) => reject(new Error(`the server could not start; code=${code} ${log}`)))
  })

  const call: Server['call'] = (nsid, options) => send(url, nsid, options)
  const operate: Server['operate'] = (nsid, options) => {
    const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
    return call(nsid, { ...options, headers: { ...options.headers, authorization } })
  }
  let names = 0
  const account = async (): Promise<Account> => {
    const made = await operate('com.atproto.server.createInviteCode', { input: { useCount: 1 } })
    const name = `user${++names}`
    const email = `${name}@example.com`
    const input = {
      handle: `${name}.${HOSTNAME}`,
      email,
      password: PASSWORD,
      inviteCode: made.body?.code as string,
    }
    const answer = await call('com.atproto.server.createAccount', { input })
    if (answer.status !== 200) throw new Error(`createAccount: ${outcome(answer)} ${answer.body?.message}`)
    return { ...(answer.body as Account), email }
  }

  const running = started.move()
  return {
    url,
    pid: child.pid!,
    folder,
    directory,
    dns,
    mail,
    call,
    operate,
    account,
    keyOf: (did) => {
      const [row] = sql({ folder }, 'SELECT signing_key FROM account WHERE did = ?', did)
      return importKeypair('k256', row!['signing_key'] as Uint8Array)
    },
    faults: () => log.split('\n').filter(isFault),
    log: () => log,
    alive: () => child.exitCode === null && child.signalCode === null,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** A key of nobody on this server. */
export const strangersKey = (): Keypair => createKeypair('k256')

/** From this level on pino's lines are errors. */
const ERROR_LEVEL = 50

function isFault(line: string): boolean {
  if (line === '') return false
  try {
    return (JSON.parse(line) as { level: number }).level >= ERROR_LEVEL
  } catch {
    return true
  }
}
