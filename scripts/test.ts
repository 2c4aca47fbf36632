// Everything that must hold before a change lands, in order of how soon it can fail. Run by `npm test` and by CI.
//
//   npm test                       all steps
//   npm test -- --only unit,e2e    some of them
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { findPsql } from '../testing/src/postgres.ts'
import { runReadmeExamples } from './readme-examples.ts'

type Counts = { passed: number; failed: number; skipped: number }
type Step = { name: string; run: () => Promise<{ ok: boolean; counts?: Counts }> }

const root = join(import.meta.dirname, '..')
const results = join(root, 'test-results')
rmSync(results, { recursive: true, force: true })
mkdirSync(results, { recursive: true })

/** Tests of the PDS that show that it does the same on Postgres: who has an account, what is written and read, what goes. */
const ON_POSTGRES = [
  'accounts',
  'authorization',
  'blobs',
  'deletion',
  'handle-changes',
  'lifecycle',
  'methods',
  'read-after-write',
  'records',
  'sessions',
  'sync',
]

const steps: Step[] = [
  { name: 'format', run: command('oxfmt', '--check') },
  { name: 'graph', run: command('node', 'scripts/graph.ts', '--check') },
  { name: 'layers', run: command('node', 'scripts/layers.ts', '--check') },
  { name: 'generate', run: command('turbo', 'run', 'generate', '--output-logs=errors-only') },
  { name: 'boundaries', run: command('turbo', 'boundaries') },
  { name: 'types', run: command('tsc', '-b') },
  { name: 'types of tests', run: command('tsc', '-p', 'tsconfig.test.json') },
  { name: 'packages', run: command('node', 'scripts/check-packages.ts') },
  { name: 'lint', run: command('oxlint', '--type-aware', '--deny-warnings') },
  { name: 'expressions', run: command('node', 'scripts/check-expressions.ts') },
  { name: 'faults', run: command('node', 'scripts/check-faults.ts') },
  { name: 'deploy', run: command('node', 'scripts/check-deploy.ts') },
  { name: 'unused', run: command('knip', '--no-progress', '--no-config-hints') },
  { name: 'unit', run: vitest('unit') },
  { name: 'PDS on Postgres', run: onPostgres },
  { name: 'readme', run: readme },
  { name: 'browser', run: command('node', 'testing/browser/run.ts') },
  { name: 'e2e', run: vitest('e2e') },
]

const { values } = parseArgs({ options: { only: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
if (values.help) {
  console.log(`npm test -- [--only name,name]\n\nsteps: ${steps.map((step) => step.name).join(', ')}`)
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
let broken = 0
const begun = performance.now()
for (const step of steps) {
  if (only && !only.includes(step.name)) continue
  console.log(`\n── ${step.name}`)
  const start = performance.now()
  const { ok, counts } = await step.run()
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  if (counts) {
    total.passed += counts.passed
    total.failed += counts.failed
    total.skipped += counts.skipped
  }
  if (!ok) broken += 1
  const detail = counts ? `  ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped` : ''
  lines.push(`${ok ? '✓' : '✗'} ${step.name.padEnd(16)} ${seconds.padStart(6)} s${detail}`)
}

console.log(`\n${lines.join('\n')}`)
console.log(
  `\nall steps: ${((performance.now() - begun) / 1000).toFixed(1)} s${broken ? `, ${broken} broken` : ''}`,
)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = broken === 0 && total.failed === 0 ? 0 : 1

/** A step that is one command of the workspace; its output is shown as it comes. */
function command(name: string, ...args: string[]): Step['run'] {
  return async () => ({ ok: (await spawned(name, args)) === 0 })
}

/** Those tests with every PDS on a schema of one Postgres server. */
function onPostgres(): ReturnType<Step['run']> {
  if (findPsql() === null) {
    console.warn('SKIPPED: no Postgres is installed')
    return Promise.resolve({ ok: true, counts: { passed: 0, failed: 0, skipped: ON_POSTGRES.length } })
  }
  const files = ON_POSTGRES.map((name) => `apps/pds/test/${name}.test.ts`)
  return vitest('unit', 'postgres', files, { AVOCET_PDS_STORE: 'postgres' })()
}

/** A vitest project; counts are read from its JSON report, so a run that dies without one is a failure. */
function vitest(
  project: 'unit' | 'e2e',
  name: string = project,
  files: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Step['run'] {
  return async () => {
    const report = join(results, `${name}.json`)
    const args = [
      'run',
      ...files,
      `--project=${project}`,
      '--reporter=dot',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ]
    const code = await spawned('vitest', args, env)
    try {
      const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
        readFileSync(report, 'utf8'),
      ) as Record<string, number>
      const counts = {
        passed: numPassedTests ?? 0,
        failed: numFailedTests ?? 0,
        skipped: (numPendingTests ?? 0) + (numTodoTests ?? 0),
      }
      return { ok: code === 0 && counts.passed > 0, counts }
    } catch {
      return { ok: false, counts: { passed: 0, failed: 1, skipped: 0 } }
    }
  }
}

async function readme(): Promise<{ ok: boolean; counts: Counts }> {
  const counts = await runReadmeExamples(root)
  return { ok: counts.failed === 0, counts: { ...counts, skipped: 0 } }
}

function spawned(name: string, args: string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(join(root, 'node_modules', '.bin', name), args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    child.on('error', (error) => {
      console.error(error.message)
      resolve(1)
    })
    child.on('exit', (code) => resolve(code ?? 1))
  })
}
