import { isPlainObject } from './check/container.ts'
import { MAX_DEPTH } from './check/context.ts'
import { truncateText } from './check/text.ts'
import type { LexiconField, LexiconParams } from './document.ts'
import { typeName } from './ref.ts'
import { lookUp, type LinkedDef } from './definition.ts'

/** What to rewrite. */
export type How = { readonly defaults: boolean; readonly truncate: boolean }

/**
 * A value with absent fields' defaults filled in and over-long strings shortened, through refs, arrays and known
 * variants of unions. Parts that need nothing are shared with the input; what does not fit its schema is left to
 * the check.
 */
export function rewriteField(
  linked: LinkedDef,
  field: LexiconField | LexiconParams,
  value: unknown,
  how: How,
  depth = 0,
): unknown {
  if (depth > MAX_DEPTH) return value
  switch (field.type) {
    case 'string': {
      if (!how.truncate || typeof value !== 'string') return value
      // A shortened identifier would be another identifier, and a value of a closed set is no prose.
      if (field.format !== undefined || field.enum !== undefined || field.const !== undefined) return value
      return truncateText(value, field.maxLength ?? Infinity, field.maxGraphemes ?? Infinity)
    }
    case 'array': {
      if (!Array.isArray(value) || value.length > (field.maxLength ?? Infinity)) return value
      let copy: unknown[] | undefined
      for (let i = 0; i < value.length; i++) {
        const item: unknown = rewriteField(linked, field.items, value[i], how, depth + 1)
        if (item === value[i]) continue
        copy ??= value.slice()
        copy[i] = item
      }
      return copy ?? value
    }
    case 'object':
    case 'params':
      return isPlainObject(value) ? rewriteObject(linked, field.properties, value, how, depth) : value
    case 'ref':
      return rewriteRef(linked, field.ref, value, how, depth + 1)
    case 'union': {
      if (!isPlainObject(value)) return value
      const type = value['$type']
      for (const ref of field.refs) {
        const target = lookUp(linked, ref)
        if (target !== undefined && typeName(target.nsid, target.name) === type) {
          return rewriteDef(target, value, how, depth + 1)
        }
      }
      return value
    }
    default:
      return value
  }
}

function rewriteRef(from: LinkedDef, ref: string, value: unknown, how: How, depth: number): unknown {
  const target = lookUp(from, ref)
  return target === undefined ? value : rewriteDef(target, value, how, depth)
}

/** The same for a definition. */
export function rewriteDef(linked: LinkedDef, value: unknown, how: How, depth = 0): unknown {
  const { def } = linked
  switch (def.type) {
    case 'record':
      return rewriteField(linked, def.record, value, how, depth)
    case 'query':
    case 'procedure':
    case 'subscription':
    case 'permission-set':
    case 'token':
      return value
    default:
      return rewriteField(linked, def, value, how, depth)
  }
}

function rewriteObject(
  linked: LinkedDef,
  properties: { readonly [name: string]: LexiconField },
  value: { readonly [key: string]: unknown },
  how: How,
  depth: number,
): unknown {
  let copy: Record<string, unknown> | undefined
  for (const key of Object.keys(properties)) {
    const field = properties[key]!
    const old = Object.hasOwn(value, key) ? value[key] : undefined
    let next: unknown
    if (old === undefined) {
      if (!how.defaults || !('default' in field) || field.default === undefined) continue
      next = field.default
    } else {
      next = rewriteField(linked, field, old, how, depth + 1)
      if (next === old) continue
    }
    copy ??= { ...value }
    copy[key] = next
  }
  return copy ?? value
}
