// Everything that must hold before a change lands, in order of how soon it can fail. Run by `npm test` and by CI.
//
//   npm test                       all steps
//   npm test -- --only unit,e2e    some of them
//   npx pnpm test:postgres         every test of the PDS, each server on Postgres
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'

import { findPsql } from '../testing/src/postgres.ts'
import { runReadmeExamples } from './readme-examples.ts'

type Counts = { passed: number; failed: number; skipped: number }
/** `failures`: what the last run of each test said that failed. `unstable`: likewise of tests that passed when run again. */
type Outcome = { ok: boolean; counts?: Counts; failures?: readonly string[]; unstable?: readonly string[] }
/** `beside`: it reads the sources only, so its neighbours run at the same time; what it prints comes when it ends. */
type Step = { name: string; run: () => Promise<Outcome>; beside?: true }
/** Of vitest's JSON report, what is read here. */
type Report = {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  testResults: { name: string; status: string; message: string; assertionResults: TestResult[] }[]
}
type TestResult = { status: string; fullName: string; failureMessages: string[] }

/** Test files that may be run again when they fail among the others; where more fail, the change is to blame. */
const MAX_FILES_RUN_AGAIN = 3

const root = join(import.meta.dirname, '..')
const results = join(root, 'test-results')
rmSync(results, { recursive: true, force: true })
mkdirSync(results, { recursive: true })

/**
 * Tests of the PDS that run on Postgres too, where the store decides: who has an account, what is written and read, what goes, what comes
 * from elsewhere, what a kill leaves.
 */
const ON_POSTGRES = [
  'accounts',
  'admin-page',
  'admin-sign-in',
  'announce-all',
  'authorization',
  'blobs',
  'crash',
  'deletion',
  'doctor',
  'embedding',
  'handle-changes',
  'hosting',
  'imports',
  'key-rotation',
  'lifecycle',
  'mail-codes',
  'methods',
  'migration',
  'moderation-subjects',
  'operator',
  'privacy',
  'quotas',
  'read-after-write',
  'records',
  'repairs',
  'revs',
  'sessions',
  'sync',
  'watching',
].map((name) => `apps/pds/test/${name}.test.ts`)
/** The same of whole servers: beside the reference PDS, under races, with an indexer behind. */
const E2E_ON_POSTGRES = [
  'side-by-side-calls',
  'side-by-side-firehose',
  'side-by-side-migration',
  'pds-hostile-races',
  'pds-strangers',
  'whole-path',
].map((name) => `e2e/test/${name}.test.ts`)
/** All there are of these, for `--whole`. */
const WHOLE_ON_POSTGRES = {
  unit: ['apps/pds/test'],
  e2e: ['side-by-side', 'pds-', 'whole-path', 'start', 'deploy', 'indexer-page', 'firehose-strangers'].map(
    (name) => `e2e/test/${name}`,
  ),
}

const steps: Step[] = [
  { name: 'format', run: command('oxfmt', '--check') },
  { name: 'graph', run: command('node', 'scripts/graph.ts', '--check') },
  { name: 'layers', run: command('node', 'scripts/layers.ts', '--check') },
  { name: 'tasks', run: command('node', 'scripts/tasks.ts', '--check') },
  { name: 'generate', run: command('turbo', 'run', 'generate', '--output-logs=errors-only') },
  { name: 'boundaries', run: command('turbo', 'boundaries') },
  { name: 'types', run: command('tsc', '-b') },
  beside('expressions', 'node', 'scripts/check-expressions.ts'),
  beside('types of tests', 'tsc', '-p', 'tsconfig.test.json'),
  beside('lint', 'oxlint', '--type-aware', '--deny-warnings'),
  beside('packages', 'node', 'scripts/check-packages.ts'),
  beside('faults', 'node', 'scripts/check-faults.ts'),
  beside('sizes', 'node', 'bench/sizes.ts', '--check'),
  beside('deploy', 'node', 'scripts/check-deploy.ts'),
  beside('unused', 'knip', '--no-progress', '--no-config-hints'),
  { name: 'unit', run: vitest('unit') },
  { name: 'PDS on Postgres', run: () => onPostgres('unit', ON_POSTGRES) },
  { name: 'readme', run: readme },
  { name: 'browser', run: command('node', 'testing/browser/run.ts') },
  { name: 'e2e', run: vitest('e2e') },
  { name: 'e2e on Postgres', run: () => onPostgres('e2e', E2E_ON_POSTGRES) },
]

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    whole: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help) {
  console.log(
    'npm test -- [--only name,name] [--whole]\n\n--whole: every test of the PDS on Postgres, not some',
  )
  console.log(`\nsteps: ${steps.map((step) => step.name).join(', ')}`)
  process.exit(0)
}
const only = values.only?.split(',')
const unknown = only?.filter((name) => !steps.some((step) => step.name === name)) ?? []
if (unknown.length > 0) {
  console.error(`no such step: ${unknown.join(', ')}; steps: ${steps.map((step) => step.name).join(', ')}`)
  process.exit(1)
}

const total: Counts = { passed: 0, failed: 0, skipped: 0 }
const lines: string[] = []
const allFailures: string[] = []
const allUnstable: string[] = []
let broken = 0
const begun = performance.now()
for (const batch of batchesOf(steps.filter(({ name }) => !only || only.includes(name)))) {
  await eachBeside(batch, runStep)
}

async function runStep(step: Step): Promise<void> {
  if (step.beside === undefined) console.log(`\n── ${step.name}`)
  const start = performance.now()
  const { ok, counts, ...told } = await step.run()
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  if (counts) {
    total.passed += counts.passed
    total.failed += counts.failed
    total.skipped += counts.skipped
  }
  allFailures.push(...(told.failures ?? []))
  allUnstable.push(...(told.unstable ?? []))
  if (!ok) broken += 1
  const detail = counts ? `  ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped` : ''
  lines.push(`${ok ? '✓' : '✗'} ${step.name.padEnd(16)} ${seconds.padStart(6)} s${detail}`)
}

for (const failure of allFailures) console.log(`\nFAILED ${failure}`)
for (const failure of allUnstable)
  console.log(`\nUNSTABLE (failed among the others, passed alone: a race to mend) ${failure}`)
console.log(`\n${lines.join('\n')}`)
console.log(
  `\nall steps: ${((performance.now() - begun) / 1000).toFixed(1)} s${broken ? `, ${broken} broken` : ''}`,
)
console.log(
  `${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped${allUnstable.length ? `, ${allUnstable.length} UNSTABLE` : ''}`,
)
process.exitCode = broken === 0 && total.failed === 0 ? 0 : 1

/** A step that is one command of the workspace; its output is shown as it comes. */
function command(name: string, ...args: string[]): Step['run'] {
  return async () => ({ ok: (await spawned(name, args)) === 0 })
}

/** A step of one command that runs beside its neighbours. */
function beside(step: string, name: string, ...args: string[]): Step {
  const run = async (): Promise<Outcome> => {
    let output = ''
    const code = await spawned(name, args, {}, (text) => (output += text))
    console.log(`\n── ${step}\n${output.trimEnd()}`)
    return { ok: code === 0 }
  }
  return { name: step, run, beside: true }
}

/** Steps in their order: those that may run beside each other together, each other one alone. */
function batchesOf(some: readonly Step[]): Step[][] {
  const batches: Step[][] = []
  for (const step of some) {
    const last = batches.at(-1)
    if (step.beside && last?.[0]!.beside) last.push(step)
    else batches.push([step])
  }
  return batches
}

/** As many at a time as there are cores. */
async function eachBeside(batch: readonly Step[], run: (step: Step) => Promise<void>): Promise<void> {
  const left = [...batch]
  const worker = async (): Promise<void> => {
    for (let step = left.shift(); step !== undefined; step = left.shift()) await run(step)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
}

/** Tests of a project with every PDS on a schema of one Postgres server. */
function onPostgres(project: 'unit' | 'e2e', some: readonly string[]): ReturnType<Step['run']> {
  if (findPsql() === null) {
    console.warn('SKIPPED: no Postgres is installed')
    return Promise.resolve({ ok: true, counts: { passed: 0, failed: 0, skipped: some.length } })
  }
  const files = values.whole ? WHOLE_ON_POSTGRES[project] : some
  return vitest(project, `${project}-postgres`, files, { AVOCET_PDS_STORE: 'postgres' })()
}

/**
 * A vitest project; counts are read from its JSON report, so a run that dies without one is a failure. A few files that fail among
 * thousands of tests on a busy machine are run again, alone: what passes then is told as unstable at the end, with what it said.
 */
function vitest(
  project: 'unit' | 'e2e',
  name: string = project,
  files: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Step['run'] {
  return async () => {
    const first = await vitestRun(project, name, files, env)
    const { report } = first
    if (report === null)
      return { ok: false, counts: { passed: 0, failed: 1, skipped: 0 }, failures: [`${name}: no report`] }
    const counts = countsOf(report)
    const failures = failuresOf(report)
    if (first.code === 0) return { ok: counts.passed > 0, counts }
    const failed = report.testResults.filter(({ status }) => status === 'failed').map((file) => file.name)
    // An error outside of any test has no file: there is nothing to run again.
    if (failed.length === 0) return { ok: false, counts, failures: [`${name}: an error outside of any test`] }
    if (failed.length > MAX_FILES_RUN_AGAIN) return { ok: false, counts, failures }
    console.log(`\n── ${name}: again, alone: ${failed.map((file) => relative(root, file)).join(' ')}`)
    const second = await vitestRun(project, `${name}-again`, [...failed, '--no-file-parallelism'], env)
    if (second.code !== 0 || second.report === null) return { ok: false, counts, failures }
    const mended = { ...counts, passed: counts.passed + counts.failed, failed: 0 }
    return { ok: true, counts: mended, unstable: failures }
  }
}

async function vitestRun(
  project: string,
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; report: Report | null }> {
  const file = join(results, `${name}.json`)
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${file}`]
  const code = await spawned('vitest', ['run', ...args, `--project=${project}*`, ...reporters], env)
  try {
    return { code, report: JSON.parse(readFileSync(file, 'utf8')) as Report }
  } catch {
    return { code, report: null }
  }
}

function countsOf(report: Report): Counts {
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

/** Each failing test with what it said; a file that failed as a whole (an import, a hook) with its message. */
function failuresOf(report: Report): string[] {
  return report.testResults
    .filter(({ status }) => status === 'failed')
    .flatMap(({ name, message, assertionResults }) => {
      const tests = assertionResults.filter(({ status }) => status === 'failed')
      const told = tests.map((test) => `${test.fullName}\n${test.failureMessages.join('\n')}`)
      return (told.length > 0 ? told : [message]).map(
        (text) => `${relative(root, name)}: ${withoutLibraries(text)}`,
      )
    })
}

/** A stack without the lines of the test runner. */
function withoutLibraries(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.includes('/node_modules/'))
    .join('\n')
}

async function readme(): Promise<{ ok: boolean; counts: Counts }> {
  const counts = await runReadmeExamples(root)
  return { ok: counts.failed === 0, counts: { ...counts, skipped: 0 } }
}

/** `hold`: takes what it prints; without, that is shown as it comes. */
function spawned(
  name: string,
  args: string[],
  env: Readonly<Record<string, string>> = {},
  hold?: (text: string) => void,
): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(join(root, 'node_modules', '.bin', name), args, {
      cwd: root,
      env: { ...process.env, ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }), ...env },
      stdio: hold === undefined ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', hold!)
    child.on('error', (error) => {
      console.error(error.message)
      resolve(1)
    })
    child.on(hold === undefined ? 'exit' : 'close', (code) => resolve(code ?? 1))
  })
}
