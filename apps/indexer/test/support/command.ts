// The command as a child process.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { eventually } from './indexer.ts'

const main = join(import.meta.dirname, '../../src/main.ts')
const probe = join(import.meta.dirname, 'probe.ts')

/** A run of the command. */
export type Run = {
  readonly child: ChildProcess
  /** All that it printed until now. */
  output(): string
  /** Its exit code. */
  readonly ended: Promise<number | null>
  /** Its address, once it is ready. */
  ready(): Promise<string>
  /** CPU time of the longest turn of its event loop since the last question, ms; see `probe.ts`. */
  longestTurn(): Promise<number>
  /** Ends it at once, whatever it is at. */
  kill(): Promise<void>
}

/** Starts the command. @param options.killWorkers a verifying thread is ended at each so many messages to one */
export function startCommand(
  args: readonly string[],
  options: { readonly killWorkers?: number; readonly env?: Record<string, string> } = {},
): Run {
  const child = spawn(process.execPath, [`--import=${probe}`, main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, KILL_WORKERS: String(options.killWorkers ?? 0), ...options.env },
  })
  let text = ''
  child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stderr!.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    child,
    ended,
    output: () => text,
    ready: () =>
      eventually(() => {
        if (child.exitCode !== null) throw new Error(`it ended: ${text}`)
        return /is ready: (\S+)/.exec(text)?.[1]
      }, 60_000),
    async longestTurn() {
      const answer = once(child, 'message')
      child.send('turn')
      return ((await answer) as [number])[0]
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
