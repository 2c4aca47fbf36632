// Every regular expression of the house in one list, found by parsing the sources: literals, `new RegExp(…)`, and patterns
// given as text to `match` and `matchAll`.
import { readFileSync } from 'node:fs'

import { parseSync } from 'oxc-parser'

/** An expression and where it stands. A pattern that is not written out in the source is null. */
export type Expression = {
  readonly file: string
  readonly line: number
  readonly pattern: string | null
  readonly flags: string
}

type Node = { readonly type: string; readonly start: number; readonly [field: string]: unknown }

/** The expressions in one file, in their order. @throws Error when the file does not parse */
export function findExpressions(file: string, text = readFileSync(file, 'utf8')): Expression[] {
  const parsed = parseSync(file, text)
  if (parsed.errors.length > 0)
    throw new Error(`cannot parse; file=${file} reason=${parsed.errors[0]!.message}`)
  const found: Expression[] = []
  visit(parsed.program as unknown as Node, (node) => {
    const expression = expressionAt(node)
    if (expression === null) return
    const line = text.slice(0, node.start).split('\n').length
    found.push({ file, line, ...expression })
  })
  return found
}

function expressionAt(node: Node): { pattern: string | null; flags: string } | null {
  const regex = node['regex'] as { pattern: string; flags: string } | null | undefined
  if (node.type === 'Literal' && regex) return regex
  if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return null
  const callee = node['callee'] as Node
  const [first, second] = node['arguments'] as Node[]
  if (callee.type === 'Identifier' && callee['name'] === 'RegExp') {
    // A copy of a literal is judged where the literal stands.
    if (first?.['regex']) return null
    return { pattern: textOf(first), flags: textOf(second) ?? '' }
  }
  if (callee.type !== 'MemberExpression') return null
  const name = (callee['property'] as Node)['name']
  const pattern = name === 'match' || name === 'matchAll' ? textOf(first) : null
  return pattern === null ? null : { pattern, flags: name === 'matchAll' ? 'g' : '' }
}

function textOf(node: Node | undefined): string | null {
  return node?.type === 'Literal' && typeof node['value'] === 'string' ? node['value'] : null
}

function visit(value: unknown, see: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, see)
  } else if (typeof value === 'object' && value !== null && !(value instanceof RegExp)) {
    if (typeof (value as Node).type === 'string') see(value as Node)
    for (const item of Object.values(value)) visit(item, see)
  }
}
