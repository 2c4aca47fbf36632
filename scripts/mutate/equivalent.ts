// Faults by rule that change nothing a caller can see: kept in `test/equivalent.json` of the package, each with its reason.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Mutant } from './rules.ts'

/** One entry: in `file` (below the package), `find`, which stands there exactly once, becomes `replace`; `why` nobody can notice. */
type Equivalent = {
  readonly file: string
  readonly find: string
  readonly replace: string
  readonly why: string
}

/**
 * Tells whether a fault is listed as equivalent: whether it makes the very text that an entry makes.
 *
 * @param made all faults that the rules make in one package.
 * @throws Error when an entry has no reason, does not fit the source any more, or makes none of these faults.
 */
export function equivalents(root: string, made: readonly Mutant[]): (mutant: Mutant) => boolean {
  const folder = made[0]?.file.split('/src/')[0] ?? ''
  const list = `${folder}/test/equivalent.json`
  if (!existsSync(join(root, list))) return () => false
  const texts = new Map<string, string>()
  for (const { file, find, replace, why } of JSON.parse(
    readFileSync(join(root, list), 'utf8'),
  ) as Equivalent[]) {
    const path = `${folder}/${file}`
    const parts = readFileSync(join(root, path), 'utf8').split(find)
    if (parts.length !== 2 || !(why.length > 0)) {
      throw new Error(`${list}: ${JSON.stringify(find)} must stand there once, with a reason; file=${path}`)
    }
    texts.set(`${path}\n${parts.join(replace)}`, find)
  }
  const textOf = ({ file, start, end, replacement }: Mutant): string => {
    const source = readFileSync(join(root, file), 'utf8')
    return `${file}\n${source.slice(0, start)}${replacement}${source.slice(end)}`
  }
  const idle = new Map(texts)
  for (const mutant of made) idle.delete(textOf(mutant))
  for (const find of idle.values())
    throw new Error(`${list}: no rule makes this; find=${JSON.stringify(find)}`)
  return (mutant) => texts.has(textOf(mutant))
}
