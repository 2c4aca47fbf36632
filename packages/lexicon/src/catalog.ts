import { isRecordKeyOfType } from '@avocet/syntax'
import { quote } from './check/context.ts'
import { checkDocuments } from './links.ts'
import {
  definePermissionSet,
  defineProcedure,
  defineQuery,
  defineRecord,
  defineSchema,
  defineSubscription,
} from './define.ts'
import type { LexiconDef, LexiconDocument } from './document.ts'
import { LexiconError } from './error.ts'
import { splitRef, typeName } from './ref.ts'
import type { Method, PermissionSet, RecordSchema } from './schema.ts'
import type { LinkedDef } from './definition.ts'
import type { Issue, Validation, ValidateOptions, Validator } from './validation.ts'

/** Options of `validateRecord`. */
export type RecordOptions = ValidateOptions & {
  /** The record key, checked against the type of key that the schema asks for. */
  readonly rkey?: string
}

/**
 * A set of documents that fit together, with validators that are compiled at first use.
 *
 * `M`: the types of its methods by NSID, where code was generated for them; unknown for documents that come at run time.
 */
export interface Catalog<M = unknown> {
  /** The types of its methods. Nothing is there at run time. */
  readonly '~methods'?: M
  /** The NSIDs in it, in the order they were given. */
  nsids(): Iterable<string>
  get(nsid: string): LexiconDocument | undefined
  /** A definition by its full name: `com.example.defs#view`, or the NSID for `main`. */
  def(ref: string): LexiconDef | undefined
  /** The schema of a query, procedure or subscription. */
  method(nsid: string): Method | undefined
  /** The schema of a record. */
  record(nsid: string): RecordSchema<{ $type: string; [field: string]: unknown }> | undefined
  /** The validator of a definition that is data, by its full name. */
  schema(ref: string): Validator<unknown> | undefined
  permissionSet(nsid: string): PermissionSet | undefined
  /**
   * A catalog with more documents, by the options of this one, which stays as it is. A document takes the place of one with its NSID.
   *
   * @throws LexiconError as `createCatalog` does; `duplicate-lexicon` where one of them is given twice.
   */
  with(documents: Iterable<LexiconDocument>): Catalog<M>
  /** Checks a record by its `$type`; the issue `unknown-lexicon` says that the catalog has no such record. */
  validateRecord(
    value: unknown,
    options?: RecordOptions,
  ): Validation<{ $type: string; [field: string]: unknown }>
}

/** Options of `createCatalog`. */
export type CatalogOptions = {
  /**
   * References into documents that are not given: `refuse` them (default), or `allow` them. Then a value behind such a
   * `ref` is refused with `unknown-lexicon`, and such a variant of an open union is taken as any unknown one is.
   */
  readonly absent?: 'refuse' | 'allow'
}

/**
 * Makes a catalog. Checks that the documents (as `parseLexicon` returns them) fit together; compiles nothing yet.
 *
 * @throws LexiconError `duplicate-lexicon`, `dangling-ref`, `invalid-ref`, `endless-loop`.
 */
export function createCatalog(documents: Iterable<LexiconDocument>, options: CatalogOptions = {}): Catalog {
  const byId = new Map<string, LexiconDocument>()
  for (const document of documents) {
    if (byId.has(document.id)) {
      throw new LexiconError('duplicate-lexicon', `given twice; nsid=${document.id}`, document.id)
    }
    byId.set(document.id, document)
  }
  const all = [...byId.values()]
  const [problem] = checkDocuments(all, options)
  if (problem !== undefined) {
    throw new LexiconError(
      problem.code,
      `${problem.message}; in=${problem.nsid}${problem.path}`,
      problem.ref ?? problem.nsid,
    )
  }

  const methods = new Map<string, Method | undefined>()
  const records = new Map<string, ReturnType<Catalog['record']>>()
  const schemas = new Map<string, Validator<unknown> | undefined>()
  const def: Catalog['def'] = (ref) => {
    const { nsid, name } = splitRef(ref, '')
    const defs = byId.get(nsid)?.defs
    return defs !== undefined && Object.hasOwn(defs, name) ? defs[name] : undefined
  }
  const linkedDefs = new Map<string, LinkedDef>()
  const linked = (ref: string): LinkedDef | undefined => {
    const parts = splitRef(ref, '')
    const full = typeName(parts.nsid, parts.name)
    let found = linkedDefs.get(full)
    const target = found === undefined ? def(full) : undefined
    if (target !== undefined) {
      found = { ...parts, def: target, find: linked, check: undefined }
      linkedDefs.set(full, found)
    }
    return found
  }
  const record: Catalog['record'] = (nsid) => {
    let schema = records.get(nsid)
    // The NSID alone names a record: `…#main` is no document.
    const main = schema === undefined && byId.has(nsid) ? linked(nsid) : undefined
    if (main?.def.type === 'record') {
      schema = defineRecord(main)
      records.set(nsid, schema)
    }
    return schema
  }
  return {
    nsids: () => byId.keys(),
    get: (nsid) => byId.get(nsid),
    def,
    method: (nsid) => {
      let method = methods.get(nsid)
      if (method === undefined) {
        method = byId.has(nsid) ? createMethod(linked(nsid)) : undefined
        if (method !== undefined) methods.set(nsid, method)
      }
      return method
    },
    record,
    schema: (ref) => {
      let schema = schemas.get(ref)
      if (schema === undefined) {
        const target = linked(ref)
        if (target === undefined || isMethodOrSet(target.def)) return undefined
        schema = defineSchema(target)
        schemas.set(ref, schema)
      }
      return schema
    },
    permissionSet: (nsid) =>
      def(nsid)?.type === 'permission-set' ? definePermissionSet(linked(nsid)!) : undefined,
    with: (added) => {
      const more = [...added]
      const replaced = new Set(more.map(({ id }) => id))
      return createCatalog([...all.filter(({ id }) => !replaced.has(id)), ...more], options)
    },
    validateRecord: (value, how) => validateRecord(record, value, how),
  }
}

function isMethodOrSet(def: LexiconDef): boolean {
  return ['query', 'procedure', 'subscription', 'permission-set'].includes(def.type)
}

function createMethod(main: LinkedDef | undefined): Method | undefined {
  switch (main?.def.type) {
    case 'query':
      return defineQuery(main)
    case 'procedure':
      return defineProcedure(main)
    case 'subscription':
      return defineSubscription(main)
    default:
      return undefined
  }
}

function validateRecord(
  record: Catalog['record'],
  value: unknown,
  options: RecordOptions | undefined,
): ReturnType<Catalog['validateRecord']> {
  const type: unknown = (value as { $type?: unknown } | null | undefined)?.$type
  if (typeof type !== 'string') {
    return failed({ path: '/$type', code: 'missing-type', message: 'must be the NSID of a record' })
  }
  const schema = record(type)
  if (schema === undefined) {
    const message = `no lexicon of such a record; type=${type.slice(0, 320)}`
    return failed({ path: '/$type', code: 'unknown-lexicon', message })
  }
  const result = schema.validate(value, options)
  const rkey: string | undefined = options?.rkey
  if (rkey === undefined) return result
  const fits: boolean = isRecordKeyOfType(rkey, schema.key)
  if (fits) return result
  const issue: Issue = {
    path: '',
    code: 'record-key',
    message: `must have a record key of type ${schema.key}, has ${quote(rkey)}`,
  }
  return result.ok ? failed(issue) : { ok: false, issues: [...result.issues, issue] }
}

function failed(issue: Issue): { ok: false; issues: Issue[] } {
  return { ok: false, issues: [issue] }
}
