import { escapePointer } from './check/context.ts'
import type { LexiconBody, LexiconDef, LexiconDocument, LexiconField, LexiconParam } from './document.ts'
import type { LexiconErrorCode } from './error.ts'
import { splitRef, typeName } from './ref.ts'

/** Why documents do not fit together. */
export type LinkProblem = {
  readonly code: Extract<LexiconErrorCode, 'dangling-ref' | 'invalid-ref' | 'endless-loop'>
  /** The document it is in. */
  readonly nsid: string
  /** Where in it, as a JSON pointer. */
  readonly path: string
  readonly message: string
  readonly ref?: string
}

type Place = { readonly nsid: string; readonly path: string }
type FoundRef = Place & { readonly ref: string; readonly union: boolean }

/**
 * Everything that keeps documents from fitting together: references to nothing, references to what cannot be
 * referred to, and objects that require themselves, so that no finite value fits.
 */
export function checkDocuments(
  documents: readonly LexiconDocument[],
  options: { readonly absent?: 'refuse' | 'allow' } = {},
): LinkProblem[] {
  const byId = new Map(documents.map((document) => [document.id, document]))
  const problems: LinkProblem[] = []
  for (const document of documents) {
    for (const found of references(document)) {
      const { nsid, name } = splitRef(found.ref, document.id)
      const defs = byId.get(nsid)?.defs
      const target = defs !== undefined && Object.hasOwn(defs, name) ? defs[name] : undefined
      const ref = typeName(nsid, name)
      if (defs === undefined && options.absent === 'allow') continue
      const place = { nsid: document.id, path: found.path, ref }
      if (target === undefined) {
        problems.push({ code: 'dangling-ref', message: `no such definition; ref=${ref}`, ...place })
      } else if (!isReferable(target, found.union)) {
        const message = `a ${found.union ? 'union' : 'ref'} cannot point to a ${target.type}; ref=${ref}`
        problems.push({ code: 'invalid-ref', message, ...place })
      }
    }
  }
  return problems.length > 0 ? problems : endlessLoops(documents, byId)
}

function isReferable(def: LexiconDef, union: boolean): boolean {
  if (union) return def.type === 'object' || def.type === 'record'
  return !['token', 'query', 'procedure', 'subscription', 'permission-set'].includes(def.type)
}

/** Every `ref` and every member of a union in a document, with its place. */
export function references(document: LexiconDocument): FoundRef[] {
  const found: FoundRef[] = []
  for (const name of Object.keys(document.defs)) {
    referencesOf(document.id, name, document.defs[name]!, found)
  }
  return found
}

/** Those of one definition, added to what was found before. */
export function referencesOf(
  nsid: string,
  name: string,
  def: LexiconDef,
  found: FoundRef[] = [],
): FoundRef[] {
  const field = (value: LexiconField | LexiconParam, path: string): void => {
    switch (value.type) {
      case 'ref':
        found.push({ nsid, path: `${path}/ref`, ref: value.ref, union: false })
        break
      case 'union':
        value.refs.forEach((ref, i) => found.push({ nsid, path: `${path}/refs/${i}`, ref, union: true }))
        break
      case 'array':
        field(value.items, `${path}/items`)
        break
      case 'object':
        for (const key of Object.keys(value.properties)) {
          field(value.properties[key]!, `${path}/properties/${escapePointer(key)}`)
        }
        break
      default:
    }
  }
  const body = (value: LexiconBody | undefined, path: string): void => {
    if (value?.schema !== undefined) field(value.schema, `${path}/schema`)
  }
  const path = `/defs/${escapePointer(name)}`
  switch (def.type) {
    case 'record':
      field(def.record, `${path}/record`)
      break
    case 'query':
      body(def.output, `${path}/output`)
      break
    case 'procedure':
      body(def.input, `${path}/input`)
      body(def.output, `${path}/output`)
      break
    case 'subscription':
      if (def.message !== undefined) field(def.message.schema, `${path}/message/schema`)
      break
    case 'permission-set':
    case 'token':
      break
    default:
      field(def, path)
  }
  return found
}

/** The NSIDs of the other documents that a document refers to, sorted. */
export function dependencies(document: LexiconDocument): string[] {
  const nsids = new Set(references(document).map((found) => splitRef(found.ref, document.id).nsid))
  nsids.delete(document.id)
  return [...nsids].toSorted()
}

/** Objects that need themselves through required properties alone. */
function endlessLoops(
  documents: readonly LexiconDocument[],
  byId: ReadonlyMap<string, LexiconDocument>,
): LinkProblem[] {
  const problems: LinkProblem[] = []
  // What a definition cannot do without, by full name.
  const needs = (ref: string): string[] => {
    const { nsid, name } = splitRef(ref, '')
    const def = byId.get(nsid)?.defs[name]
    const found: string[] = []
    if (def === undefined) return found
    const visit = (field: LexiconField): void => {
      if (field.type === 'ref') {
        const target = splitRef(field.ref, nsid)
        found.push(typeName(target.nsid, target.name))
      } else if (field.type === 'array') {
        if ((field.minLength ?? 0) > 0) visit(field.items)
      } else if (field.type === 'object') {
        for (const key of field.required ?? []) {
          const property = Object.hasOwn(field.properties, key) ? field.properties[key] : undefined
          if (property !== undefined && !field.nullable?.includes(key)) visit(property)
        }
      }
    }
    if (def.type === 'record') visit(def.record)
    else if (def.type === 'object' || def.type === 'array') visit(def)
    return found
  }
  const finished = new Set<string>()
  for (const document of documents) {
    for (const name of Object.keys(document.defs)) {
      const start = typeName(document.id, name)
      if (finished.has(start)) continue
      // Depth first without recursion: chains may be as long as the documents are many.
      const stack: { ref: string; next: string[] }[] = [{ ref: start, next: needs(start) }]
      const open = new Set([start])
      while (stack.length > 0) {
        const top = stack.at(-1)!
        const ref = top.next.pop()
        if (ref === undefined) {
          finished.add(top.ref)
          open.delete(top.ref)
          stack.pop()
        } else if (open.has(ref)) {
          const { nsid, name: at } = splitRef(ref, '')
          const loop = [...stack.map((entry) => entry.ref), ref].slice(
            stack.findIndex((entry) => entry.ref === ref),
          )
          problems.push({
            code: 'endless-loop',
            nsid,
            path: `/defs/${escapePointer(at)}`,
            message: `requires itself, so no value can fit; loop=${shorten(loop).join(' -> ')}`,
            ref,
          })
        } else if (!finished.has(ref)) {
          open.add(ref)
          stack.push({ ref, next: needs(ref) })
        }
      }
    }
  }
  return problems
}

/** A list for a message: its two ends where it is long. */
function shorten(names: readonly string[]): readonly string[] {
  return names.length <= 10
    ? names
    : [...names.slice(0, 5), `(${names.length - 10} more)`, ...names.slice(-5)]
}
