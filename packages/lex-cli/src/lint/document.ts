// https://atproto.com/guides/lexicon-style-guide, what it says of schemas
import type { LexiconDocument, LexiconField, LexiconProcedure, LexiconQuery } from '@avocet/lexicon'
import { camel, type Finding } from './fields.ts'

const CAMEL = /^[a-z][a-zA-Z0-9]*$/
const PASCAL = /^[A-Z][a-zA-Z0-9]*$/
const READING = /^(?:get|list|search|query)(?=[A-Z]|$)/
const WRITING = /^(?:create|update|delete|upsert|put)(?=[A-Z]|$)/
/** Names that stand for something else in popular languages. */
const GENERIC = new Set([
  'default',
  'length',
  'constructor',
  'prototype',
  'class',
  'new',
  'this',
  'null',
  'true',
  'false',
])

/** Everything the style guide has to say of a document as a whole. */
export function documentFindings(document: LexiconDocument): Finding[] {
  const findings: Finding[] = []
  const add = (rule: string, path: string, message: string, hint: string): void => {
    findings.push({ rule, path, message, hint })
  }
  const name = document.id.slice(document.id.lastIndexOf('.') + 1)
  if (!CAMEL.test(name)) add('name-case', '/id', `${name} is not lowerCamelCase`, `call it ${camel(name)}`)
  if (GENERIC.has(name))
    add('generic-name', '/id', `${name} means something else in many languages`, 'choose another name')
  for (const def of Object.keys(document.defs)) {
    const path = `/defs/${def}`
    if (!CAMEL.test(def)) add('name-case', path, `${def} is not lowerCamelCase`, `call it ${camel(def)}`)
    if (GENERIC.has(def))
      add('generic-name', path, `${def} means something else in many languages`, 'choose another name')
  }
  const { main } = document.defs
  if (main === undefined) return findings
  if (!main.description && main.type !== 'permission-set') {
    add(
      'description',
      '/defs/main',
      'has no description',
      'say what it is for; for methods also whether they need auth',
    )
  }
  switch (main.type) {
    case 'record':
      if (/[^su]s$/.test(name) && !name.endsWith('is')) {
        add('record-name', '/id', `${name} looks like a plural`, 'name records in the singular')
      }
      break
    case 'query':
      if (WRITING.test(name))
        add(
          'method-verb',
          '/id',
          `${name} is a query, named like a procedure`,
          'begin with get, list, search or query',
        )
      paginationFindings(main, add)
      methodFindings(main, add)
      break
    case 'procedure':
      if (READING.test(name))
        add(
          'method-verb',
          '/id',
          `${name} is a procedure, named like a query`,
          'begin with create, update, delete, upsert or put',
        )
      methodFindings(main, add)
      break
    case 'subscription': {
      if (!name.startsWith('subscribe'))
        add('method-verb', '/id', `${name} is a subscription`, 'call it subscribe and a plural')
      const cursor = main.parameters?.properties['cursor']
      if (cursor !== undefined && cursor.type !== 'integer') {
        add(
          'cursor',
          '/defs/main/parameters/properties/cursor',
          'the cursor of a subscription is an integer',
          'it is the seq of a message',
        )
      }
      break
    }
    default:
  }
  if ('errors' in main) {
    main.errors?.forEach((error, i) => {
      if (!PASCAL.test(error.name))
        add(
          'error-case',
          `/defs/main/errors/${i}/name`,
          `${error.name} is not UpperCamelCase`,
          'errors are named so',
        )
    })
  }
  return findings
}

type Add = (rule: string, path: string, message: string, hint: string) => void

function methodFindings(main: LexiconQuery | LexiconProcedure, add: Add): void {
  if (main.output === undefined) {
    add(
      'output',
      '/defs/main',
      'has no output',
      'give it application/json with an empty object, so that it can be extended',
    )
  }
}

function paginationFindings(main: LexiconQuery, add: Add): void {
  const params = main.parameters
  const cursor = params?.properties['cursor']
  if (params === undefined || cursor === undefined) return
  const path = '/defs/main/parameters'
  if (cursor.type !== 'string')
    add('cursor', `${path}/properties/cursor`, 'the cursor of a query is a string', 'make it one')
  if (params.required?.includes('cursor'))
    add('cursor', `${path}/required`, 'the first call has no cursor', 'make it optional')
  if (params.properties['limit']?.type !== 'integer') {
    add('cursor', path, 'has a cursor and no limit', 'add limit, an optional integer')
  }
  const output: LexiconField | undefined = main.output?.schema
  if (output?.type !== 'object') return
  if (output.properties['cursor']?.type !== 'string') {
    add(
      'cursor',
      '/defs/main/output/schema',
      'takes a cursor and gives none',
      'add cursor, an optional string',
    )
  } else if (output.required?.includes('cursor')) {
    add('cursor', '/defs/main/output/schema/required', 'the last page has no cursor', 'make it optional')
  }
}

/** Names that are both a schema and a group of others. */
export function groupFindings(documents: readonly LexiconDocument[]): Map<string, Finding> {
  const groups = new Set(documents.map(({ id }) => id.slice(0, id.lastIndexOf('.'))))
  const found = new Map<string, Finding>()
  for (const { id } of documents) {
    if (!groups.has(id)) continue
    found.set(id, {
      rule: 'group-name',
      path: '/id',
      message: `${id} is both a schema and a group of schemas`,
      hint: 'rename one of them',
    })
  }
  return found
}
