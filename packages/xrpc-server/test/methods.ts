/** The methods that the tests of this package serve, and the two ways in which each test serves them. */
import { createCatalog, parseLexicon, type Catalog, type LexiconDocument } from '@avocet/lexicon'
import { describe } from 'vitest'
import type { Router } from '../src/index.ts'
import { serve } from '../src/node/index.ts'

const documents: unknown[] = [
  {
    lexicon: 1,
    id: 'com.example.echo',
    defs: {
      main: {
        type: 'query',
        parameters: {
          type: 'params',
          required: ['text'],
          properties: {
            text: { type: 'string', maxLength: 100 },
            times: { type: 'integer', minimum: 1, maximum: 5, default: 1 },
            loud: { type: 'boolean' },
            tags: { type: 'array', items: { type: 'string' } },
          },
        },
        output: {
          encoding: 'application/json',
          schema: {
            type: 'object',
            required: ['text'],
            properties: {
              text: { type: 'string' },
              tags: { type: 'array', items: { type: 'string' } },
              cid: { type: 'cid-link' },
            },
          },
        },
        errors: [{ name: 'TooLoud' }],
      },
    },
  },
  {
    lexicon: 1,
    id: 'com.example.put',
    defs: {
      main: {
        type: 'procedure',
        input: {
          encoding: 'application/json',
          schema: {
            type: 'object',
            required: ['name'],
            properties: { name: { type: 'string' }, link: { type: 'cid-link' }, record: { type: 'unknown' } },
          },
        },
        output: {
          encoding: 'application/json',
          schema: {
            type: 'object',
            required: ['name'],
            properties: { name: { type: 'string' }, link: { type: 'cid-link' } },
          },
        },
      },
    },
  },
  { lexicon: 1, id: 'com.example.ping', defs: { main: { type: 'procedure' } } },
  {
    lexicon: 1,
    id: 'com.example.upload',
    defs: {
      main: {
        type: 'procedure',
        input: { encoding: '*/*' },
        output: {
          encoding: 'application/json',
          schema: {
            type: 'object',
            required: ['size'],
            properties: { size: { type: 'integer' }, type: { type: 'string' } },
          },
        },
      },
    },
  },
  {
    lexicon: 1,
    id: 'com.example.download',
    defs: {
      main: {
        type: 'query',
        parameters: { type: 'params', properties: { size: { type: 'integer', default: 10 } } },
        output: { encoding: 'application/vnd.ipld.car' },
      },
    },
  },
  {
    lexicon: 1,
    id: 'com.example.count',
    defs: {
      main: {
        type: 'subscription',
        parameters: {
          type: 'params',
          properties: { start: { type: 'integer', default: 0 }, end: { type: 'integer', default: 3 } },
        },
        message: { schema: { type: 'union', refs: ['#number'] } },
        errors: [{ name: 'FutureCursor' }],
      },
      number: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } },
    },
  },
]

/** The lexicons of the methods above. */
export const catalog: Catalog = createCatalog(
  documents.map((json) => {
    const parsed = parseLexicon(json)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed))
    return parsed.value as LexiconDocument
  }),
)

/** Calls a router in one of the ways there are. */
export interface Way {
  (path: string, init?: RequestInit): Promise<Response>
}

/** Runs the same tests in-process and over a real socket. */
export function bothWays(
  name: string,
  tests: (open: (router: Router) => Promise<Way & AsyncDisposable>) => void,
): void {
  describe(`${name}, in-process`, () => {
    tests(async (router) =>
      Object.assign(
        (path: string, init?: RequestInit) => router.fetch(new Request(`http://localhost${path}`, init)),
        {
          [Symbol.asyncDispose]: async () => {},
        },
      ),
    )
  })
  describe(`${name}, over HTTP`, () => {
    tests(async (router) => {
      const server = await serve({ router })
      return Object.assign((path: string, init?: RequestInit) => fetch(server.url + path, init), {
        [Symbol.asyncDispose]: () => server.close(),
      })
    })
  })
}
