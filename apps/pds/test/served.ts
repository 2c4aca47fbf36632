import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Where methods have their files: those of this app, and those it mounts. */
const SOURCES = ['../src', '../../../packages/repo-server/src']

/** The NSID of every method that has a file, in order. */
export const servedMethods = (): string[] =>
  SOURCES.flatMap((path) =>
    readdirSync(join(import.meta.dirname, path), { recursive: true, encoding: 'utf8' }),
  )
    .flatMap((file) => /(?:^|\/)methods\/((?:com|app)\..*)\.ts$/.exec(file)?.[1] ?? [])
    .toSorted()
