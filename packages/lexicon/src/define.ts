// The functions that generated code calls. Nothing is compiled before a validator's first use.
import type { Nsid } from '@avocet/syntax'
import { createValidator } from './validator.ts'
import type { LexiconBody, LexiconDocument, LexiconParams, LexiconPrimary, LexiconUnion } from './document.ts'
import { LexiconError } from './error.ts'
import { typeName } from './ref.ts'
import { rewriteDef, rewriteField } from './rewrite.ts'
import type {
  Body,
  DefSchema,
  ParamsSchema,
  PermissionSet,
  Procedure,
  Query,
  RecordSchema,
  Subscription,
} from './schema.ts'
import { compile, compileField, compileProperties, createUnit, type Unit } from './unit.ts'
import type { Validator } from './validation.ts'

/** A document linked to those it refers to. Its content is for this package's functions. */
export type Lexicon = Unit

/**
 * Links a document to those it refers to. They are asked for at the first validation only, so modules may refer to
 * each other in circles.
 */
export function defineLexicon(document: LexiconDocument, links?: () => readonly Lexicon[]): Lexicon {
  let found: Map<string, Lexicon> | undefined
  return createUnit(document, (nsid) => {
    found ??= new Map((links?.() ?? []).map((unit) => [unit.document.id, unit]))
    return found.get(nsid)
  })
}

/** `parseLexicon` saw that the id is an NSID. */
function nsidOf(lexicon: Lexicon): Nsid {
  return lexicon.document.id as Nsid
}

function primary<K extends LexiconPrimary['type']>(
  lexicon: Lexicon,
  type: K,
): Extract<LexiconPrimary, { type: K }> {
  const { id, defs } = lexicon.document
  const main = Object.hasOwn(defs, 'main') ? defs['main'] : undefined
  if (main?.type !== type) {
    throw new LexiconError('wrong-definition', `not a ${type}; nsid=${id} type=${main?.type}`, id)
  }
  return main as Extract<LexiconPrimary, { type: K }>
}

/**
 * The schema of a record.
 *
 * @throws LexiconError `wrong-definition` when the document's main definition is none.
 */
export function defineRecord<T>(lexicon: Lexicon): RecordSchema<T> {
  const { key } = primary(lexicon, 'record')
  return { type: 'record', nsid: nsidOf(lexicon), key, ...defValidator<T>(lexicon, 'main') }
}

/** The schema of a definition that is data: an object, array, string, token, … */
export function defineSchema<T>(lexicon: Lexicon, name: string): DefSchema<T> {
  return { type: 'def', ref: typeName(lexicon.document.id, name), ...defValidator<T>(lexicon, name) }
}

function defValidator<T>(lexicon: Lexicon, name: string): Validator<T> {
  return createValidator<T>(
    () => compile(lexicon, name),
    (value, how) => rewriteDef(lexicon, `#${name}`, value, how),
  )
}

function describe(def: { readonly description?: string }): { description?: string } {
  return def.description === undefined ? {} : { description: def.description }
}

/**
 * The schema of a query.
 *
 * @throws LexiconError `wrong-definition` when the document's main definition is none.
 */
export function defineQuery<P, O, D = P>(lexicon: Lexicon): Query<P, O, D> {
  const def = primary(lexicon, 'query')
  return {
    type: 'query',
    nsid: nsidOf(lexicon),
    params: defineParams<P, D>(lexicon, def.parameters),
    output: defineBody<O>(lexicon, def.output),
    errors: (def.errors ?? []).map((error) => error.name),
    ...describe(def),
  }
}

/**
 * The schema of a procedure.
 *
 * @throws LexiconError `wrong-definition` when the document's main definition is none.
 */
export function defineProcedure<P, I, O, D = P>(lexicon: Lexicon): Procedure<P, I, O, D> {
  const def = primary(lexicon, 'procedure')
  return {
    type: 'procedure',
    nsid: nsidOf(lexicon),
    params: defineParams<P, D>(lexicon, def.parameters),
    input: defineBody<I>(lexicon, def.input),
    output: defineBody<O>(lexicon, def.output),
    errors: (def.errors ?? []).map((error) => error.name),
    ...describe(def),
  }
}

/**
 * The schema of a subscription.
 *
 * @throws LexiconError `wrong-definition` when the document's main definition is none.
 */
export function defineSubscription<P, M, D = P>(lexicon: Lexicon): Subscription<P, M, D> {
  const def = primary(lexicon, 'subscription')
  return {
    type: 'subscription',
    nsid: nsidOf(lexicon),
    params: defineParams<P, D>(lexicon, def.parameters),
    message: def.message === undefined ? null : fieldValidator<M>(lexicon, def.message.schema),
    errors: (def.errors ?? []).map((error) => error.name),
    ...describe(def),
  }
}

/**
 * The permissions of a permission set.
 *
 * @throws LexiconError `wrong-definition` when the document's main definition is none.
 */
export function definePermissionSet(lexicon: Lexicon): PermissionSet {
  const { title, detail, permissions } = primary(lexicon, 'permission-set')
  return {
    type: 'permission-set',
    nsid: nsidOf(lexicon),
    ...(title === undefined ? {} : { title }),
    ...(detail === undefined ? {} : { detail }),
    permissions,
  }
}

function defineParams<P, D>(lexicon: Lexicon, def: LexiconParams | undefined): ParamsSchema<P, D> {
  const params: LexiconParams = def ?? { type: 'params', properties: {} }
  const validator = createValidator<D, P>(
    () => compileProperties(lexicon, params.properties, params.required),
    (value, how) => rewriteField(lexicon, params, value, how),
    true,
  )
  return { def: def ?? null, ...validator }
}

function defineBody<T>(lexicon: Lexicon, def: LexiconBody | undefined): Body<T> | null {
  if (def === undefined) return null
  return {
    encoding: def.encoding,
    schema: def.schema === undefined ? null : fieldValidator<T>(lexicon, def.schema),
  }
}

function fieldValidator<T>(
  lexicon: Lexicon,
  field: NonNullable<LexiconBody['schema']> | LexiconUnion,
): Validator<T> {
  return createValidator<T>(
    () => compileField(lexicon, field, 0),
    (value, how) => rewriteField(lexicon, field, value, how),
  )
}
