import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkDocuments, type LexiconDocument } from '@avocet/lexicon'
import { generateModule, namespaceName } from '@avocet/lexicon/codegen'
import { type LexiconFile, problemAt, readLexicons, writeText } from './folder.ts'
import { withBundled } from './install.ts'
import { clientModule, serverModule } from './methods.ts'
import type { Problem } from './problem.ts'

/** What to generate. */
export type GenerateOptions = {
  /** Files and folders of lexicons. */
  readonly paths: readonly string[]
  /** Lexicons from elsewhere; one that `paths` have too is taken from there. */
  readonly others?: readonly LexiconFile[]
  /** The folder to write to. */
  readonly out: string
  /** Documents whose modules are in `@avocet/lexicons`. */
  readonly bundled?: (nsid: string) => LexiconDocument | undefined
  /** Also write `client.ts`: the methods as typed functions. */
  readonly client?: boolean
  /** Also write `server.ts`: the types of the methods' handlers. */
  readonly server?: boolean
  /** What shown paths are relative to. */
  readonly base?: string
}

/** The outcome: the files there are and which of them changed, or why nothing was written. */
export type GenerateResult =
  | { readonly ok: true; readonly files: readonly string[]; readonly changed: readonly string[] }
  | { readonly ok: false; readonly problems: readonly Problem[] }

const MARK = '// Generated'

/**
 * Writes a module for each lexicon and an `index.ts` of all. Files of earlier runs that are no longer generated are
 * deleted, files that would not change are not touched.
 */
export async function generate(options: GenerateOptions): Promise<GenerateResult> {
  const { paths, out, bundled = () => undefined, base } = options
  const { lexicons: own, problems } = await readLexicons(paths, base)
  const known = new Set(own.map(({ document }) => document.id))
  const lexicons = [
    ...own,
    ...(options.others ?? []).filter(({ document: { id } }) => !known.has(id) && bundled(id) === undefined),
  ]
  const documents = lexicons.map(({ document }) => document)
  const all = withBundled(documents, bundled)
  const byId = new Map(lexicons.map((source) => [source.document.id, source]))
  const broken = checkDocuments(all).flatMap(({ nsid, path, message }) => {
    const source = byId.get(nsid)
    return source === undefined ? [] : [problemAt(source, path, 'reference', message)]
  })
  if (problems.length + broken.length > 0) return { ok: false, problems: [...problems, ...broken] }

  const files = new Map<string, string>()
  const everything = new Map(all.map((document) => [document.id, document]))
  const specifier = (nsid: string): string => (byId.has(nsid) ? `./${nsid}` : `@avocet/lexicons/${nsid}`)
  for (const document of documents) {
    files.set(`${document.id}.ts`, generateModule(document, { documents: everything, specifier }).ts)
  }
  const index = documents.map(({ id }) => `export * as ${namespaceName(id)} from './${id}.ts'\n`).join('')
  files.set('index.ts', `${MARK}: all modules. Do not edit.\n${index}`)
  if (options.client === true) files.set('client.ts', clientModule(documents))
  if (options.server === true) files.set('server.ts', serverModule(documents))

  await removeStale(out, files)
  const changed: string[] = []
  for (const [name, text] of files) if (await writeText(join(out, name), text)) changed.push(name)
  return { ok: true, files: [...files.keys()], changed }
}

/** Deletes what an earlier run wrote and this one does not. Files without the mark of generated ones are kept. */
async function removeStale(out: string, files: ReadonlyMap<string, string>): Promise<void> {
  const entries = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  for (const name of entries) {
    if (files.has(name) || !name.endsWith('.ts')) continue
    const path = join(out, name)
    if ((await readFile(path, 'utf8')).startsWith(MARK)) await rm(path)
  }
}
