// A copy of the package in a temporary folder, without a mend: the checker in it plays on what it checks as it is there.

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Mend } from './mends.ts'

const PACKAGE = join(import.meta.dirname, '..')

/** A copy, and what removes it. */
export type Copy = Disposable & { readonly folder: string }

/** Copies the package and takes the mend out of the copy. @throws {Error} where what it replaces does not stand there once */
export function copyWithout({ edits }: Mend): Copy {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-model-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    for (const part of ['package.json', 'src', 'model'])
      cpSync(join(PACKAGE, part), join(folder, part), { recursive: true })
    symlinkSync(join(PACKAGE, 'node_modules'), join(folder, 'node_modules'))
    for (const { file, find, replace } of edits) {
      const path = join(folder, file)
      const source = readFileSync(path, 'utf8')
      if (source.split(find).length !== 2)
        throw new Error(`${JSON.stringify(find)} must stand there once; file=${file}`)
      writeFileSync(
        path,
        source.replace(find, () => replace),
      )
    }
  } catch (error) {
    remove()
    throw error
  }
  return { folder, [Symbol.dispose]: remove }
}
