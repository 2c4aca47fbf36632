import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { parseLexicon, type LexiconDocument } from '@avocet/lexicon'
import { locate } from './locate.ts'
import type { Problem } from './problem.ts'

/** A lexicon in a file. */
export type LexiconFile = {
  /** Its path, as it is shown. */
  readonly file: string
  readonly text: string
  readonly document: LexiconDocument
}

/** What a folder holds: the lexicons that can be read, and what is wrong with the rest. */
export type Folder = { readonly lexicons: readonly LexiconFile[]; readonly problems: readonly Problem[] }

/** Largest file that is read, in bytes. */
const MAX_SIZE = 4 * 1024 * 1024

/** Reads lexicons from files and folders (all `*.json` in them, at any depth; lock files aside). */
export async function readLexicons(paths: readonly string[], base: string = process.cwd()): Promise<Folder> {
  const lexicons: LexiconFile[] = []
  const problems: Problem[] = []
  const seen = new Map<string, string>()
  for (const path of paths) {
    for (const file of await listFiles(path, problems)) {
      const read = await readLexicon(file, relative(base, file) || file)
      if ('problems' in read) {
        problems.push(...read.problems)
        continue
      }
      const { id } = read.document
      const other = seen.get(id)
      if (other !== undefined) {
        problems.push(problemAt(read, '/id', 'lexicon', `${id} is also in ${other}`, 'keep one of them'))
        continue
      }
      seen.set(id, read.file)
      lexicons.push(read)
    }
  }
  return { lexicons: lexicons.toSorted((a, b) => (a.document.id < b.document.id ? -1 : 1)), problems }
}

async function listFiles(path: string, problems: Problem[]): Promise<string[]> {
  try {
    const info = await stat(path)
    if (!info.isDirectory()) return [path]
    const entries = await readdir(path, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.json') && !entry.name.endsWith('.lock.json'))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => !relative(path, file).split(/[\\/]/).includes('node_modules'))
      .toSorted()
  } catch (error) {
    const message = `cannot be read: ${(error as Error).message}`
    problems.push({ severity: 'error', rule: 'file', file: path, path: '', message })
    return []
  }
}

/** Reads one lexicon. */
async function readLexicon(path: string, file: string): Promise<LexiconFile | { problems: Problem[] }> {
  const problem = (rule: string, message: string, hint?: string): { problems: Problem[] } => ({
    problems: [{ severity: 'error', rule, file, path: '', message, ...(hint === undefined ? {} : { hint }) }],
  })
  const info = await stat(path)
  if (info.size > MAX_SIZE) return problem('file', `is larger than ${MAX_SIZE} bytes`)
  const text = await readFile(path, 'utf8')
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    return problem('json', (error as Error).message, 'the file is no JSON: look for a missing or spare comma')
  }
  const parsed = parseLexicon(json)
  if (parsed.ok) return { file, text, document: parsed.value }
  return {
    problems: parsed.error.issues.map(({ path: at, message }) => ({
      severity: 'error',
      rule: 'lexicon',
      file,
      path: at,
      message,
      hint: 'https://atproto.com/specs/lexicon',
      ...locate(text, at),
    })),
  }
}

/** A problem at a place of a lexicon. */
export function problemAt(
  source: LexiconFile,
  path: string,
  rule: string,
  message: string,
  hint?: string,
  severity: Problem['severity'] = 'error',
): Problem {
  return {
    severity,
    rule,
    file: source.file,
    path,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...locate(source.text, path),
  }
}

/** The place of a lexicon in a folder: `com/example/post.json`. */
function lexiconPath(nsid: string): string {
  return `${nsid.split('.').join('/')}.json`
}

/** Writes a lexicon to its place in a folder; leaves a file that has the same text. Returns whether it wrote. */
export async function writeLexicon(folder: string, document: LexiconDocument): Promise<boolean> {
  return writeText(join(folder, lexiconPath(document.id)), `${JSON.stringify(document, null, 2)}\n`)
}

/** Writes a text unless the file has it already. Returns whether it wrote. */
export async function writeText(path: string, text: string): Promise<boolean> {
  const old = await readFile(path, 'utf8').catch(() => null)
  if (old === text) return false
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  return true
}
