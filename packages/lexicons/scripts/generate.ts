// Writes `generated/`: a module for each bundled document, one for each namespace, and the catalog of all of them.
// The documents are those that @atproto/api publishes.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { schemas } from '@atproto/api'
import { checkDocuments, parseLexicon, type LexiconDocument } from '@avocet/lexicon'
import { generateModule, literal, namespaceName } from '@avocet/lexicon/codegen'

const target = join(import.meta.dirname, '..', 'generated')

const documents = schemas
  .map((schema): LexiconDocument => {
    const parsed = parseLexicon(withoutScheme(schema, schema.id))
    if (!parsed.ok) throw new Error(`${schema.id}: ${parsed.error.message}`)
    return parsed.value
  })
  .toSorted((a, b) => (a.id < b.id ? -1 : 1))

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
function isMethod({ defs }: LexiconDocument): boolean {
  return ['query', 'procedure', 'subscription'].includes(defs['main']?.type ?? '')
}

function methodLine({ id }: LexiconDocument): string {
  return `  ${literal(id)}: typeof import(${literal(`./${id}.js`)}).main\n`
}

const [problem] = checkDocuments(documents)
if (problem !== undefined) throw new Error(`${problem.nsid}${problem.path}: ${problem.message}`)

const files = new Map<string, string>()
const byId = new Map(documents.map((document) => [document.id, document]))
const namespaces = new Map<string, string[]>()
for (const document of documents) {
  const { js, dts } = generateModule(document, { documents: byId, specifier: (nsid) => `./${nsid}` })
  files.set(`${document.id}.js`, js)
  files.set(`${document.id}.d.ts`, dts)
  const namespace = document.id.split('.').slice(0, 2).join('.')
  namespaces.set(namespace, [...(namespaces.get(namespace) ?? []), document.id])
}
for (const [namespace, nsids] of namespaces) {
  const text = nsids.map((nsid) => `export * as ${namespaceName(nsid)} from './${nsid}.js'\n`).join('')
  const head = `// Generated: every module of ${namespace}. Do not edit.\n`
  files.set(`${namespace}.js`, head + text)
  files.set(`${namespace}.d.ts`, head + text)
}
files.set(
  'catalog.js',
  `// Generated: all ${documents.length} documents. Do not edit.
import { createCatalog } from '@avocet/lexicon'

// Text parses faster as JSON than as code.
export const documents = /*#__PURE__*/ JSON.parse(${literal(JSON.stringify(documents))})

export const catalog = /*#__PURE__*/ createCatalog(documents)
`,
)
files.set(
  'catalog.d.ts',
  `// Generated: all ${documents.length} documents. Do not edit.
import type { Catalog, LexiconDocument } from '@avocet/lexicon'

/** All documents, with their descriptions, in the order of their NSIDs. */
export declare const documents: readonly LexiconDocument[]
/** A catalog of all documents; a validator is compiled when it is first used. */
export declare const catalog: Catalog<Methods>

/** The schema of each method, by its NSID: for clients that call by name. */
export interface Methods {
${documents.filter(isMethod).map(methodLine).join('')}}
`,
)

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
