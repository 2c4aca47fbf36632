// Faults made by hand, at the places where a package is tricky: kept in `test/faults.json` of the package.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Mutant } from './rules.ts'

/**
 * One entry of `test/faults.json`: in `file` (below the package, or `../../packages/<another>/…` where the tests here notice), the text `find`, which must stand there exactly once, becomes
 * `replace`. `why` says what a user would lose; `tests` names the test files that should notice (`blobs` for
 * `test/blobs.test.ts`): they run first, and all others only if these pass.
 */
type HandFault = {
  readonly file: string
  readonly find: string
  readonly replace: string
  readonly why: string
  readonly tests?: readonly string[]
}

/** The faults of a package made by hand. @throws Error that names every entry which does not fit the source any more. */
export function handMutants(root: string, folder: string): Mutant[] {
  const list = join(root, folder, 'test', 'faults.json')
  if (!existsSync(list)) return []
  const problems: string[] = []
  const mutants = (JSON.parse(readFileSync(list, 'utf8')) as HandFault[]).map(
    ({ file, find, replace, why, tests = [] }) => {
      const path = join(folder, file)
      const source = existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : ''
      const start = source.indexOf(find)
      const problem =
        start === -1 ? 'is not there' : source.includes(find, start + 1) ? 'stands there twice' : null
      if (problem !== null) problems.push(`${JSON.stringify(find)} ${problem}; file=${path}`)
      const line = source.slice(0, start).split('\n').length
      const first = tests.map((name) => testFile(root, folder, name))
      return {
        file: path,
        start,
        end: start + find.length,
        replacement: replace,
        rule: 'hand',
        line,
        why,
        first,
      }
    },
  )
  if (problems.length > 0) throw new Error(`${folder}/test/faults.json:\n${problems.join('\n')}`)
  return mutants
}

function testFile(root: string, folder: string, name: string): string {
  const path = `${folder}/test/${name}.test.ts`
  if (!existsSync(join(root, path))) throw new Error(`${folder}/test/faults.json: no such test; file=${path}`)
  return path
}
