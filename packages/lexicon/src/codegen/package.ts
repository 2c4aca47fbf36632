import type { LexiconDocument } from '../document.ts'
import { checkDocuments } from '../links.ts'
import { generateModule } from './module.ts'
import { namespaceName } from './names.ts'
import { literal } from './print.ts'

/** Settings of {@link generatePackage}. */
export interface PackageOptions {
  /**
   * Where the module of a document is that another package has: `@avocet/lexicons/app.bsky.feed.post`. It gets none here, but stands in
   * the catalog, since others refer to it. Default: every document is of this package.
   */
  readonly elsewhere?: (nsid: string) => string | null
}

/**
 * The files of a package of lexicons: a module for each document (`com.example.note.js` with its declarations), one for each namespace
 * (`com.example`), and `catalog` with all of them.
 * @param documents that fit together, with all they refer to
 * @returns texts by file name; the same for the same documents in any order
 * @throws {Error} where documents do not fit together
 */
export function generatePackage(
  documents: readonly LexiconDocument[],
  options: PackageOptions = {},
): Map<string, string> {
  const { elsewhere = () => null } = options
  const sorted = documents.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const [problem] = checkDocuments(sorted)
  if (problem !== undefined) throw new Error(`${problem.nsid}${problem.path}: ${problem.message}`)

  const files = new Map<string, string>()
  const byId = new Map(sorted.map((document) => [document.id, document]))
  const specifier = (nsid: string): string => elsewhere(nsid) ?? `./${nsid}`
  const namespaces = new Map<string, string[]>()
  for (const document of sorted) {
    if (elsewhere(document.id) !== null) continue
    const { js, dts } = generateModule(document, { documents: byId, specifier })
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
  const methodLine = ({ id }: LexiconDocument): string => {
    const module = elsewhere(id) ?? `./${id}.js`
    return `  ${literal(id)}: typeof import(${literal(module)}).main\n`
  }
  files.set('catalog.js', catalogCode(sorted))
  files.set('catalog.d.ts', catalogTypes(sorted.length, sorted.filter(isMethod).map(methodLine).join('')))
  return files
}

function isMethod({ defs }: LexiconDocument): boolean {
  return ['query', 'procedure', 'subscription'].includes(defs['main']?.type ?? '')
}

function catalogCode(documents: readonly LexiconDocument[]): string {
  return `// Generated: all ${documents.length} documents. Do not edit.
import { createCatalog } from '@avocet/lexicon'

// Text parses faster as JSON than as code.
export const documents = /*#__PURE__*/ JSON.parse(${literal(JSON.stringify(documents))})

export const catalog = /*#__PURE__*/ createCatalog(documents)
`
}

function catalogTypes(count: number, methods: string): string {
  return `// Generated: all ${count} documents. Do not edit.
import type { Catalog, LexiconDocument } from '@avocet/lexicon'

/** All documents, with their descriptions, in the order of their NSIDs. */
export declare const documents: readonly LexiconDocument[]
/** A catalog of all documents; a validator is compiled when it is first used. */
export declare const catalog: Catalog<Methods>

/** The schema of each method, by its NSID: for clients that call by name. */
export interface Methods {
${methods}}
`
}
