// A copy of the workspace in a temporary folder, where a fault can be put in without touching the checkout.
import { spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestReport } from './first-failure.ts'

/** A fault to put into a file, whose path is below the root of the workspace. */
export type Fault = {
  readonly file: string
  readonly start: number
  readonly end: number
  readonly replacement: string
}

/** How a run of tests ended. */
export type Outcome = 'passed' | 'failed' | 'timeout'

type TestRun = TestReport & { readonly outcome: Outcome }

/** A copy to run tests in. */
export type Shadow = Disposable & {
  readonly folder: string
  /** Runs `vitest` with these arguments, with the fault in place when there is one. */
  run(fault: Fault | null, args: readonly string[], timeoutMs: number): Promise<TestRun>
}

/** Copies the files that git tracks, what was generated, and each package's links to what it imports. */
export function createShadow(root: string): Shadow {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-mutate-'))
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  })
  for (const file of listed.stdout.toString().split('\0')) {
    if (file === '' || !existsSync(join(root, file))) continue
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    cpSync(join(root, file), join(folder, file))
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const members = spawnSync('git', ['ls-files', '*/package.json'], { cwd: root }).stdout.toString().trim()
  for (const member of members.split('\n').map(dirname)) {
    for (const extra of ['node_modules', 'generated']) {
      const from = join(root, member, extra)
      // Links stay relative, so that one package finds the other in this copy.
      if (existsSync(from))
        cpSync(from, join(folder, member, extra), { recursive: true, verbatimSymlinks: true })
    }
  }

  const run = async (fault: Fault | null, args: readonly string[], timeoutMs: number): Promise<TestRun> => {
    if (fault === null) return vitest(root, folder, args, timeoutMs)
    const path = join(folder, fault.file)
    const source = readFileSync(path, 'utf8')
    writeFileSync(path, source.slice(0, fault.start) + fault.replacement + source.slice(fault.end))
    try {
      return await vitest(root, folder, args, timeoutMs)
    } finally {
      writeFileSync(path, source)
    }
  }

  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  return { folder, run, [Symbol.dispose]: remove }
}

/** The whole process group is ended, since tests start processes of their own. */
function vitest(root: string, cwd: string, args: readonly string[], timeoutMs: number): Promise<TestRun> {
  const report = join(cwd, 'test-results', 'mutation-report.json')
  rmSync(report, { force: true })
  return new Promise((resolve) => {
    const fixtures = process.env['AVOCET_FIXTURES'] ?? join(root, '..', 'shared', 'fixtures')
    const env = { ...process.env, AVOCET_FIXTURES: fixtures, AVOCET_TEST_REPORT: report }
    const reporter = join(root, 'testing', 'src', 'first-failure.ts')
    const child = spawn(join(root, 'node_modules', '.bin', 'vitest'), [...args, '--reporter', reporter], {
      cwd,
      env,
      stdio: 'ignore',
      detached: true,
    })
    let late = false
    const end = (): void => {
      try {
        process.kill(-child.pid!, 'SIGKILL')
      } catch {
        // It ended by itself.
      }
    }
    const timer = setTimeout(() => {
      late = true
      end()
    }, timeoutMs)
    // A process group of its own outlives this process unless it is ended too.
    process.prependOnceListener('exit', end)
    child.on('close', (code) => {
      clearTimeout(timer)
      process.off('exit', end)
      end()
      const outcome = late ? 'timeout' : code === 0 ? 'passed' : 'failed'
      const none: TestReport = { failing: null, files: {} }
      const read = existsSync(report) ? (JSON.parse(readFileSync(report, 'utf8')) as TestReport) : none
      resolve({ outcome, ...read })
    })
  })
}
