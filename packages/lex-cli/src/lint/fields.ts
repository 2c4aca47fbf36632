// https://atproto.com/guides/lexicon-style-guide, what it says of fields
import type { LexiconString } from '@avocet/lexicon'
import type { FieldVisit } from './walk.ts'

/** What a rule says: its name, where, what is wrong, and what to do. */
export type Finding = {
  readonly rule: string
  readonly path: string
  readonly message: string
  readonly hint: string
  readonly severity?: 'error'
}

const CAMEL = /^[a-z][a-zA-Z0-9]*$/
const KEBAB = /^[a-z0-9]+(?:-[a-z0-9]+)*$/

/** Fields that each type has, so that a misspelt one is found. */
const KNOWN: { readonly [type: string]: readonly string[] } = {
  boolean: ['default', 'const'],
  integer: ['minimum', 'maximum', 'enum', 'default', 'const'],
  string: [
    'format',
    'minLength',
    'maxLength',
    'minGraphemes',
    'maxGraphemes',
    'knownValues',
    'enum',
    'default',
    'const',
  ],
  bytes: ['minLength', 'maxLength'],
  'cid-link': [],
  blob: ['accept', 'maxSize'],
  unknown: [],
  ref: ['ref'],
  union: ['refs', 'closed'],
  array: ['items', 'minLength', 'maxLength'],
  object: ['properties', 'required', 'nullable'],
}

/** Everything the style guide has to say of one field. */
export function fieldFindings(visited: FieldVisit): Finding[] {
  const findings: Finding[] = []
  const add = (rule: string, message: string, hint: string, path = visited.path): void => {
    findings.push({ rule, path, message, hint })
  }
  const { field, path, name, context } = visited
  if (name !== null) nameFindings(visited, findings)
  for (const key of Object.keys(field)) {
    if (key === 'type' || key === 'description' || KNOWN[field.type]?.includes(key)) continue
    const meant = KNOWN[field.type]?.find((known) => known.toLowerCase() === key.toLowerCase())
    add(
      'unknown-key',
      `a ${field.type} has no ${key}`,
      meant === undefined ? 'validators ignore it' : `did you mean ${meant}?`,
      `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    )
  }
  switch (field.type) {
    case 'string':
      stringFindings(visited, field, add)
      break
    case 'integer':
      if (field.enum !== undefined)
        add('closed-enum', 'an enum can never be extended', 'leave it out, or use minimum and maximum')
      break
    case 'boolean':
      if (!visited.required && field.default === true) {
        add(
          'boolean-default',
          'is true by default',
          'name it for the exception (excludeFoo), so that false is the default',
        )
      }
      break
    case 'union':
      if (field.closed === true)
        add('closed-union', 'a closed union can never be extended', 'leave out closed')
      break
    case 'unknown':
      if (context === 'record')
        add('unknown-in-record', 'is unknown data in a record', 'define an object, or an open union')
      break
    case 'array':
      if (context === 'output' && ['string', 'integer', 'boolean'].includes(field.items.type)) {
        add(
          'array-of-values',
          'an array of bare values can never carry more',
          'make the items objects with one field',
        )
      }
      break
    default:
  }
  return findings
}

function nameFindings(visited: FieldVisit, findings: Finding[]): void {
  const { name, path, field, context } = visited
  if (name === null) return
  if (name.startsWith('$')) {
    findings.push({
      rule: 'reserved-name',
      path,
      message: 'names with $ are reserved for the protocol',
      hint: 'choose another name',
      severity: 'error',
    })
  } else if (!CAMEL.test(name)) {
    findings.push({
      rule: 'field-case',
      path,
      message: `${name} is not lowerCamelCase`,
      hint: `call it ${camel(name)}`,
    })
  }
  if (
    ['uri', 'cid', 'did', 'value', 'data', 'ref'].includes(name) &&
    !field.description &&
    context !== 'params'
  ) {
    findings.push({
      rule: 'field-description',
      path,
      message: `does not say the ${name} of what`,
      hint: 'add a description',
    })
  }
}

type Add = (rule: string, message: string, hint: string, path?: string) => void

function stringFindings(visited: FieldVisit, field: LexiconString, add: Add): void {
  const { context, path } = visited
  const limited = field.maxLength !== undefined || field.maxGraphemes !== undefined
  if (field.format !== undefined && (limited || field.minLength !== undefined)) {
    add('format-and-length', 'has both a format and a length', 'the format bounds it already')
  }
  const bounded =
    limited || field.format !== undefined || field.enum !== undefined || field.const !== undefined
  if (context === 'record' && !bounded) {
    add(
      'string-limit',
      'is a string of any length in a record',
      'add maxGraphemes and maxLength, or a format',
    )
  }
  if (field.maxGraphemes !== undefined) {
    const ratio = (field.maxLength ?? Infinity) / field.maxGraphemes
    if (field.maxLength === undefined) {
      add(
        'graphemes-without-bytes',
        'is limited in graphemes alone',
        `add maxLength, such as ${field.maxGraphemes * 10}`,
      )
    } else if (ratio < 10 || ratio > 20) {
      add(
        'graphemes-ratio',
        `has ${ratio.toFixed(1)} bytes to a grapheme`,
        'between 10 and 20 suits every language',
      )
    }
  }
  if (field.enum !== undefined) {
    add('closed-enum', 'an enum can never be extended', 'use knownValues')
  }
  field.knownValues?.forEach((value, i) => {
    if (!KEBAB.test(value) && !/^[a-zA-Z0-9.-]+(?:#[a-zA-Z0-9]+)?$/.test(value)) {
      add(
        'value-case',
        `${JSON.stringify(value)} is neither kebab-case nor the name of a token`,
        `use ${kebab(value)}`,
        `${path}/knownValues/${i}`,
      )
    }
    if (value.startsWith('#')) {
      add('token-name', 'is a local reference', 'write the token with its NSID', `${path}/knownValues/${i}`)
    }
  })
  if (context === 'record' && (field.format === 'handle' || field.format === 'at-identifier')) {
    add('handle-in-record', 'handles change', 'use the format did')
  }
  if (context === 'params' && field.format === 'handle') {
    add('at-identifier', 'takes handles alone', 'use the format at-identifier')
  }
}

/** `some_name` → `someName`. */
export function camel(name: string): string {
  const words = name.split(/[^a-zA-Z0-9]+/).filter((word) => word !== '')
  const joined = words
    .map((word, i) => (i === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join('')
  return joined.charAt(0).toLowerCase() + joined.slice(1)
}

function kebab(value: string): string {
  return value
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll(/[^a-zA-Z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .toLowerCase()
}
