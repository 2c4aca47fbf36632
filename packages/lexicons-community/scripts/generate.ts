// Writes `generated/` from the JSON documents that packages of other people publish.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { parseLexicon, type LexiconDocument } from '@avocet/lexicon'
import { generatePackage } from '@avocet/lexicon/codegen'
import { documents as known } from '@avocet/lexicons/catalog'

/** Folders of documents. Their packages are dev dependencies; the README names them, with their licences. */
const SOURCES = [
  join(dirname(fileURLToPath(import.meta.resolve('@hypercerts-org/lexicon/package.json'))), 'lexicons'),
]

const target = join(import.meta.dirname, '..', 'generated')
const bundled = new Map(known.map((document) => [document.id, document]))

/** What `@avocet/lexicons` has stays there, whatever copy a source brings. */
const elsewhere = (nsid: string): string | null => (bundled.has(nsid) ? `@avocet/lexicons/${nsid}` : null)

const documents = new Map<string, LexiconDocument>()
for (const source of SOURCES) {
  const files = await readdir(source, { recursive: true })
  for (const file of files.filter((name) => name.endsWith('.json'))) {
    const parsed = parseLexicon(JSON.parse(await readFile(join(source, file), 'utf8')))
    if (!parsed.ok) throw new Error(`${file}: ${parsed.error.message}`)
    const { id } = parsed.value
    documents.set(id, bundled.get(id) ?? parsed.value)
  }
}

const files = generatePackage([...documents.values()], { elsewhere })
await mkdir(target, { recursive: true })
const old = await readdir(target)
await Promise.all(old.filter((name) => !files.has(name)).map((name) => rm(join(target, name))))
// Files that are as they were stay untouched, and so does whatever was built from them.
await Promise.all(
  [...files].map(async ([name, text]) => {
    const path = join(target, name)
    if (old.includes(name) && (await readFile(path, 'utf8')) === text) return
    await writeFile(path, text)
  }),
)
