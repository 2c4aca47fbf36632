// In the page: runs test modules with vitest's own `describe`, `test` and `expect`, and hands back what came of them.
// vitest's browser mode does the same with a dev server, a client and a provider; this needs none of them.
import { startTests } from 'vitest/internal/browser'

/** One test that did not pass, or a file that could not be loaded. */
export interface Failure {
  name: string
  message: string
}

/** What came of the tests of a package. */
export interface Outcome {
  passed: number
  skipped: number
  failures: Failure[]
}

/** The little of vitest's tasks that is read here. */
interface Task {
  name: string
  type: string
  mode: string
  tasks?: Task[]
  result?: { state?: string; errors?: Array<{ message: string; stack?: string }> }
}

const config = {
  root: '/',
  name: 'browser',
  pool: 'browser',
  testTimeout: 60_000,
  hookTimeout: 60_000,
  maxConcurrency: 5,
  retry: 0,
  repeats: 0,
  setupFiles: [],
  tags: [],
  strictTags: false,
  passWithNoTests: false,
  sequence: { shuffle: false, concurrent: false, hooks: 'stack', setupFiles: 'list', seed: 1 },
  expect: {},
  snapshotOptions: { expand: false, updateSnapshot: 'none' },
  experimental: {},
  taskTitleValueFormatTruncate: 40,
}

/** Runs the modules and collects every test's result. */
async function runTests(
  modules: Record<string, () => Promise<unknown>>,
  fixtures: Record<string, string>,
): Promise<Outcome> {
  Object.assign(globalThis, {
    __vitest_worker__: {
      config,
      providedContext: { fixtures },
      ctx: { pool: 'browser' },
      environment: { name: 'browser' },
      resolvingModules: new Set(),
      evaluatedModules: { idToModuleMap: new Map() },
    },
  })
  const runner = {
    config,
    pool: 'browser',
    importFile: (path: string, source: string) => (source === 'collect' ? modules[path]?.() : undefined),
  }
  type Start = (paths: string[], runner: unknown) => Promise<Task[]>
  const files = await (startTests as unknown as Start)(Object.keys(modules), runner)
  const outcome: Outcome = { passed: 0, skipped: 0, failures: [] }
  for (const file of files) count(file, '', outcome)
  return outcome
}

function count(task: Task, path: string, outcome: Outcome): void {
  const name = path === '' ? task.name : `${path} > ${task.name}`
  const errors = task.result?.errors ?? []
  if (task.type === 'test') {
    if (task.result?.state === 'pass') outcome.passed++
    else if (task.mode === 'skip') outcome.skipped++
    else outcome.failures.push({ name, message: errors[0]?.message ?? 'did not run' })
    return
  }
  for (const error of errors) outcome.failures.push({ name, message: error.stack ?? error.message })
  for (const child of task.tasks ?? []) count(child, name, outcome)
}

// The page's way in: the bundle has loaded this module, and the runner calls it with the fixtures.
Object.assign(globalThis, { runTests })
