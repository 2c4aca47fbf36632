// The functions that generated code calls. Nothing is compiled before a validator's first use.
import type { Nsid } from '@avocet/syntax'
import { createValidator } from './validator.ts'
import type { LexiconBody, LexiconDef, LexiconParams, LexiconPrimary, LexiconUnion } from './document.ts'
import { LexiconError } from './error.ts'
import { splitRef, typeName } from './ref.ts'
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
import { compile, compileField, compileProperties, type LinkedDef } from './definition.ts'
import type { Validator } from './validation.ts'

/**
 * Links a definition to those it refers to. They are asked for at the first validation only, so modules may refer to
 * each other in circles.
 *
 * @param ref its full name: `com.example.defs#view`, or the NSID alone for `main`
 */
export function linkDef(
  ref: string,
  def: LexiconDef,
  links?: () => readonly (LinkedDef | undefined)[],
): LinkedDef {
  let found: Map<string, LinkedDef> | undefined
  return {
    ...splitRef(ref, ''),
    def,
    find: (wanted) => {
      found ??= new Map(
        (links?.() ?? []).flatMap((one) => (one ? [[typeName(one.nsid, one.name), one]] : [])),
      )
      return found.get(wanted)
    },
    check: undefined,
  }
}

function primary<K extends LexiconPrimary['type']>(
  { nsid, name, def }: LinkedDef,
  type: K,
): Extract<LexiconPrimary, { type: K }> {
  if (name !== 'main' || def.type !== type) {
    const ref = typeName(nsid, name)
    throw new LexiconError('wrong-definition', `not a ${type}; ref=${ref} type=${def.type}`, ref)
  }
  return def as Extract<LexiconPrimary, { type: K }>
}

/** `parseLexicon` saw that the id is an NSID. */
function nsidOf(linked: LinkedDef): Nsid {
  return linked.nsid as Nsid
}

/**
 * The schema of a record.
 *
 * @throws LexiconError `wrong-definition` when it is none.
 */
export function defineRecord<T>(linked: LinkedDef): RecordSchema<T> {
  const { key } = primary(linked, 'record')
  return { type: 'record', nsid: nsidOf(linked), key, ...defValidator<T>(linked) }
}

/** The schema of a definition that is data: an object, array, string, token, … */
export function defineSchema<T>(linked: LinkedDef): DefSchema<T> {
  return { type: 'def', ref: typeName(linked.nsid, linked.name), ...defValidator<T>(linked) }
}

function defValidator<T>(linked: LinkedDef): Validator<T> {
  return createValidator<T>(
    () => compile(linked),
    (value, how) => rewriteDef(linked, value, how),
  )
}

function describe(def: { readonly description?: string }): { description?: string } {
  return def.description === undefined ? {} : { description: def.description }
}

/**
 * The schema of a query.
 *
 * @throws LexiconError `wrong-definition` when it is none.
 */
export function defineQuery<P, O, D = P, E extends string = string>(linked: LinkedDef): Query<P, O, D, E> {
  const def = primary(linked, 'query')
  return {
    type: 'query',
    nsid: nsidOf(linked),
    params: defineParams<P, D>(linked, def.parameters),
    output: defineBody<O>(linked, def.output),
    errors: (def.errors ?? []).map((error) => error.name as E),
    ...describe(def),
  }
}

/**
 * The schema of a procedure.
 *
 * @throws LexiconError `wrong-definition` when it is none.
 */
export function defineProcedure<P, I, O, D = P, E extends string = string>(
  linked: LinkedDef,
): Procedure<P, I, O, D, E> {
  const def = primary(linked, 'procedure')
  return {
    type: 'procedure',
    nsid: nsidOf(linked),
    params: defineParams<P, D>(linked, def.parameters),
    input: defineBody<I>(linked, def.input),
    output: defineBody<O>(linked, def.output),
    errors: (def.errors ?? []).map((error) => error.name as E),
    ...describe(def),
  }
}

/**
 * The schema of a subscription.
 *
 * @throws LexiconError `wrong-definition` when it is none.
 */
export function defineSubscription<P, M, D = P, E extends string = string>(
  linked: LinkedDef,
): Subscription<P, M, D, E> {
  const def = primary(linked, 'subscription')
  return {
    type: 'subscription',
    nsid: nsidOf(linked),
    ...(def.subprotocol === undefined ? {} : { subprotocol: def.subprotocol }),
    params: defineParams<P, D>(linked, def.parameters),
    message: def.message === undefined ? null : fieldValidator<M>(linked, def.message.schema),
    errors: (def.errors ?? []).map((error) => error.name as E),
    ...describe(def),
  }
}

/**
 * The permissions of a permission set.
 *
 * @throws LexiconError `wrong-definition` when it is none.
 */
export function definePermissionSet(linked: LinkedDef): PermissionSet {
  const { title, detail, permissions } = primary(linked, 'permission-set')
  return {
    type: 'permission-set',
    nsid: nsidOf(linked),
    ...(title === undefined ? {} : { title }),
    ...(detail === undefined ? {} : { detail }),
    permissions,
  }
}

function defineParams<P, D>(linked: LinkedDef, def: LexiconParams | undefined): ParamsSchema<P, D> {
  const params: LexiconParams = def ?? { type: 'params', properties: {} }
  const validator = createValidator<D, P>(
    () => compileProperties(linked, params.properties, params.required),
    (value, how) => rewriteField(linked, params, value, how),
    true,
  )
  return { def: def ?? null, ...validator }
}

function defineBody<T>(linked: LinkedDef, def: LexiconBody | undefined): Body<T> | null {
  if (def === undefined) return null
  return {
    encoding: def.encoding,
    schema: def.schema === undefined ? null : fieldValidator<T>(linked, def.schema),
  }
}

function fieldValidator<T>(
  linked: LinkedDef,
  field: NonNullable<LexiconBody['schema']> | LexiconUnion,
): Validator<T> {
  return createValidator<T>(
    () => compileField(linked, field, 0),
    (value, how) => rewriteField(linked, field, value, how),
  )
}
