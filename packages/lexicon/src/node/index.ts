// Documents of a folder. https://atproto.com/specs/lexicon
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LexiconDocument } from '../document.ts'
import { LexiconError } from '../error.ts'
import { parseLexicon } from '../parse/parse.ts'

/**
 * Reads the documents of a folder and of those in it: every `.json` file but lock files (`.lock.json`), in the order of their paths. Links are not followed.
 *
 * @example
 * const own = catalog.with(await loadLexicons('lexicons'))
 * @throws LexiconError `invalid-lexicon`, `duplicate-lexicon`, naming the file; what `readdir` and `readFile` throw.
 */
export async function loadLexicons(folder: string): Promise<LexiconDocument[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json') && !entry.name.endsWith('.lock.json'))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  const found = new Map<string, { readonly document: LexiconDocument; readonly file: string }>()
  for (const file of files) {
    const document = read(await readFile(file, 'utf8'), file)
    const before = found.get(document.id)
    if (before !== undefined) {
      const message = `given twice; nsid=${document.id} file=${file} other=${before.file}`
      throw new LexiconError('duplicate-lexicon', message, document.id)
    }
    found.set(document.id, { document, file })
  }
  return [...found.values()].map(({ document }) => document)
}

function read(text: string, file: string): LexiconDocument {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new LexiconError('invalid-lexicon', `not JSON; file=${file}`, undefined, { cause })
  }
  const parsed = parseLexicon(json)
  if (parsed.ok) return parsed.value
  throw new LexiconError('invalid-lexicon', `${parsed.error.message}; file=${file}`)
}
