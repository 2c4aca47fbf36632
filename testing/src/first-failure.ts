// A reporter of vitest for runs that are only asked whether something fails: they end there, whatever else hangs by then.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Reporter, TestCase, TestModule } from 'vitest/node'

/** What is written to the file that `AVOCET_TEST_REPORT` names. */
export type TestReport = {
  /** A test that failed, its file before it; null when all passed. */
  readonly failing: string | null
  /** How long each test file took, ms; only of a run that went to its end. */
  readonly files: Readonly<Record<string, number>>
}

export default class FirstFailure implements Reporter {
  onTestCaseResult(test: TestCase): void {
    if (test.result().state === 'failed') end(`${test.module.relativeModuleId} > ${test.fullName}`)
  }

  onTestSuiteResult(suite: { module: TestModule; fullName: string; errors(): readonly unknown[] }): void {
    if (suite.errors().length > 0) end(`${suite.module.relativeModuleId} > ${suite.fullName}`)
  }

  onTestModuleEnd(module: TestModule): void {
    if (module.errors().length > 0) end(module.relativeModuleId)
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly { message: string }[]): void {
    const [stray] = errors
    if (stray !== undefined) end(`outside of a test: ${stray.message}`)
    const files = modules.map((one) => [one.relativeModuleId, one.diagnostic().duration] as const)
    write({ failing: null, files: Object.fromEntries(files) })
  }
}

function end(failing: string): never {
  write({ failing, files: {} })
  process.exit(1)
}

function write(report: TestReport): void {
  const file = process.env['AVOCET_TEST_REPORT']
  if (file === undefined) throw new Error('AVOCET_TEST_REPORT names no file')
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, JSON.stringify(report))
}
