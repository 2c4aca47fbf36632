// Servers as processes of their own, each with its CPU time and memory as the kernel counts them.
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** A process that listens. */
export interface Server extends AsyncDisposable {
  /** `http://host:port`, as it printed it. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** CPU time of all its threads, in milliseconds. NaN where there is no /proc. */
  cpuMs(): number
  /** Largest resident memory so far, in MB. NaN where there is no /proc. */
  peakMb(): number
}

/** What to run. */
export interface Program {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Where it will answer, for one that does not print it. */
  readonly url?: string
}

const READY_MS = 60_000

/** Starts a program and waits for the line with its URL, or until it answers there. @throws when it ends, or says nothing for a minute */
export async function startServer({ command, args, cwd, env, url: known }: Program): Promise<Server> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = known === undefined ? await readUrl(child, command) : await answers(child, known)
  const pid = child.pid!
  return {
    url,
    port: Number(new URL(url).port),
    pid,
    cpuMs: () => cpuMs(pid),
    peakMb: () => peakMb(pid),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await ended
      clearTimeout(timer)
    },
  }
}

function readUrl(child: ChildProcess, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`not ready in time; command=${command}`))
    }, READY_MS)
    let output = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const url = /(http:\/\/[\w.[\]:-]+:\d+)/.exec(output)?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      resolve(url)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`ended; command=${command} code=${code}`)))
  })
}

async function answers(child: ChildProcess, url: string): Promise<string> {
  const until = Date.now() + READY_MS
  while (child.exitCode === null && Date.now() < until) {
    const health = await fetch(`${url}/xrpc/_health`).catch(() => null)
    if (health?.ok === true) return url
    await delay(100)
  }
  child.kill('SIGKILL')
  throw new Error(`not ready in time, or ended; url=${url} code=${child.exitCode}`)
}

/**
 * CPU time of all threads of a process, in milliseconds; NaN where there is no /proc. Threads have nanoseconds; the ticks of /proc/<pid>/stat (10 ms) hold what ended threads used, which servers have few of.
 */
export function cpuMs(pid: number): number {
  try {
    let nanoseconds = 0
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
    }
    return nanoseconds / 1e6
  } catch {
    return NaN
  }
}

function peakMb(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
  } catch {
    return NaN
  }
}

/** A port that nobody listens on, for a server that cannot choose one. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
