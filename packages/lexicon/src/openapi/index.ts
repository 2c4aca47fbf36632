// Methods as OpenAPI, for tools that do not know lexicons. https://spec.openapis.org/oas/v3.1.1.html
import type { LexiconBody, LexiconDef, LexiconDocument, LexiconField, LexiconParam } from '../document.ts'
import { splitRef, typeName } from '../ref.ts'

/** Options of `openApiDocument`. */
export type OpenApiOptions = {
  readonly title: string
  readonly version: string
  /** Where the methods are served, without `/xrpc`. Default: where the document was found. */
  readonly server?: string
}

/** JSON Schema, or a part of an OpenAPI document. */
type Schema = { readonly [key: string]: unknown }

const ERROR: Schema = {
  type: 'object',
  required: ['error'],
  properties: { error: { type: 'string' }, message: { type: 'string' } },
}
/** Formats that JSON Schema has by another name. */
const FORMATS: { readonly [format: string]: string | undefined } = { datetime: 'date-time', uri: 'uri' }

/**
 * An OpenAPI 3.1 document of the queries and procedures among these documents. Definitions that they refer to are its schemas, under
 * their full names; one that is in none of the documents is any object.
 */
export function openApiDocument(documents: readonly LexiconDocument[], options: OpenApiOptions): Schema {
  const byId = new Map(documents.map((document) => [document.id, document]))
  const schemas = new Map<string, Schema>()
  const refer = (ref: string, nsid: string): Schema => {
    const target = splitRef(ref, nsid)
    const name = schemaName(typeName(target.nsid, target.name))
    if (!schemas.has(name)) {
      // Its place is taken first: definitions may contain themselves.
      schemas.set(name, { type: 'object' })
      const defs = byId.get(target.nsid)?.defs
      const def = defs !== undefined && Object.hasOwn(defs, target.name) ? defs[target.name] : undefined
      if (def !== undefined) schemas.set(name, defSchema(def, target.nsid, refer))
    }
    return { $ref: `#/components/schemas/${name}` }
  }
  const paths: Record<string, Schema> = {}
  for (const { id, defs } of documents) {
    const { main } = defs
    if (main?.type !== 'query' && main?.type !== 'procedure') continue
    const input = main.type === 'procedure' ? main.input : undefined
    const operation: Schema = {
      operationId: id,
      tags: [id.slice(0, id.lastIndexOf('.'))],
      ...described(main),
      parameters: Object.entries(main.parameters?.properties ?? {}).map(([name, param]) => ({
        name,
        in: 'query',
        required: main.parameters?.required?.includes(name) ?? false,
        ...described(param),
        schema: fieldSchema(param, id, refer),
        // A list is the parameter given several times.
        ...(param.type === 'array' ? { style: 'form', explode: true } : {}),
      })),
      ...(input === undefined ? {} : { requestBody: { required: true, content: content(input, id, refer) } }),
      responses: {
        200: {
          description: 'OK',
          ...(main.output === undefined ? {} : { content: content(main.output, id, refer) }),
        },
        default: {
          description: ['An error.', ...(main.errors ?? []).map(({ name }) => name)].join(' '),
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
    }
    paths[`/xrpc/${id}`] = { [main.type === 'query' ? 'get' : 'post']: operation }
  }
  return {
    openapi: '3.1.0',
    info: { title: options.title, version: options.version },
    servers: [{ url: options.server ?? '/' }],
    paths,
    components: { schemas: { Error: ERROR, ...Object.fromEntries(schemas) } },
  }
}

type Refer = (ref: string, nsid: string) => Schema

/** Names of components have letters, digits, dots, hyphens and underscores. */
function schemaName(full: string): string {
  return full.replace('#', '_')
}

function content({ encoding, schema }: LexiconBody, nsid: string, refer: Refer): Schema {
  return { [encoding]: schema === undefined ? {} : { schema: fieldSchema(schema, nsid, refer) } }
}

function described({ description }: { readonly description?: string }): Schema {
  return description === undefined ? {} : { description }
}

function defSchema(def: LexiconDef, nsid: string, refer: Refer): Schema {
  switch (def.type) {
    case 'record': {
      const schema = fieldSchema(def.record, nsid, refer)
      const required = ['$type', ...((schema['required'] as readonly string[] | undefined) ?? [])]
      const properties = { $type: { const: nsid }, ...(schema['properties'] as Schema) }
      return { ...schema, ...described(def), required, properties }
    }
    case 'token':
      return { type: 'string', ...described(def) }
    case 'query':
    case 'procedure':
    case 'subscription':
    case 'permission-set':
      return {}
    default:
      return fieldSchema(def, nsid, refer)
  }
}

/** https://atproto.com/specs/data-model#json-representation */
function fieldSchema(field: LexiconField | LexiconParam, nsid: string, refer: Refer): Schema {
  const base = described(field)
  switch (field.type) {
    case 'boolean':
    case 'integer':
      return { type: field.type, ...base, ...only(field, ['default', 'const', 'enum', 'minimum', 'maximum']) }
    case 'string': {
      const format = field.format === undefined ? undefined : (FORMATS[field.format] ?? field.format)
      // Lengths of lexicons count bytes, of JSON Schema characters: a text that is too long in characters is in bytes too.
      const rest = only(field, ['default', 'const', 'enum', 'maxLength'])
      return { type: 'string', ...base, ...(format === undefined ? {} : { format }), ...rest }
    }
    case 'bytes':
      return one('$bytes', { type: 'string', contentEncoding: 'base64' }, base)
    case 'cid-link':
      return one('$link', { type: 'string', format: 'cid' }, base)
    case 'blob': {
      const link = one('$link', { type: 'string', format: 'cid' }, {})
      const properties = {
        $type: { const: 'blob' },
        ref: link,
        mimeType: { type: 'string' },
        size: { type: 'integer' },
      }
      return { type: 'object', ...base, required: Object.keys(properties), properties }
    }
    case 'unknown':
      return { type: 'object', ...base }
    case 'ref':
      return { ...refer(field.ref, nsid), ...base }
    case 'union': {
      const variants = field.refs.map((ref) => refer(ref, nsid))
      const others = field.closed === true ? [] : [{ type: 'object', required: ['$type'] }]
      return { anyOf: [...variants, ...others], ...base }
    }
    case 'array': {
      const bounds = { minItems: field.minLength, maxItems: field.maxLength }
      const items = fieldSchema(field.items, nsid, refer)
      return { type: 'array', ...base, items, ...only(bounds, ['minItems', 'maxItems']) }
    }
    default: {
      const nullable = new Set(field.nullable)
      const properties = Object.entries(field.properties).map(([name, property]) => {
        const schema = fieldSchema(property, nsid, refer)
        return [name, nullable.has(name) ? { anyOf: [schema, { type: 'null' }] } : schema]
      })
      const required = field.required === undefined ? {} : { required: field.required }
      return { type: 'object', ...base, ...required, properties: Object.fromEntries(properties) }
    }
  }
}

function one(name: string, schema: Schema, base: Schema): Schema {
  return { type: 'object', ...base, required: [name], properties: { [name]: schema } }
}

function only(field: object, names: readonly string[]): Schema {
  return Object.fromEntries(
    Object.entries(field).filter(([name, value]) => names.includes(name) && value !== undefined),
  )
}
