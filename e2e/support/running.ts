// Programs that run beside a test, and what they say.
import { spawn, type ChildProcess } from 'node:child_process'

/** How a program ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A program that runs. */
export interface Running {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves with what it wrote, to the output or to the error output, once that fits. @throws Error where it ends before */
  wrote(pattern: RegExp): Promise<RegExpExecArray>
  /** Ends it with SIGTERM. */
  stop(): Promise<Ended>
}

/** Starts a program. @param env on top of that of this process */
export function startProgram(
  command: string,
  args: readonly string[],
  { cwd, env = {} }: { readonly cwd?: string | undefined; readonly env?: Readonly<Record<string, string>> },
): Running {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = new Promise<Ended>((resolve) => {
    child.once('error', (error) =>
      resolve({ code: null, signal: null, stdout, stderr: `${stderr}${error.message}` }),
    )
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  return {
    process: child,
    ended,
    wrote: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(stdout) ?? pattern.exec(stderr)
          if (found !== null) resolve(found)
        }
        child.stdout.on('data', look)
        child.stderr.on('data', look)
        void ended.then((end) =>
          reject(
            new Error(`it ended (${end.code ?? end.signal}) without ${pattern}:\n${end.stdout}${end.stderr}`),
          ),
        )
        look()
      }),
    stop: () => {
      child.kill('SIGTERM')
      return ended
    },
  }
}
