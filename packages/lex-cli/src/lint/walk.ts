import type { LexiconDef, LexiconDocument, LexiconField, LexiconParam } from '@avocet/lexicon'

/** In what a field stands. */
export type FieldContext = 'record' | 'params' | 'input' | 'output' | 'message' | 'definition'

/** A field on the way through a document. */
export type FieldVisit = {
  readonly field: LexiconField | LexiconParam
  readonly path: string
  /** The property's name; null for items of arrays and named definitions. */
  readonly name: string | null
  readonly required: boolean
  readonly context: FieldContext
}

/** Calls `visit` for every field of a document, inner ones after outer ones. */
export function walkFields(document: LexiconDocument, visit: (visited: FieldVisit) => void): void {
  for (const [name, def] of Object.entries(document.defs)) walkDef(def, `/defs/${escape(name)}`, visit)
}

function walkDef(def: LexiconDef, path: string, visit: (visited: FieldVisit) => void): void {
  const field = (
    value: LexiconField | LexiconParam,
    at: string,
    context: FieldContext,
    name: string | null = null,
    required = true,
  ): void => {
    visit({ field: value, path: at, name, required, context })
    if (value.type === 'array') field(value.items, `${at}/items`, context)
    if (value.type === 'object') {
      const needed = new Set(value.required)
      for (const [key, property] of Object.entries(value.properties)) {
        field(property, `${at}/properties/${escape(key)}`, context, key, needed.has(key))
      }
    }
  }
  switch (def.type) {
    case 'record':
      field(def.record, `${path}/record`, 'record')
      break
    case 'query':
    case 'procedure':
    case 'subscription': {
      const needed = new Set(def.parameters?.required)
      for (const [key, param] of Object.entries(def.parameters?.properties ?? {})) {
        field(param, `${path}/parameters/properties/${escape(key)}`, 'params', key, needed.has(key))
      }
      if (def.type === 'subscription') {
        if (def.message !== undefined) field(def.message.schema, `${path}/message/schema`, 'message')
        break
      }
      if (def.output?.schema !== undefined) field(def.output.schema, `${path}/output/schema`, 'output')
      if (def.type === 'procedure' && def.input?.schema !== undefined) {
        field(def.input.schema, `${path}/input/schema`, 'input')
      }
      break
    }
    case 'permission-set':
    case 'token':
      break
    default:
      field(def, path, 'definition')
  }
}

function escape(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
