import { describe, expect, it } from 'vitest'
import type { LexiconDocument } from '../src/document.ts'
import { openApiDocument } from '../src/openapi/index.ts'

const options = { title: 'Test', version: '1' }
const method = (main: object, more: object = {}): LexiconDocument =>
  ({ lexicon: 1, id: 'com.example.ask', defs: { main, ...more } }) as unknown as LexiconDocument
const operation = (main: object, more?: object): any => {
  const { paths, components } = openApiDocument([method(main, more)], options) as any
  const [found] = Object.values(paths['/xrpc/com.example.ask']) as any[]
  return { ...found, schemas: components.schemas }
}
const output = (schema: object) => ({ output: { encoding: 'application/json', schema } })

describe('openApiDocument', () => {
  it('has lists as parameters that are given several times', () => {
    const properties = {
      tags: { type: 'array', items: { type: 'string', format: 'did' }, maxLength: 3 },
      at: { type: 'string', format: 'datetime' },
    }
    const { parameters } = operation({
      type: 'query',
      parameters: { type: 'params', required: ['at'], properties },
    })
    expect(parameters).toEqual([
      {
        name: 'tags',
        in: 'query',
        required: false,
        style: 'form',
        explode: true,
        schema: { type: 'array', items: { type: 'string', format: 'did' }, maxItems: 3 },
      },
      { name: 'at', in: 'query', required: true, schema: { type: 'string', format: 'date-time' } },
    ])
  })

  it('has definitions that contain themselves once', () => {
    const tree = {
      type: 'object',
      properties: { leaves: { type: 'array', items: { type: 'ref', ref: '#tree' } } },
    }
    const { schemas, responses } = operation(
      { type: 'query', ...output({ type: 'ref', ref: '#tree' }) },
      { tree },
    )
    expect(responses[200].content['application/json'].schema).toEqual({
      $ref: '#/components/schemas/com.example.ask_tree',
    })
    expect(schemas['com.example.ask_tree'].properties.leaves.items).toEqual({
      $ref: '#/components/schemas/com.example.ask_tree',
    })
  })

  it('has values as they are in JSON', () => {
    const properties = {
      raw: { type: 'bytes' },
      link: { type: 'cid-link' },
      file: { type: 'blob' },
      any: { type: 'unknown' },
      gone: { type: 'integer', maximum: 5 },
    }
    const { responses } = operation({
      type: 'procedure',
      ...output({ type: 'object', properties, nullable: ['gone'] }),
    })
    const { properties: found } = responses[200].content['application/json'].schema
    expect([found.raw.required, found.link.required, found.file.required]).toEqual([
      ['$bytes'],
      ['$link'],
      ['$type', 'ref', 'mimeType', 'size'],
    ])
    expect([found.any, found.gone]).toEqual([
      { type: 'object' },
      { anyOf: [{ type: 'integer', maximum: 5 }, { type: 'null' }] },
    ])
  })

  it('takes what is not there for any object, and open unions for others too', () => {
    const { responses, schemas } = operation({
      type: 'query',
      ...output({ type: 'union', refs: ['com.example.other'] }),
    })
    expect(responses[200].content['application/json'].schema.anyOf).toHaveLength(2)
    expect(schemas['com.example.other']).toEqual({ type: 'object' })
  })
})
