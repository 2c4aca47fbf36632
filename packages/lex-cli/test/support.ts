import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A folder that is gone after the test, with these files in it (objects as JSON). */
export async function folder(files: { readonly [path: string]: unknown } = {}): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'avocet-lex-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  await write(root, files)
  return root
}

/** Writes files into a folder. */
export async function write(root: string, files: { readonly [path: string]: unknown }): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content, null, 2))
  }
}

/** A document whose main definition is this. */
export const lexicon = (id: string, main: object, defs: object = {}) => ({
  lexicon: 1,
  id,
  defs: { main, ...defs },
})

/** A record of these properties. */
export const record = (properties: object, rest: object = {}) => ({
  type: 'record',
  description: 'A record.',
  key: 'tid',
  record: { type: 'object', properties, ...rest },
})
