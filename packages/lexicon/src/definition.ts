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
import type { LexiconDef, LexiconField, LexiconParams, LexiconUnion } from './document.ts'
import { LexiconError } from './error.ts'
import { splitRef, typeName } from './ref.ts'

/**
 * One definition, with a way to those it refers to: so a bundle holds no definition that nothing in it reaches. It is
 * compiled when first used, once.
 */
export interface LinkedDef {
  /** The NSID of its document. */
  readonly nsid: string
  /** Its name in the document. */
  readonly name: string
  readonly def: LexiconDef
  /**
   * The definition of a full name (`com.example.defs#view`, the NSID alone for `main`); undefined when its document is
   * absent, which a catalog may allow.
   */
  readonly find: (ref: string) => LinkedDef | undefined
  /** The compiled check: null while it is being compiled, undefined before. */
  check: Check | null | undefined
}

/**
 * What a reference points to; undefined when its document is absent.
 *
 * @throws LexiconError `dangling-ref` for a definition that its own document lacks.
 */
export function lookUp(from: LinkedDef, ref: string): LinkedDef | undefined {
  const { nsid, name } = splitRef(ref, from.nsid)
  const found = from.find(typeName(nsid, name))
  if (found === undefined && nsid === from.nsid) {
    throw new LexiconError('dangling-ref', `no such definition; ref=${ref} in=${nsid}`, ref)
  }
  return found
}

/**
 * The compiled check of a definition.
 *
 * @throws LexiconError `dangling-ref`, `wrong-definition`.
 */
export function compile(linked: LinkedDef, level: number = 0): Check {
  const known = linked.check
  if (known === null) return recursiveCheck(() => linked.check!)
  if (known !== undefined) return known
  linked.check = null
  try {
    linked.check = compileDef(linked, level)
    return linked.check
  } catch (error) {
    linked.check = undefined
    throw error
  }
}

function compileDef(linked: LinkedDef, level: number): Check {
  const { nsid, name, def } = linked
  switch (def.type) {
    case 'record':
      return recordCheck(nsid, compileField(linked, def.record, level))
    case 'token': {
      const value = typeName(nsid, name)
      return stringCheck({ type: 'string', const: value })
    }
    case 'query':
    case 'procedure':
    case 'subscription':
    case 'permission-set':
      throw new LexiconError(
        'wrong-definition',
        `a ${def.type} is no data; ref=${typeName(nsid, name)}`,
        typeName(nsid, name),
      )
    default:
      return compileField(linked, def, level)
  }
}

/** The check of a definition without a name. `level` counts what is being compiled around it, refs included. */
export function compileField(linked: LinkedDef, field: LexiconField, level: number): Check {
  if (level > MAX_DEPTH) throw new LexiconError('invalid-lexicon', `nested too deep; in=${linked.nsid}`)
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
      return compileRef(linked, field.ref, level + 1)
    case 'union':
      return compileUnion(linked, field)
    case 'array':
      return arrayCheck(compileField(linked, field.items, level + 1), field.minLength, field.maxLength)
    case 'object':
      return compileProperties(linked, field.properties, field.required, field.nullable, level)
    default:
      throw new LexiconError(
        'invalid-lexicon',
        `no such type; type=${String((field as { type: unknown }).type)} in=${linked.nsid}`,
      )
  }
}

/** The check of an object's or params' properties. */
export function compileProperties(
  linked: LinkedDef,
  properties: LexiconParams['properties'] | { readonly [name: string]: LexiconField },
  required: readonly string[] = [],
  nullable: readonly string[] = [],
  level = 0,
): Check {
  const needed = new Set(required)
  const nulls = new Set(nullable)
  return objectCheck(
    Object.entries(properties).map(([key, field]): PropertyCheck => {
      const check = compileField(linked, field, level + 1)
      return { key, check: nulls.has(key) ? nullableCheck(check) : check, required: needed.has(key) }
    }),
  )
}

/** Refs followed at once; beyond it they are followed when a value gets there, so that no chain is too long. */
const MAX_REF_LEVEL = 64

function compileRef(linked: LinkedDef, ref: string, level: number): Check {
  const target = lookUp(linked, ref)
  if (target !== undefined) {
    if (level > MAX_REF_LEVEL) return recursiveCheck(() => compile(target))
    return compile(target, level)
  }
  return (_, context) => fail(context, 'unknown-lexicon', `cannot be checked: no lexicon of ${ref}`)
}

function compileUnion(linked: LinkedDef, union: LexiconUnion): Check {
  const variants = new Map<string, Variant>()
  for (const ref of union.refs) {
    const target = lookUp(linked, ref)
    // In an open union, a variant without its document is one variant that is not known.
    if (target === undefined) continue
    variants.set(typeName(target.nsid, target.name), { find: () => compile(target), check: null })
  }
  return unionCheck(variants, union.closed === true)
}
