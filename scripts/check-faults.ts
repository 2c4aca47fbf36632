// Tells whether the faults kept beside the tests still fit the sources: each stands there exactly once, and the tests that it
// names are there. A change of a source would otherwise leave them behind unseen. None is run here: `npx pnpm mutate <folder>` does.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { handMutants } from './mutate/by-hand.ts'
import { equivalents } from './mutate/equivalent.ts'
import { mutantsIn } from './mutate/rules.ts'

const root = join(import.meta.dirname, '..')
const folders = ['packages', 'apps'].flatMap((group) =>
  readdirSync(join(root, group)).map((name) => `${group}/${name}`),
)
let count = 0
let problems = 0
for (const folder of folders) {
  try {
    count += handMutants(root, folder).length
    if (existsSync(join(root, folder, 'test', 'equivalent.json'))) equivalents(root, mutantsIn(root, folder))
  } catch (error) {
    problems += 1
    console.error(error instanceof Error ? error.message : String(error))
  }
}
console.log(`${count} faults by hand, ${problems} lists that do not fit the sources`)
process.exitCode = problems === 0 ? 0 : 1
