// Writes `generated/`: a module for each bundled document, one for each namespace, and the catalog of all of them.
// The documents are those that @atproto/api publishes.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { schemas } from '@atproto/api'
import { parseLexicon, type LexiconDocument } from '@avocet/lexicon'
import { generatePackage } from '@avocet/lexicon/codegen'

const target = join(import.meta.dirname, '..', 'generated')

const documents = schemas.map((schema): LexiconDocument => {
  const parsed = parseLexicon(withoutScheme(schema, schema.id))
  if (!parsed.ok) throw new Error(`${schema.id}: ${parsed.error.message}`)
  return parsed.value
})

/**
 * The peer's own generator writes every ref as `lex:com.example.defs#view`. The language has no such scheme, and a
 * document refers to its own definitions as `#view`.
 */
function withoutScheme(value: unknown, id: string): unknown {
  if (typeof value === 'string') {
    if (!value.startsWith('lex:')) return value
    const ref = value.slice('lex:'.length)
    return ref.startsWith(`${id}#`) ? ref.slice(id.length) : ref
  }
  if (Array.isArray(value)) return value.map((item) => withoutScheme(item, id))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      key === 'description' && typeof field === 'string' ? field : withoutScheme(field, id),
    ]),
  )
}

const files = generatePackage(documents)
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
