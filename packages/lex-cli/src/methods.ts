// The two optional files of generated code: calls of methods, and handlers of them.
import type { LexiconDocument } from '@avocet/lexicon'
import { comment, literal, namespaceName } from '@avocet/lexicon/codegen'

const HEAD = '// Generated. Do not edit.\n'

type Method = { readonly document: LexiconDocument; readonly type: string; readonly description: string }

function methodsOf(documents: readonly LexiconDocument[], types: readonly string[]): Method[] {
  return documents.flatMap((document) => {
    const { main } = document.defs
    if (main === undefined || !types.includes(main.type)) return []
    return [{ document, type: main.type, description: main.description ?? '' }]
  })
}

function imports(methods: readonly Method[]): string {
  return methods
    .map(({ document: { id } }) => `import * as ${namespaceName(id)} from ${literal(`./${id}.ts`)}\n`)
    .join('')
}

/** A tree of methods by the segments of their names. */
type Tree = { readonly children: Map<string, Tree>; method: Method | null }

/** `client.ts`: every query and procedure as a typed function, by the segments of its name. */
export function clientModule(documents: readonly LexiconDocument[]): string {
  const methods = methodsOf(documents, ['query', 'procedure'])
  const root: Tree = { children: new Map(), method: null }
  for (const method of methods) {
    let node = root
    for (const segment of method.document.id.split('.')) {
      const next: Tree = node.children.get(segment) ?? { children: new Map(), method: null }
      node.children.set(segment, next)
      node = next
    }
    node.method = method
  }
  return `${HEAD}import type { CallArgs, CallOutput, CallResult, Client } from '@avocet/xrpc-client'
${imports(methods)}
/** The methods of these lexicons, by the segments of their names. */
export type Methods = ${treeType(root, 0)}

/**
 * The methods of these lexicons on a client. It imports all of them; where the size of a bundle counts, pass the schema
 * of the one that is needed to \`client.call\`.
 */
export function createMethods(client: Client): Methods {
  return ${treeValue(root, 2)}
}
`
}

function property(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name)
}

function treeType({ children }: Tree, indent: number): string {
  const pad = ' '.repeat(indent + 2)
  const members = [...children].map(([segment, node]) => {
    if (node.method === null) return `${pad}readonly ${property(segment)}: ${treeType(node, indent + 2)}\n`
    const schema = `typeof ${namespaceName(node.method.document.id)}.main`
    const call = `(...args: CallArgs<${schema}>) => Promise<CallResult<CallOutput<${schema}>>>`
    // A method whose name is also a group of others is both.
    const rest = node.children.size === 0 ? '' : ` & ${treeType(node, indent + 2)}`
    const type = rest === '' ? call : `(${call})${rest}`
    return `${comment(node.method.description, indent + 2)}${pad}readonly ${property(segment)}: ${type}\n`
  })
  return `{\n${members.join('')}${' '.repeat(indent)}}`
}

function treeValue({ children }: Tree, indent: number): string {
  const pad = ' '.repeat(indent + 2)
  const members = [...children].map(([segment, node]) => {
    if (node.method === null) return `${pad}${property(segment)}: ${treeValue(node, indent + 2)},\n`
    const call = `(...args) => client.call(${namespaceName(node.method.document.id)}.main, ...args)`
    const value = node.children.size === 0 ? call : `Object.assign(${call}, ${treeValue(node, indent + 2)})`
    return `${pad}${property(segment)}: ${value},\n`
  })
  return `{\n${members.join('')}${' '.repeat(indent)}}`
}

/** `server.ts`: the types of handlers of every method, and a function that adds them to a router. */
export function serverModule(documents: readonly LexiconDocument[]): string {
  const methods = methodsOf(documents, ['query', 'procedure', 'subscription'])
  const kinds = new Set(
    methods.map(({ type }) => (type === 'subscription' ? 'StreamHandler' : 'MethodHandler')),
  )
  const members = methods.map(({ document: { id }, type, description }) => {
    const kind = type === 'subscription' ? 'StreamHandler' : 'MethodHandler'
    const schema = `typeof ${namespaceName(id)}.main`
    return `${comment(description, 2)}  readonly ${literal(id)}: ${kind}<${schema}>\n`
  })
  const adds = methods.map(
    ({ document: { id } }) => `  router.add(${namespaceName(id)}.main, handlers[${literal(id)}])\n`,
  )
  return `${HEAD}import type { ${[...kinds, 'Router'].toSorted().join(', ')} } from '@avocet/xrpc-server'
${imports(methods)}
/** A handler for every method of these lexicons. */
export type Handlers = {
${members.join('')}}

/** Adds a handler for every method; for settings such as \`auth\`, add a method to the router by itself. */
export function addHandlers(router: Router, handlers: Handlers): void {
${adds.join('')}}
`
}
