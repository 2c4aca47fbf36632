import { readdirSync } from 'node:fs'

/** The folders of methods: those of this app, and those it mounts. */
const FOLDERS = ['../src/methods/', '../../../packages/repo-server/src/methods/']

/** The NSID of every method that has a file. */
export const servedMethods = (): string[] =>
  FOLDERS.flatMap((folder) => readdirSync(new URL(folder, import.meta.url))).map((name) =>
    name.replace(/\.ts$/, ''),
  )
