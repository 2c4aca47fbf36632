import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { locate } from '../src/locate.ts'

const text = `{
  "a/b": [1, {"x": "y, ]"},
    true],
  "c~d" : { "e": null }
}`

describe('locate', () => {
  it.each([
    ['', 1, 1],
    ['/a~1b', 2, 10],
    ['/a~1b/0', 2, 11],
    ['/a~1b/1/x', 2, 20],
    ['/a~1b/2', 3, 5],
    ['/c~0d/e', 4, 18],
    ['/c~0d/none/deeper', 4, 11],
    ['/a~1b/9', 2, 10],
  ])('finds %s', (pointer, line, column) => {
    expect(locate(text, pointer)).toEqual({ line, column })
  })

  it('finds every value of any document, however it is printed', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 1, 4), (value, indent) => {
        const json = JSON.stringify(value, null, indent)
        const lines = json.split('\n')
        const visit = (part: unknown, pointer: string): void => {
          const { line, column } = locate(json, pointer)
          const rest = [lines[line - 1]!.slice(column - 1), ...lines.slice(line)].join('\n')
          expect(rest.startsWith(JSON.stringify(part)[0]!)).toBe(true)
          if (typeof part !== 'object' || part === null) return
          for (const [key, inner] of Object.entries(part)) {
            visit(inner, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
          }
        }
        visit(JSON.parse(json), '')
      }),
    )
  })
})
