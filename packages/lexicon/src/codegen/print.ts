/** A string literal in single quotes. */
export function literal(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029')
}

/** A key of an object literal, in quotes only where it needs them. */
export function key(name: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) && name !== '__proto__' ? name : literal(name)
}

const WIDTH = 100

/** JSON as a JavaScript literal: short values in one line, long ones broken and indented. */
export function printJson(value: unknown, indent = 0): string {
  const flat = printFlat(value)
  if (flat.length + indent <= WIDTH || typeof value !== 'object' || value === null) return flat
  const pad = ' '.repeat(indent + 2)
  const end = `\n${' '.repeat(indent)}`
  if (Array.isArray(value)) {
    return `[${value.map((item) => `\n${pad}${printJson(item, indent + 2)},`).join('')}${end}]`
  }
  const entries = Object.entries(value).map(
    ([name, field]) => `\n${pad}${property(name)}: ${printJson(field, indent + 2)},`,
  )
  return `{${entries.join('')}${end}}`
}

function printFlat(value: unknown): string {
  if (typeof value === 'string') return literal(value)
  if (Array.isArray(value)) return `[${value.map(printFlat).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value)
  if (entries.length === 0) return '{}'
  return `{ ${entries.map(([name, field]) => `${property(name)}: ${printFlat(field)}`).join(', ')} }`
}

/** A computed key is the only way to an own property of that name. */
function property(name: string): string {
  return name === '__proto__' ? `['__proto__']` : key(name)
}

/** A doc comment; nothing for an empty text. Lines break at about 100 columns. */
export function comment(text: string, indent = 0): string {
  const pad = ' '.repeat(indent)
  const lines = text
    .replaceAll('*/', '* /')
    .split(/\r?\n/)
    .flatMap((line) => wrap(line.trim(), WIDTH - indent))
  while (lines.at(-1) === '') lines.pop()
  if (lines.length === 0) return ''
  if (lines.length === 1) return `${pad}/** ${lines[0]} */\n`
  return `${pad}/**\n${lines.map((line) => `${pad} * ${line}`.trimEnd()).join('\n')}\n${pad} */\n`
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  lines.push(line)
  return lines
}
