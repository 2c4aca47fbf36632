// A guide that is followed as somebody reads it: its blocks in their order, each a file to write, a command to run, or one that goes on running.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { type Ended, type Running, startProgram } from './running.ts'

/** A block of code: ```` ```<lang> <name> ````. A name with a dot is a file; other names say what to do with commands. */
export interface Block {
  readonly lang: string
  readonly name: string
  readonly text: string
}

/** All blocks of a document in Markdown. */
export function blocksOf(markdown: string): Block[] {
  const found = markdown.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)
  return [...found].map(([, lang = '', name = '', text = '']) => ({ lang, name, text }))
}

/** The commands of a block, one a line unless a line goes on behind a backslash. */
export function commandsOf({ text }: Block): string[] {
  return text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '')
}

/** A folder in which a guide is followed. */
export interface Workplace {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
}

/** Writes the file of a block. */
export function writeBlock({ folder }: Workplace, { name, text }: Block): void {
  const file = join(folder, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** Starts a command as a shell does; what `npx` would look for is found by the path. */
export function startCommand({ folder, env }: Workplace, command: string): Running {
  return startProgram('bash', ['-c', `exec env ${command.replace(/^npx /, '')}`], { cwd: folder, env })
}

/** Runs a command to its end. @throws Error with what it said, where it fails */
export async function runCommand(workplace: Workplace, command: string): Promise<Ended> {
  const ended = await startCommand(workplace, command).ended
  if (ended.code !== 0) throw new Error(`${command}: ${ended.code}\n${ended.stdout}${ended.stderr}`)
  return ended
}
