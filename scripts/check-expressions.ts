// No regular expression may run away: each one in the sources of packages, apps and pages is shown to take time linear in its
// input, or stands in `BOUNDED` with the bound on its input and the code that keeps it.
//
//   node scripts/check-expressions.ts             all
//   node scripts/check-expressions.ts FILE …      some files
import { globSync } from 'node:fs'
import { join, relative } from 'node:path'

import { findExpressions, type Expression } from './expressions.ts'

/** An expression that is not linear by itself. */
type Bounded = {
  readonly file: string
  /** The pattern as the source has it; null for one that is put together at run time. */
  readonly pattern: string | null
  /** What bounds it. */
  readonly reason: string
  /** Most characters it is ever given. */
  readonly maxLength: number
}

const BOUNDED: readonly Bounded[] = []

// The checker starts a Java or native process where it finds one; its JavaScript form answers the same everywhere.
process.env['RECHECK_BACKEND'] = 'pure'
const { checkSync } = await import('recheck')

const root = join(import.meta.dirname, '..')
const patterns = ['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts', 'apps/*/page/**/*.js']
const named = process.argv.slice(2)
const files = named.length > 0 ? named : globSync(patterns, { cwd: root }).toSorted()
const used = new Set<Bounded>()
const verdicts = new Map<string, string | null>()
const problems: string[] = []
let count = 0
for (const file of files) {
  const name = named.length > 0 ? relative(root, file) : file
  for (const expression of findExpressions(join(root, name))) {
    count += 1
    const problem = judge({ ...expression, file: name })
    if (problem !== null) problems.push(`${name}:${expression.line}: ${problem}`)
  }
}
for (const entry of BOUNDED) {
  if (named.length > 0 || used.has(entry)) continue
  problems.push(
    `${entry.file}: an entry of BOUNDED that no expression needs; pattern=${entry.pattern ?? 'null'}`,
  )
}
if (faultOf('^(<!--[^]*?-->\\s*)*<html', '') === null)
  problems.push('the checker takes an exponential expression for safe')
for (const problem of problems) console.error(problem)
console.log(
  `${count} regular expressions, ${verdicts.size - 1} of them different, ${problems.length} problems`,
)
process.exitCode = problems.length === 0 ? 0 : 1

function judge({ file, pattern, flags }: Expression): string | null {
  const fault = pattern === null ? 'a pattern put together at run time' : faultOf(pattern, flags)
  if (fault === null) return null
  const bounded = BOUNDED.find((entry) => entry.file === file && entry.pattern === pattern)
  if (bounded === undefined) return fault
  used.add(bounded)
  return null
}

/** Why an expression is not safe; null when it is. */
function faultOf(pattern: string, flags: string): string | null {
  const key = `${flags}/${pattern}`
  const known = verdicts.get(key)
  if (known !== undefined) return known
  const options = { checker: 'automaton', timeout: 20_000 } as const
  const wide = widened(pattern)
  let verdict = checkSync(wide, flags, options)
  // What is not linear unbounded may be so because its repeats have bounds.
  if (verdict.status !== 'safe' && wide !== pattern) verdict = checkSync(pattern, flags, options)
  const fault =
    verdict.status === 'safe'
      ? null
      : verdict.status === 'vulnerable'
        ? `${verdict.complexity.summary} time; pattern=${pattern} attack=${verdict.attack.pattern.slice(0, 80)}`
        : `not shown to be safe (${verdict.error.kind}); pattern=${pattern}`
  verdicts.set(key, fault)
  return fault
}

/**
 * The pattern with every long bounded repeat (`{1,512}`, `{128}`) made unbounded. Its automaton is small then, and what is shown for it
 * holds for the bounded one, whose every way through a text is also a way of the unbounded one.
 */
function widened(pattern: string): string {
  return pattern.replaceAll(/\{(\d+)(?:,(\d+))?\}/g, (text, least: string, most: string = least) =>
    Number(most) < 32 ? text : Number(least) === 0 ? '*' : `{${Math.min(Number(least), 4)},}`,
  )
}
