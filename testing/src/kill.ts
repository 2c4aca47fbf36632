// Kills a writing process at random instants.
import { spawn } from 'node:child_process'

/** Lines that the process printed before it was killed. */
export interface Killed {
  readonly lines: readonly string[]
  /** What it wrote to its error output. */
  readonly errors: string
}

/**
 * Runs `node <script> <args>` and kills it with SIGKILL some time after its first line of output.
 *
 * @param within the longest time, in milliseconds, from the first line to the kill; the time is random.
 * @throws when the process ends by itself.
 */
export async function runAndKill(script: string, args: readonly string[], within: number): Promise<Killed> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  let timer: NodeJS.Timeout | undefined
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    timer ??= setTimeout(() => child.kill('SIGKILL'), Math.random() * within)
  })
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const signal = await new Promise<string | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (_code, by) => resolve(by))
  })
  clearTimeout(timer)
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself:\n${errors}`)
  // A line that was cut was not read as an acknowledgement by anybody.
  return {
    lines: output
      .slice(0, output.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean),
    errors,
  }
}

/** How many rounds of a crash test to run: a few, or `AVOCET_CRASH_ROUNDS`. */
export function crashRounds(usual: number): number {
  const given = Number(process.env['AVOCET_CRASH_ROUNDS'])
  return Number.isSafeInteger(given) && given > 0 ? given : usual
}
