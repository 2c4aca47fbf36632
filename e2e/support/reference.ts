// The reference PDS as a process with settings of the caller.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { Reference } from '../reference-pds/setup.ts'

/** Starts it; resolves, once it answers, with what stops it. */
export async function startReference(
  { node, folder }: Reference & { ok: true },
  url: string,
  logFile: string,
  env: Readonly<Record<string, string>>,
): Promise<() => Promise<void>> {
  const log = openSync(logFile, 'a')
  const launcher = join(import.meta.dirname, '../reference-pds/launch.mjs')
  const child = spawn(node, [launcher, folder], {
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'], LOG_ENABLED: 'true', LOG_LEVEL: 'error', ...env },
  })
  closeSync(log)
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const deadline = Date.now() + 60_000
  while (!(await answers(url))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`the reference PDS did not start:\n${readFileSync(logFile, 'utf8').slice(-2000)}`)
    }
    await delay(50)
  }
  return async () => {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
    await ended
    clearTimeout(timer)
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/xrpc/_health`, { signal: AbortSignal.timeout(2000) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
