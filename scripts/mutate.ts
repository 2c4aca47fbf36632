// Puts one fault at a time into a package and runs its tests: a fault that no test notices shows what the tests do not look at.
//
//   npx pnpm mutate packages/mst                     faults by rule (60 of them) and those of test/faults.json
//   npx pnpm mutate packages/mst --rules 200 --seed 7
//   npx pnpm mutate apps/pds --only hand --at-least 0.9
//   npx pnpm mutate apps/pds --only hand --survivors  once more those that the last run left unnoticed
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

import { handMutants } from './mutate/by-hand.ts'
import { equivalents } from './mutate/equivalent.ts'
import { type Mutant, mutantsIn } from './mutate/rules.ts'
import { createShadow, type Outcome, type Shadow } from '../testing/src/shadow.ts'

const HELP = `npx pnpm mutate <folder> [options]

  <folder>           a package or an app, e.g. packages/mst
  --only <kind>      hand | rules (both without it)
  --rules <n>        how many faults by rule, chosen by the seed (60)
  --seed <n>         which ones (1)
  --files <text>     only faults in files whose path holds this text; those by rule are drawn from them
  --tests <path>     which tests to run (<folder>/test)
  --jobs <n>         copies of the workspace that work side by side (1)
  --quick            only the tests that a fault of test/faults.json names (one by rule: those that faults of its file name, or else
                     that import it), not the others when these pass
  --green            the tests are known to pass: they are not run without a fault first
  --survivors        only faults that the last run of this folder left unnoticed
  --wider            survivors are tried again with every unit test that imports the file
  --at-least <share> exit 1 when a smaller share is noticed
  --list             prints the faults and ends

Faults made by hand stand in <folder>/test/faults.json, one like this:
  { "file": "src/ids.ts", "find": "id >= end", "replace": "id > end", "why": "two blocks have one id", "tests": ["ids"] }
"find" stands in the file exactly once; "tests" are files of <folder>/test that should notice.

Faults by rule that nobody can notice stand in <folder>/test/equivalent.json ("why" says the reason). They are neither tried nor
counted.`

const root = join(import.meta.dirname, '..')
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    rules: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    files: { type: 'string', default: '' },
    tests: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    green: { type: 'boolean', default: false },
    survivors: { type: 'boolean', default: false },
    wider: { type: 'boolean', default: false },
    'at-least': { type: 'string', default: '0' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const folder = positionals[0]?.replace(/\/+$/, '')
if (values.help || folder === undefined) {
  console.log(HELP)
  process.exit(values.help ? 0 : 1)
}

type Result = Mutant & { readonly outcome: Outcome | 'failed elsewhere'; readonly failing: string | null }
const saved = join(root, 'test-results', 'mutation', `${folder.replaceAll('/', '-')}.json`)
const before: readonly Result[] = values.survivors ? JSON.parse(readFileSync(saved, 'utf8')) : []
const isAskedFor = ({ file }: Mutant): boolean => file.includes(values.files)
const byHand = handMutants(root, folder)
const candidates = [
  ...(values.only === 'rules' ? [] : byHand.filter(isAskedFor)),
  ...(values.only === 'hand' ? [] : withNearTests(byRule(Number(values.rules), Number(values.seed)))),
]
const kept = before.filter(({ outcome }) => outcome !== 'passed')
const chosen = candidates.filter((one) => !kept.some((other) => isSame(one, other)))
if (values.list) {
  for (const mutant of chosen) console.log(describe(mutant))
  process.exit(0)
}

const vitest = (...files: readonly string[]): string[] => ['run', '--project', 'unit*', ...files]
const named = [...new Set(chosen.flatMap(({ first = [] }) => first))]
const tests = vitest(...(values.quick ? named : [values.tests ?? `${folder}/test`]))
/** A run of few files is given up after so long: a fault often makes a test wait for what does not come. */
const FIRST_MS = 120_000
/** Test files that take less are tried before the others: most faults are noticed there. */
const BRIEF_MS = 4000
const briefFiles: string[] = []
const longFiles: string[] = []
const results: Result[] = []
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
const shadows = Array.from({ length: Number(values.jobs) }, () => createShadow(root))
try {
  const begun = performance.now()
  const alone = values.green ? null : await shadows[0]!.run(null, tests, 20 * 60_000)
  if (alone !== null && alone.outcome !== 'passed') {
    throw new Error(`the tests fail without any fault; vitest ${tests.join(' ')}; first=${alone.failing}`)
  }
  for (const [file, ms] of Object.entries(alone?.files ?? {}))
    (ms < BRIEF_MS ? briefFiles : longFiles).push(file)
  const usual = values.green ? 5 * 60_000 : performance.now() - begun
  console.log(`${chosen.length} faults in ${folder}; the tests take ${(usual / 1000).toFixed(1)} s`)
  const queue = [...chosen]
  const work = async (shadow: Shadow): Promise<void> => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const { outcome, failing } = await tryOut(shadow, mutant, usual * 4 + 30_000)
      results.push({ ...mutant, outcome, failing })
      const mark = outcome === 'passed' ? '✗ not noticed' : `✓ ${outcome}`
      console.log(`[${results.length}/${chosen.length}] ${mark.padEnd(18)} ${describe(mutant)}`)
      if (failing !== null) console.log(`      by ${failing}`)
    }
  }
  await Promise.all(shadows.map(work))
} finally {
  for (const shadow of shadows) shadow[Symbol.dispose]()
}

results.push(...kept.filter((one) => candidates.some((other) => isSame(one, other))))
const noticed = results.filter(({ outcome }) => outcome !== 'passed').length
const share = results.length === 0 ? 1 : noticed / results.length
console.log(`\n${folder}: ${noticed} of ${results.length} noticed (${(share * 100).toFixed(1)} %)`)
mkdirSync(dirname(saved), { recursive: true })
writeFileSync(saved, JSON.stringify(results, null, 2))
process.exitCode = share >= Number(values['at-least']) ? 0 : 1

async function tryOut(
  shadow: Shadow,
  mutant: Mutant,
  timeoutMs: number,
): Promise<Pick<Result, 'outcome' | 'failing'>> {
  if (mutant.first !== undefined && mutant.first.length > 0) {
    const first = await shadow.run(mutant, vitest(...mutant.first), Math.min(timeoutMs, FIRST_MS))
    if (first.outcome !== 'passed' || values.quick) return first
  }
  let all = await shadow.run(mutant, briefFiles.length > 0 ? vitest(...briefFiles) : tests, timeoutMs)
  if (all.outcome === 'passed' && briefFiles.length > 0 && longFiles.length > 0)
    all = await shadow.run(mutant, vitest(...longFiles), timeoutMs)
  if (all.outcome !== 'passed' || !values.wider) return all
  const wider = ['related', '--run', '--project', 'unit*', mutant.file]
  const elsewhere = await shadow.run(mutant, wider, 20 * 60_000)
  return elsewhere.outcome === 'passed' ? elsewhere : { ...elsewhere, outcome: 'failed elsewhere' }
}

/** Whether two are the same fault, wherever in its file it stands by now. */
function isSame(one: Mutant, other: Mutant): boolean {
  return (
    one.file === other.file &&
    one.rule === other.rule &&
    one.replacement === other.replacement &&
    one.why === other.why &&
    (one.rule === 'hand' || one.start === other.start)
  )
}

/** `count` of those asked for, always the same for one seed (mulberry32), but for those that nobody can notice. */
function byRule(count: number, seed: number): Mutant[] {
  const mutants = mutantsIn(root, folder!)
  let state = seed >>> 0
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const keyed = mutants.filter(isAskedFor).map((mutant) => ({ mutant, key: random() }))
  keyed.sort((a, b) => a.key - b.key)
  const isEquivalent = equivalents(root, mutants)
  return keyed
    .slice(0, count)
    .map(({ mutant }) => mutant)
    .filter((mutant) => !isEquivalent(mutant))
}

/** Faults by rule are tried first with what should notice those by hand in the same file; where it has none, with what imports it. */
function withNearTests(mutants: readonly Mutant[]): Mutant[] {
  const names = readdirSync(join(root, folder!, 'test')).filter((name) => name.endsWith('.test.ts'))
  const sources = names.map((name) => [`${folder}/test/${name}`, readTest(name)] as const)
  return mutants.map((mutant) => {
    const near = byHand.filter(({ file }) => file === mutant.file).flatMap(({ first = [] }) => first)
    const imported = `'..${mutant.file.slice(folder!.length)}'`
    const importing = sources.filter(([, source]) => source.includes(imported)).map(([path]) => path)
    return { ...mutant, first: [...new Set(near.length > 0 ? near : importing)] }
  })
}

function readTest(name: string): string {
  return readFileSync(join(root, folder!, 'test', name), 'utf8')
}

function describe({ file, line, start, end, replacement, rule, why }: Mutant): string {
  const source = readFileSync(join(root, file), 'utf8')
  const short = (text: string): string => text.replaceAll(/\s+/g, ' ').slice(0, 60)
  return `${file}:${line} ${rule}: ${short(source.slice(start, end))} → ${short(replacement)}${why ? ` (${why})` : ''}`
}
