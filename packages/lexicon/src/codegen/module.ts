// One document → one module: its types, its schemas, helpers for its record.
import type { LexiconDef, LexiconDocument, LexiconParams } from '../document.ts'
import { dependencies, referencesOf } from '../links.ts'
import { splitRef, typeName } from '../ref.ts'
import { linkedName, moduleNames, namespaceName, pascal, type ModuleNames } from './names.ts'
import { comment, literal, printJson } from './print.ts'
import {
  bodyType,
  fieldType,
  hasDefault,
  NO_PARAMS,
  objectType,
  paramsType,
  type TypeScope,
} from './types.ts'

/** How modules find each other and this package. */
export type ModuleOptions = {
  /** All documents that may be referred to, by NSID. */
  readonly documents: ReadonlyMap<string, LexiconDocument>
  /** The specifier of a document's module, without an extension for a file beside this one: `./com.example.defs`. */
  readonly specifier: (nsid: string) => string
  /** The specifier of this package; `@avocet/lexicon` unless told. */
  readonly runtime?: string
}

/** A generated module: as TypeScript, and as JavaScript with its declarations. */
export type GeneratedModule = { readonly ts: string; readonly js: string; readonly dts: string }

/** One exported thing. */
type Item =
  | { kind: 'type'; doc: string; name: string; type: string }
  | { kind: 'const'; doc: string; name: string; type: string; value: string; typeArguments: string }
  | { kind: 'function'; doc: string; name: string; parameter: string; result: string; body: string }

/** Prints the module of a document. The output depends on the document alone, not on the order of anything else. */
export function generateModule(document: LexiconDocument, options: ModuleOptions): GeneratedModule {
  const names = moduleNames(document)
  const foreignNames = new Map<string, ModuleNames>([[document.id, names]])
  const namesOf = (nsid: string): ModuleNames | undefined => {
    let found = foreignNames.get(nsid)
    const other = found === undefined ? options.documents.get(nsid) : undefined
    if (other !== undefined) {
      found = moduleNames(other)
      foreignNames.set(nsid, found)
    }
    return found
  }
  const scope: TypeScope = {
    nsid: document.id,
    names,
    imports: new Set(),
    documents: new Set(),
    foreign: (nsid, name) => namesOf(nsid)?.type(name) ?? pascal(name),
  }
  const functions = new Set<string>()
  const items: Item[] = []
  for (const name of Object.keys(document.defs)) {
    const def = document.defs[name]!
    const linked = def.type === 'token' ? '' : printLinked(document.id, name, def, namesOf)
    items.push(...defItems(scope, functions, name, def, linked))
  }
  return render(document, options, scope, functions, items)
}

/** The call that links a definition to those it refers to. They stand in a function: modules may refer in circles. */
function printLinked(
  nsid: string,
  name: string,
  def: LexiconDef,
  namesOf: (nsid: string) => ModuleNames | undefined,
): string {
  const links = referencesOf(nsid, name, def).map((found) => {
    const target = splitRef(found.ref, nsid)
    const linked = namesOf(target.nsid)?.linked(target.name) ?? linkedName(target.name)
    return target.nsid === nsid ? linked : `${namespaceName(target.nsid)}.${linked}`
  })
  const list = [...new Set(links)].toSorted().join(', ')
  const json = printJson(withoutProse(def))
  return `linkDef(${literal(typeName(nsid, name))}, ${json}${list === '' ? '' : `, () => [${list}]`})`
}

const LINKED_DOC = 'The definition below, for those that refer to it.'

function defItems(
  scope: TypeScope,
  functions: Set<string>,
  name: string,
  def: LexiconDef,
  linked: string,
): Item[] {
  const type = scope.names.type(name)
  const value = scope.names.value(name)
  const ref = typeName(scope.nsid, name)
  const doc = def.description ?? ''
  if (linked !== '') functions.add('linkDef')
  const schema = (
    call: string,
    result: string,
    typeArguments: string[],
    argument = pure(linked, ''),
  ): Item => {
    functions.add(call)
    scope.imports.add(result)
    const list = typeArguments.length > 0 ? `<${typeArguments.join(', ')}>` : ''
    return {
      kind: 'const',
      doc,
      name: value,
      type: `${result}${list}`,
      value: `${call}(${argument})`,
      typeArguments: list,
    }
  }
  // What other definitions may refer to has a name for them.
  const data = (call: string, result: string): Item[] => {
    const own = scope.names.linked(name)
    scope.imports.add('LinkedDef')
    const link: Item = {
      kind: 'const',
      doc: LINKED_DOC,
      name: own,
      type: 'LinkedDef',
      value: linked,
      typeArguments: '',
    }
    return [link, schema(call, result, [type], own)]
  }
  switch (def.type) {
    case 'record': {
      const main = objectType(scope, def.record, 0, [`  $type: ${literal(ref)}`])
      return [
        { kind: 'type', doc, name: type, type: main },
        ...data('defineRecord', 'RecordSchema'),
        ...recordHelpers(scope, type, value),
      ]
    }
    case 'query':
      return [
        ...paramsItems(scope, def.parameters),
        typeItem('Output', bodyType(scope, def.output), def.output?.description),
        ...errorItems(def.errors),
        schema('defineQuery', 'Query', ['Params', 'Output', 'DecodedParams', 'ErrorName']),
      ]
    case 'procedure':
      return [
        ...paramsItems(scope, def.parameters),
        typeItem('Input', bodyType(scope, def.input), def.input?.description),
        typeItem('Output', bodyType(scope, def.output), def.output?.description),
        ...errorItems(def.errors),
        schema('defineProcedure', 'Procedure', ['Params', 'Input', 'Output', 'DecodedParams', 'ErrorName']),
      ]
    case 'subscription': {
      const message = def.message === undefined ? 'never' : fieldType(scope, def.message.schema, 0)
      return [
        ...paramsItems(scope, def.parameters),
        typeItem('Message', message, def.message?.description),
        ...errorItems(def.errors),
        schema('defineSubscription', 'Subscription', ['Params', 'Message', 'DecodedParams', 'ErrorName']),
      ]
    }
    case 'permission-set':
      return [schema('definePermissionSet', 'PermissionSet', [])]
    case 'token':
      return [
        { kind: 'type', doc, name: type, type: literal(ref) },
        { kind: 'const', doc, name: value, type: literal(ref), value: literal(ref), typeArguments: '' },
      ]
    case 'object': {
      const body = objectType(scope, def, 0, [`  $type?: ${literal(ref)}`])
      return [{ kind: 'type', doc, name: type, type: body }, ...data('defineSchema', 'DefSchema')]
    }
    default:
      return [
        { kind: 'type', doc, name: type, type: fieldType(scope, def, 0) },
        ...data('defineSchema', 'DefSchema'),
      ]
  }
}

function typeItem(name: string, type: string, doc: string | undefined): Item {
  return { kind: 'type', doc: doc ?? '', name, type }
}

function paramsItems(scope: TypeScope, params: LexiconParams | undefined): Item[] {
  if (params === undefined) {
    return [typeItem('Params', NO_PARAMS, undefined), typeItem('DecodedParams', 'Params', undefined)]
  }
  const filled = Object.values(params.properties).some(hasDefault)
  return [
    typeItem('Params', paramsType(scope, params, false), params.description),
    typeItem(
      'DecodedParams',
      filled ? paramsType(scope, params, true) : 'Params',
      filled ? 'The parameters with defaults filled in.' : undefined,
    ),
  ]
}

function errorItems(errors: readonly { readonly name: string }[] | undefined): Item[] {
  const type = errors?.map((error) => literal(error.name)).join(' | ') ?? ''
  return [typeItem('ErrorName', type === '' ? 'never' : type, undefined)]
}

function recordHelpers(scope: TypeScope, type: string, value: string): Item[] {
  const name = scope.names.record
  if (name === null) return []
  const ref = scope.nsid
  return [
    { kind: 'type', doc: '', name, type },
    {
      kind: 'function',
      doc: `Whether a value is a valid \`${ref}\` record.`,
      name: `is${name}`,
      parameter: 'value: unknown',
      result: `value is ${name}`,
      body: `return ${value}.is(value)`,
    },
    {
      kind: 'function',
      doc: `Makes a \`${ref}\` record of its fields. Does not validate them.`,
      name: `create${name}`,
      parameter: `fields: Omit<${name}, '$type'>`,
      result: name,
      body: `return { $type: ${literal(ref)}, ...fields }`,
    },
  ]
}

function render(
  document: LexiconDocument,
  options: ModuleOptions,
  scope: TypeScope,
  functions: ReadonlySet<string>,
  items: readonly Item[],
): GeneratedModule {
  const runtime = literal(options.runtime ?? '@avocet/lexicon')
  const links = dependencies(document)
  const head = `// Generated from the lexicon ${document.id}. Do not edit.\n`
  const types = [...scope.imports].toSorted()
  const values = [...functions].toSorted()
  const specifier = (nsid: string, extension: string): string => {
    const name = options.specifier(nsid)
    return literal(name.startsWith('.') ? `${name}${extension}` : name)
  }
  const imports = (keyword: string, nsids: readonly string[], extension: string): string =>
    nsids
      .map((nsid) => `${keyword} * as ${namespaceName(nsid)} from ${specifier(nsid, extension)}\n`)
      .join('')
  const typeDocuments = links.filter((nsid) => scope.documents.has(nsid))
  const join = (parts: readonly string[]): string => parts.filter((part) => part !== '').join('\n')
  return {
    ts: join([
      `${head}import { ${[...values, ...types.map((name) => `type ${name}`)].join(', ')} } from ${runtime}\n${imports('import', links, '.ts')}`,
      ...items.map(printTs),
    ]),
    js: join([
      `${head}import { ${values.join(', ')} } from ${runtime}\n${imports('import', links, '.js')}`,
      ...items.map(printJs),
    ]),
    dts: join([
      `${head}import type { ${types.join(', ')} } from ${runtime}\n${imports('import type', typeDocuments, '.js')}`,
      ...items.map(printDts),
    ]),
  }
}

function printType(item: Item & { kind: 'type' }): string {
  return `${comment(item.doc)}export type ${item.name} =${item.type.startsWith('\n') ? '' : ' '}${item.type}\n`
}

function printTs(item: Item): string {
  const doc = comment(item.doc)
  switch (item.kind) {
    case 'type':
      return printType(item)
    case 'const':
      return `${doc}export const ${item.name}: ${item.type} = ${pure(item.value, item.typeArguments)}\n`
    default:
      return `${doc}export function ${item.name}(${item.parameter}): ${item.result} {\n  ${item.body}\n}\n`
  }
}

function printJs(item: Item): string {
  switch (item.kind) {
    case 'type':
      return ''
    case 'const':
      return `export const ${item.name} = ${pure(item.value, '')}\n`
    default:
      return `export function ${item.name}(${item.parameter.split(':')[0]!}) {\n  ${item.body}\n}\n`
  }
}

function printDts(item: Item): string {
  const doc = comment(item.doc)
  switch (item.kind) {
    case 'type':
      return printType(item)
    case 'const':
      return `${doc}export declare const ${item.name}: ${item.type}\n`
    default:
      return `${doc}export declare function ${item.name}(${item.parameter}): ${item.result}\n`
  }
}

/** Marks a call as free of effects, so that a bundler may drop it. */
function pure(value: string, typeArguments: string): string {
  const open = value.indexOf('(')
  if (open < 0 || value.startsWith("'")) return value
  return `/*#__PURE__*/ ${value.slice(0, open)}${typeArguments}${value.slice(open)}`
}

/** A definition without what only people read, which stands in comments and types: a bundle carries what it runs. */
function withoutProse(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutProse)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([name, field]) =>
          !(name === 'description' && typeof field === 'string') &&
          !(name === 'knownValues' && Array.isArray(field)),
      )
      .map(([name, field]) => [name, withoutProse(field)]),
  )
}
