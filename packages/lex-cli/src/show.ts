import type { LexiconBody, LexiconDef, LexiconDocument, LexiconField, LexiconParam } from '@avocet/lexicon'
import { printable } from './problem.ts'

/** A lexicon as text for people: what it is, its fields, what they hold. */
export function show(document: LexiconDocument): string {
  const lines = [document.id, ...about(document.description, 1)]
  for (const [name, def] of Object.entries(document.defs)) {
    lines.push('', `${name === 'main' ? 'main' : `#${name}`}: ${heading(def)}`, ...about(def.description, 1))
    lines.push(...body(def))
  }
  return printable(`${lines.join('\n')}\n`)
}

function heading(def: LexiconDef): string {
  if (def.type === 'record') return `record (key: ${def.key})`
  return isField(def) ? typeText(def) : def.type
}

type FieldDef = Exclude<
  LexiconDef,
  { type: 'record' | 'query' | 'procedure' | 'subscription' | 'permission-set' | 'token' }
>

function isField(def: LexiconDef): def is FieldDef {
  return !['record', 'query', 'procedure', 'subscription', 'permission-set', 'token'].includes(def.type)
}

function body(def: LexiconDef): string[] {
  switch (def.type) {
    case 'record':
      return fields(def.record.properties, def.record.required, def.record.nullable, 1)
    case 'query':
    case 'procedure':
    case 'subscription': {
      const lines: string[] = []
      if (def.parameters !== undefined) {
        lines.push('  parameters', ...fields(def.parameters.properties, def.parameters.required, [], 2))
      }
      if (def.type === 'procedure') lines.push(...bodyLines('input', def.input))
      if (def.type === 'subscription') {
        if (def.message !== undefined) lines.push(`  messages: ${typeText(def.message.schema)}`)
      } else {
        lines.push(...bodyLines('output', def.output))
      }
      for (const error of def.errors ?? []) {
        lines.push(`  error ${error.name}${error.description ? `: ${error.description}` : ''}`)
      }
      return lines
    }
    case 'permission-set':
      return def.permissions.map((permission) => {
        const { type: _, resource, ...rest } = permission
        return `  ${resource} ${JSON.stringify(rest)}`
      })
    case 'object':
      return fields(def.properties, def.required, def.nullable, 1)
    default:
      return []
  }
}

function bodyLines(side: string, value: LexiconBody | undefined): string[] {
  if (value === undefined) return []
  const { schema } = value
  const head = `  ${side} ${value.encoding}`
  if (schema === undefined) return [head]
  if (schema.type !== 'object') return [`${head}: ${typeText(schema)}`]
  return [head, ...fields(schema.properties, schema.required, schema.nullable, 2)]
}

function fields(
  properties: { readonly [name: string]: LexiconField | LexiconParam },
  required: readonly string[] = [],
  nullable: readonly string[] = [],
  level: number,
): string[] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const optional = required.includes(name) ? '' : '?'
    const nulls = nullable.includes(name) ? ' | null' : ''
    const line = `${'  '.repeat(level)}${name}${optional}: ${typeText(field)}${nulls}`
    const inner = innermost(field)
    const rest =
      inner.type === 'object' ? fields(inner.properties, inner.required, inner.nullable, level + 1) : []
    return [line, ...about(field.description, level + 1), ...rest]
  })
}

function innermost(field: LexiconField | LexiconParam): LexiconField | LexiconParam {
  return field.type === 'array' ? innermost(field.items) : field
}

/** A field in one line: its type and what bounds it. */
function typeText(field: LexiconField | LexiconParam): string {
  switch (field.type) {
    case 'array':
      return `${typeText(field.items)}[]${notes(field)}`
    case 'ref':
      return `→ ${field.ref}`
    case 'union':
      return `${field.closed === true ? 'one of' : 'any of'} ${field.refs.map((ref) => `→ ${ref}`).join(', ') || '(anything with a $type)'}`
    case 'string':
      return `${field.format ?? 'string'}${notes(field)}`
    default:
      return `${field.type}${notes(field)}`
  }
}

function notes(field: object): string {
  const shown = Object.entries(field)
    .filter(
      ([key]) =>
        !['type', 'description', 'format', 'items', 'properties', 'required', 'nullable'].includes(key),
    )
    .map(([key, value]) => `${key} ${Array.isArray(value) ? value.join(' | ') : String(value)}`)
  return shown.length === 0 ? '' : ` (${shown.join(', ')})`
}

function about(description: string | undefined, level: number): string[] {
  return description === undefined || description === '' ? [] : [`${'  '.repeat(level)}“${description}”`]
}
