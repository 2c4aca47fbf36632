// Faults made by rule: small edits of a source file that change what it does. A test suite that still passes did not look.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

import { parseSync } from 'oxc-parser'

/** One fault: `start` and `end` are offsets into the file's text (UTF-16), `replacement` stands there instead. */
export type Mutant = {
  /** Path below the root of the workspace. */
  readonly file: string
  readonly start: number
  readonly end: number
  readonly replacement: string
  /** What kind of fault: a rule's name, or `hand`. */
  readonly rule: string
  /** 1-based. */
  readonly line: number
  /** Why it matters; only of faults made by hand. */
  readonly why?: string
  /** Test files that should notice, tried before all others; only of faults made by hand. */
  readonly first?: readonly string[]
}

type Node = { readonly type: string; readonly start: number; readonly end: number } & Record<string, unknown>

const SWAPPED_OPERATORS: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '-': '+',
  '&&': '||',
  '||': '&&',
}

/** All faults that the rules make in the sources of a package or an app, whose folder is given below `root`. */
export function mutantsIn(root: string, folder: string): Mutant[] {
  const files = readdirSync(join(root, folder, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    // A conformance suite is itself a test: what it notices is shown by faults in what it is run on.
    .filter((entry) => !/\/conformance(\/|$)/.test(entry.parentPath))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .toSorted()
  return files.flatMap((file) => mutantsOf(file, readFileSync(join(root, file), 'utf8')))
}

/** All faults that the rules make in one file, in the order of their places. */
function mutantsOf(file: string, source: string): Mutant[] {
  const { program, errors } = parseSync(file, source)
  if (errors.length > 0) throw new Error(`${file} does not parse: ${errors[0]!.message}`)
  const mutants: Mutant[] = []
  const add = (rule: string, start: number, end: number, replacement: string): void => {
    const line = source.slice(0, start).split('\n').length
    mutants.push({ file, start, end, replacement, rule, line })
  }
  walk(program as unknown as Node, (node) => mutate(node, source, add))
  return mutants.toSorted((a, b) => a.start - b.start || a.rule.localeCompare(b.rule))
}

type Add = (rule: string, start: number, end: number, replacement: string) => void

function mutate(node: Node, source: string, add: Add): void {
  switch (node.type) {
    case 'IfStatement':
      if (node['alternate'] === null && leaves(node['consequent'] as Node)) {
        const test = node['test'] as Node
        add('guard off', test.start, test.end, 'false')
      }
      return
    case 'BinaryExpression':
    case 'LogicalExpression':
      return swapOperator(node, source, add)
    case 'UnaryExpression':
      if (node['operator'] === '!') add('negation off', node.start, node.start + 1, '')
      return
    case 'ConditionalExpression': {
      const test = node['test'] as Node
      add('branches swapped', test.start, test.end, `!(${source.slice(test.start, test.end)})`)
      return
    }
    case 'ReturnStatement': {
      const value = node['argument'] as Node | null
      if (value === null) return
      const text = source.slice(value.start, value.end)
      if (text === 'true' || text === 'false') add('return', value.start, value.end, String(text === 'false'))
      else if (text !== 'undefined' && text !== 'null') add('return', value.start, value.end, 'undefined')
      return
    }
    case 'ExpressionStatement': {
      const expression = node['expression'] as Node
      const call = expression.type === 'AwaitExpression' ? (expression['argument'] as Node) : expression
      if (call.type === 'CallExpression') add('call left out', expression.start, expression.end, 'void 0')
      return
    }
    case 'VariableDeclarator': {
      const name = (node['id'] as Node)['name']
      const value = node['init'] as Node | null
      if (value !== null && typeof name === 'string' && /^[A-Z_]*(MAX|LIMIT|BUDGET)[A-Z_]*$/.test(name)) {
        add('bound off', value.start, value.end, 'Number.MAX_SAFE_INTEGER')
      }
      return
    }
    default:
  }
}

/** Whether a branch ends in leaving: then the `if` is a guard. */
function leaves(node: Node): boolean {
  if (node.type === 'BlockStatement') {
    const last = (node['body'] as Node[]).at(-1)
    return last !== undefined && leaves(last)
  }
  return ['ReturnStatement', 'ThrowStatement', 'ContinueStatement', 'BreakStatement'].includes(node.type)
}

function swapOperator(node: Node, source: string, add: Add): void {
  const replacement = SWAPPED_OPERATORS[String(node['operator'])]
  if (replacement === undefined) return
  const left = node['left'] as Node
  const right = node['right'] as Node
  const between = source.slice(left.end, right.start)
  const at = between.indexOf(String(node['operator']))
  if (at === -1) return
  const start = left.end + at
  add(
    `${node['operator'] as string} to ${replacement}`,
    start,
    start + String(node['operator']).length,
    replacement,
  )
}

/** Visits every node but types, which change nothing at run time. */
function walk(node: Node, visit: (node: Node) => void): void {
  if (node.type.startsWith('TS') && !RUNTIME_TS.has(node.type)) return
  visit(node)
  for (const [key, value] of Object.entries(node)) {
    if (key === 'parent' || value === null || typeof value !== 'object') continue
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) walk(child, visit)
    }
  }
}

const RUNTIME_TS: ReadonlySet<string> = new Set([
  'TSAsExpression',
  'TSNonNullExpression',
  'TSSatisfiesExpression',
  'TSTypeAssertion',
])

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}
