import { encode } from '@avocet/cbor'
import { cidForCbor, formatCid, fromJsonObject } from '@avocet/data'
import {
  checkDocuments,
  dependencies,
  resolveClosure,
  SCHEMA_COLLECTION,
  type LexiconDocument,
  type LexiconResolver,
} from '@avocet/lexicon'
import { readLexicons, writeLexicon } from './folder.ts'
import { readLock, writeLock, type Lock, type LockEntry } from './lock.ts'

/** What to install, from where, to where. */
export type InstallOptions = {
  /** What to install; nothing means what the lock file names. */
  readonly nsids: readonly string[]
  /** The folder to install to. */
  readonly folder: string
  /** Another folder to take lexicons from, in place of the network. */
  readonly from?: string
  /** Resolves lexicons over the network. */
  readonly resolver?: LexiconResolver
  /** Documents that need no installing, since they come with a package. */
  readonly bundled?: (nsid: string) => LexiconDocument | undefined
  /** Take newer versions than the lock file names; otherwise a changed lexicon is an error. */
  readonly update?: boolean
}

/** What happened to each lexicon. */
export type Installed = {
  readonly nsid: string
  readonly cid: string
  readonly source: string
  /** `changed` needs `update`. */
  readonly state: 'new' | 'same' | 'updated'
}

/** The outcome: everything is in place, or nothing was written and this is why. */
export type InstallResult =
  | { readonly ok: true; readonly installed: readonly Installed[] }
  | { readonly ok: false; readonly reasons: readonly string[] }

type Found = { readonly document: LexiconDocument; readonly entry: LockEntry }

/**
 * Installs lexicons with everything they refer to: each as a file, all in the lock file with their CIDs. Writes nothing
 * unless all of it could be found, fits together and is what the lock file names.
 */
export async function install(options: InstallOptions): Promise<InstallResult> {
  const { folder, from, update = false } = options
  const lock = await readLock(folder)
  const roots = [...new Set([...lock.roots, ...options.nsids])]
  if (roots.length === 0) return { ok: false, reasons: ['nothing to install: name an NSID'] }
  // What came from a folder is not looked for on the network, nor the other way round: it stays as it is.
  const kept = await readKept(folder, lock, options)
  const wanted = roots.filter((nsid) => !kept.has(nsid))
  const bundled = (nsid: string): LexiconDocument | undefined =>
    kept.get(nsid)?.document ?? options.bundled?.(nsid)
  const found =
    from === undefined
      ? await fromNetwork(wanted, options.resolver, bundled)
      : await fromFolder(wanted, from, bundled)
  if (Array.isArray(found)) return { ok: false, reasons: found }

  const reasons: string[] = []
  const installed: Installed[] = []
  for (const [nsid, { entry }] of found) {
    const old = Object.hasOwn(lock.lexicons, nsid) ? lock.lexicons[nsid] : undefined
    if (old !== undefined && old.cid !== entry.cid && !update) {
      reasons.push(
        `${nsid} has changed: the lock file has ${old.cid}, its source ${entry.cid}; pass --update to take it`,
      )
    }
    const state = old === undefined ? 'new' : old.cid === entry.cid ? 'same' : 'updated'
    installed.push({ nsid, cid: entry.cid, source: entry.source, state })
  }
  const documents = [...found.values()].map(({ document }) => document)
  reasons.push(...linkProblems(documents, bundled))
  if (reasons.length > 0) return { ok: false, reasons }

  for (const document of documents) await writeLexicon(folder, document)
  const lexicons = Object.fromEntries([...kept, ...found].map(([nsid, { entry }]) => [nsid, entry]))
  await writeLock(folder, { version: 1, roots, lexicons })
  return { ok: true, installed }
}

/** Installed lexicons that are of the other source than this run's, and not asked for by name. */
async function readKept(
  folder: string,
  lock: Lock,
  { from, nsids }: InstallOptions,
): Promise<Map<string, Found>> {
  const kept = new Map<string, Found>()
  const { lexicons } = await readLexicons(Object.keys(lock.lexicons).length === 0 ? [] : [folder])
  for (const { document } of lexicons) {
    const entry = Object.hasOwn(lock.lexicons, document.id) ? lock.lexicons[document.id] : undefined
    if (entry === undefined || nsids.includes(document.id)) continue
    if (entry.source.startsWith('folder:') !== (from !== undefined))
      kept.set(document.id, { document, entry })
  }
  return kept
}

async function fromNetwork(
  roots: readonly string[],
  resolver: LexiconResolver | undefined,
  bundled: (nsid: string) => LexiconDocument | undefined,
): Promise<Map<string, Found> | string[]> {
  if (resolver === undefined) return ['no resolver was given']
  const closure = await resolveClosure(resolver, roots, {
    // What was asked for by name is installed though a package has it.
    known: (nsid) => (roots.includes(nsid) ? undefined : bundled(nsid)),
  })
  if (closure.failed.length > 0) {
    return closure.failed.map(({ nsid, code, message, neededBy }) => {
      const by = neededBy === null ? '' : ` (needed by ${neededBy})`
      return `${nsid}${by}: ${code}: ${message}`
    })
  }
  return new Map(
    closure.resolved.map(({ nsid, document, uri, cid }) => [
      nsid,
      { document: withoutType(document), entry: { source: uri, cid: formatCid(cid) } },
    ]),
  )
}

async function fromFolder(
  roots: readonly string[],
  from: string,
  bundled: (nsid: string) => LexiconDocument | undefined,
): Promise<Map<string, Found> | string[]> {
  const { lexicons, problems } = await readLexicons([from])
  const byId = new Map(lexicons.map((lexicon) => [lexicon.document.id, lexicon.document]))
  const found = new Map<string, Found>()
  const reasons: string[] = []
  const queue = roots.map((nsid) => ({ nsid, by: '' }))
  for (const { nsid, by } of queue) {
    if (found.has(nsid)) continue
    const document = byId.get(nsid)
    if (document === undefined) {
      if (by === '' || bundled(nsid) === undefined) reasons.push(`${nsid}${by}: not in ${from}`)
      continue
    }
    const record = fromJsonObject({ $type: SCHEMA_COLLECTION, ...withoutType(document) })
    const cid = formatCid(cidForCbor(encode(record)))
    found.set(nsid, { document: withoutType(document), entry: { source: `folder:${from}`, cid } })
    queue.push(...dependencies(document).map((next) => ({ nsid: next, by: ` (needed by ${nsid})` })))
  }
  if (reasons.length === 0) return found
  const unread = problems.map(({ file, message }) => `${file}: ${message}`)
  return [...new Set(reasons), ...unread]
}

/** What keeps the documents from fitting together, those they refer to in packages included. */
function linkProblems(
  documents: readonly LexiconDocument[],
  bundled: (nsid: string) => LexiconDocument | undefined,
): string[] {
  const all = withBundled(documents, bundled)
  return checkDocuments(all).map(({ nsid, path, message }) => `${nsid} ${path}: ${message}`)
}

/** The documents, and those of packages that they refer to, directly or not. */
export function withBundled(
  documents: readonly LexiconDocument[],
  bundled: (nsid: string) => LexiconDocument | undefined,
): LexiconDocument[] {
  const all = new Map(documents.map((document) => [document.id, document]))
  for (const document of all.values()) {
    for (const nsid of dependencies(document)) {
      const other = all.has(nsid) ? undefined : bundled(nsid)
      if (other !== undefined) all.set(nsid, other)
    }
  }
  return [...all.values()]
}

/** The document as a file holds it: without the `$type` of the record it was published as. */
function withoutType(document: LexiconDocument): LexiconDocument {
  const { $type: _, ...rest } = document as LexiconDocument & { $type?: string }
  return rest
}
