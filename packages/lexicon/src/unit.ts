import { fail, MAX_DEPTH, type Check } from './check/context.ts'
import {
  arrayCheck,
  nullableCheck,
  objectCheck,
  recordCheck,
  recursiveCheck,
  unionCheck,
  unknownCheck,
  type PropertyCheck,
  type Variant,
} from './check/container.ts'
import {
  blobCheck,
  booleanCheck,
  bytesCheck,
  cidLinkCheck,
  integerCheck,
  stringCheck,
} from './check/scalar.ts'
import type { LexiconDef, LexiconDocument, LexiconField, LexiconParams, LexiconUnion } from './document.ts'
import { LexiconError } from './error.ts'
import { splitRef, typeName } from './ref.ts'

/** A document together with those it refers to. Its definitions are compiled when first used, once. */
export interface Unit {
  readonly document: LexiconDocument
  /** The unit of another document that this one refers to. */
  readonly find: (nsid: string) => Unit | undefined
  /** Compiled definitions by name; null while one is being compiled. */
  readonly checks: Map<string, Check | null>
}

/** A unit with nothing compiled. */
export function createUnit(document: LexiconDocument, find: (nsid: string) => Unit | undefined): Unit {
  return { document, find, checks: new Map() }
}

/** A definition and the unit it is in. */
export type Target = { readonly unit: Unit; readonly name: string; readonly def: LexiconDef }

/**
 * What a reference points to; undefined when its document is absent (which a catalog may allow).
 *
 * @throws LexiconError `dangling-ref` when the document is there and the definition is not.
 */
export function lookUp(unit: Unit, ref: string): Target | undefined {
  const base = unit.document.id
  const { nsid, name } = splitRef(ref, base)
  const target = nsid === base ? unit : unit.find(nsid)
  if (target === undefined) return undefined
  const { defs } = target.document
  if (!Object.hasOwn(defs, name)) {
    throw new LexiconError('dangling-ref', `no such definition; ref=${ref} in=${base}`, ref)
  }
  return { unit: target, name, def: defs[name]! }
}

/**
 * The compiled check of a named definition.
 *
 * @throws LexiconError `dangling-ref`, `wrong-definition`.
 */
export function compile(unit: Unit, name: string, level: number = 0): Check {
  const known = unit.checks.get(name)
  if (known === null) return recursiveCheck(() => unit.checks.get(name)!)
  if (known !== undefined) return known
  const { def } = lookUp(unit, `#${name}`)!
  unit.checks.set(name, null)
  try {
    const check = compileDef(unit, name, def, level)
    unit.checks.set(name, check)
    return check
  } catch (error) {
    unit.checks.delete(name)
    throw error
  }
}

function compileDef(unit: Unit, name: string, def: LexiconDef, level: number): Check {
  switch (def.type) {
    case 'record':
      return recordCheck(unit.document.id, compileField(unit, def.record, level))
    case 'token': {
      const value = typeName(unit.document.id, name)
      return stringCheck({ type: 'string', const: value })
    }
    case 'query':
    case 'procedure':
    case 'subscription':
    case 'permission-set':
      throw new LexiconError(
        'wrong-definition',
        `a ${def.type} is no data; ref=${typeName(unit.document.id, name)}`,
        typeName(unit.document.id, name),
      )
    default:
      return compileField(unit, def, level)
  }
}

/** The check of a definition without a name. `level` counts what is being compiled around it, refs included. */
export function compileField(unit: Unit, field: LexiconField, level: number): Check {
  if (level > MAX_DEPTH) throw new LexiconError('invalid-lexicon', `nested too deep; in=${unit.document.id}`)
  switch (field.type) {
    case 'boolean':
      return booleanCheck(field)
    case 'integer':
      return integerCheck(field)
    case 'string':
      return stringCheck(field)
    case 'bytes':
      return bytesCheck(field)
    case 'cid-link':
      return cidLinkCheck
    case 'blob':
      return blobCheck(field)
    case 'unknown':
      return unknownCheck
    case 'ref':
      return compileRef(unit, field.ref, level + 1)
    case 'union':
      return compileUnion(unit, field)
    case 'array':
      return arrayCheck(compileField(unit, field.items, level + 1), field.minLength, field.maxLength)
    case 'object':
      return compileProperties(unit, field.properties, field.required, field.nullable, level)
    default:
      throw new LexiconError(
        'invalid-lexicon',
        `no such type; type=${String((field as { type: unknown }).type)} in=${unit.document.id}`,
      )
  }
}

/** The check of an object's or params' properties. */
export function compileProperties(
  unit: Unit,
  properties: LexiconParams['properties'] | { readonly [name: string]: LexiconField },
  required: readonly string[] = [],
  nullable: readonly string[] = [],
  level = 0,
): Check {
  const needed = new Set(required)
  const nulls = new Set(nullable)
  return objectCheck(
    Object.entries(properties).map(([key, field]): PropertyCheck => {
      const check = compileField(unit, field, level + 1)
      return { key, check: nulls.has(key) ? nullableCheck(check) : check, required: needed.has(key) }
    }),
  )
}

/** Refs followed at once; beyond it they are followed when a value gets there, so that no chain is too long. */
const MAX_REF_LEVEL = 64

function compileRef(unit: Unit, ref: string, level: number): Check {
  const target = lookUp(unit, ref)
  if (target !== undefined) {
    if (level > MAX_REF_LEVEL) return recursiveCheck(() => compile(target.unit, target.name))
    return compile(target.unit, target.name, level)
  }
  return (_, context) => fail(context, 'unknown-lexicon', `cannot be checked: no lexicon of ${ref}`)
}

function compileUnion(unit: Unit, union: LexiconUnion): Check {
  const variants = new Map<string, Variant>()
  for (const ref of union.refs) {
    const target = lookUp(unit, ref)
    // In an open union, a variant without its document is one variant that is not known.
    if (target === undefined) continue
    const find = (): Check => compile(target.unit, target.name)
    variants.set(typeName(target.unit.document.id, target.name), { find, check: null })
  }
  return unionCheck(variants, union.closed === true)
}
