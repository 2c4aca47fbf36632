// The indexer's command as a process that is killed and started again.

import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const main = join(import.meta.dirname, '../../apps/indexer/src/main.ts')

/** A process of the command. */
export type Killable = {
  readonly pid: number
  /** Resolves when it serves. @throws Error when it does not within a minute */
  ready(): Promise<void>
  kill(): Promise<void>
  /** @returns its exit code */
  stop(): Promise<number | null>
}

/** Starts it; what it says is appended to a file. */
export function launch(
  args: readonly string[],
  logFile: string,
  env: Readonly<Record<string, string>> = {},
): Killable {
  const log = openSync(logFile, 'a')
  const from = readFileSync(logFile, 'utf8').length
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...env },
  })
  closeSync(log)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const output = (): string => readFileSync(logFile, 'utf8').slice(from)
  let expected = false
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (!expected && child.exitCode !== null) throw new Error(`the indexer ended by itself: ${output()}`)
    expected = true
    child.kill(signal)
    return await ended
  }
  return {
    pid: child.pid!,
    async ready() {
      for (const until = Date.now() + 60_000; !output().includes('is ready: '); await delay(20)) {
        if (child.exitCode !== null || Date.now() > until)
          throw new Error(`the indexer is not ready: ${output()}`)
      }
    },
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
  }
}
