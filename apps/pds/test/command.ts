import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** A run of the command that ended. */
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The command as a process of its own. */
export interface RunningCommand {
  readonly url: string
  readonly child: ChildProcess
  /** What it wrote to standard error so far. */
  errors(): string
  stop(signal: NodeJS.Signals): Promise<number | null>
}

const environment = (extra: Record<string, string>): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  LOG_LEVEL: 'error',
  ...extra,
})

/** Runs the command until it ends; it is killed after `timeoutMs`. */
export async function runCommand(
  args: readonly string[],
  env: Record<string, string> = {},
  timeoutMs = 15_000,
): Promise<Finished> {
  const child = spawn(process.execPath, [main, ...args], { env: environment(env) })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  return { code, stdout, stderr }
}

/** Runs the command and kills it after so many milliseconds. */
export async function killCommand(
  args: readonly string[],
  afterMs: number,
  env: Record<string, string> = {},
): Promise<void> {
  const child = spawn(process.execPath, [main, ...args], { env: environment(env), stdio: 'ignore' })
  const ended = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs)
  const [code] = (await ended) as [number | null]
  clearTimeout(timer)
  if (code !== null) throw new Error(`the command ended by itself; code=${code}`)
}

/** Starts the server and waits for its line. */
export async function startCommand(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<RunningCommand> {
  const child = spawn(process.execPath, [main, ...args], { env: environment(env) })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  let output = ''
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const url = /ready at (\S+)/.exec(output)?.[1]
      if (url !== undefined) resolve(url)
    })
    child.once('exit', (code) => reject(new Error(`ended before it was ready; code=${code} ${errors}`)))
  })
  const url = await ready
  return {
    url,
    child,
    errors: () => errors,
    stop: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      const ended = once(child, 'exit')
      child.kill(signal)
      await ended
      return child.exitCode
    },
  }
}
