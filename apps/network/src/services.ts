// Starts the apps as the processes a user would run, and watches them. Used by `npm start` and by the end-to-end tests.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const apps = join(import.meta.dirname, '../..')

/** One running app. */
export interface Service {
  readonly name: string
  readonly url: string
  readonly process: ChildProcess
  /** Settles when the process has ended, however it ended. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** Asks it to end with SIGTERM; after `graceMs` (10 s) with SIGKILL. */
  stop(graceMs?: number): Promise<void>
}

/** A service that ended, or did not answer, before it was ready. `tail` is the end of its log. */
export class ServiceFailed extends Error {
  override readonly name = 'ServiceFailed'
  readonly tail: string
  constructor(message: string, tail: string) {
    super(message)
    this.tail = tail
  }
}

export interface ServiceOptions {
  name: string
  /** The app's folder under apps/. */
  app: 'plc-directory' | 'pds' | 'indexer'
  args: readonly string[]
  url: string
  /** The path that answers 200 once it is ready. */
  healthPath: string
  logFile: string
  env?: Readonly<Record<string, string>>
  /** How long it may take until it is ready; 30 s by default. */
  timeoutMs?: number
}

/** Starts an app from its source and resolves when it is ready. @throws ServiceFailed */
export async function startService(options: ServiceOptions): Promise<Service> {
  mkdirSync(dirname(options.logFile), { recursive: true })
  const log = openSync(options.logFile, 'a')
  const child = spawn(process.execPath, [join(apps, options.app, 'src', 'main.ts'), ...options.args], {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...options.env },
  })
  closeSync(log)
  let running = true
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('error', () => resolve({ code: 1, signal: null }))
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  void ended.then(() => (running = false))

  const stop = async (graceMs = 10_000): Promise<void> => {
    if (!running) return
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await ended
    clearTimeout(timer)
  }

  const deadline = Date.now() + (options.timeoutMs ?? 30_000)
  for (;;) {
    if (!running) throw new ServiceFailed(`${options.name} could not start`, tailOf(options.logFile))
    if (await answers(options.url + options.healthPath)) break
    if (Date.now() > deadline) {
      await stop(1_000)
      throw new ServiceFailed(`${options.name} was not ready in time`, tailOf(options.logFile))
    }
    await delay(50)
  }
  return { name: options.name, url: options.url, process: child, ended, stop }
}

/** True when nothing listens on this port of the host. */
export function isPortFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })
}

/** A port that was free a moment ago, for tests. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}

function tailOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-5).join('\n')
  } catch {
    return ''
  }
}
