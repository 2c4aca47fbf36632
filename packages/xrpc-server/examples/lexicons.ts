/** Lexicons of these examples: what a file in `lexicons/` would hold. */
import { createCatalog, parseLexicon, type Catalog, type LexiconDocument } from '@avocet/lexicon'

const documents = [
  {
    lexicon: 1,
    id: 'io.example.ping',
    defs: {
      main: {
        type: 'query',
        parameters: {
          type: 'params',
          required: ['message'],
          properties: { message: { type: 'string', maxLength: 100 } },
        },
        output: {
          encoding: 'application/json',
          schema: { type: 'object', required: ['message'], properties: { message: { type: 'string' } } },
        },
      },
    },
  },
  {
    lexicon: 1,
    id: 'io.example.addNote',
    defs: {
      main: {
        type: 'procedure',
        input: {
          encoding: 'application/json',
          schema: {
            type: 'object',
            required: ['text'],
            properties: { text: { type: 'string', maxGraphemes: 300 } },
          },
        },
        output: {
          encoding: 'application/json',
          schema: { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } },
        },
        errors: [{ name: 'TooManyNotes' }],
      },
    },
  },
  {
    lexicon: 1,
    id: 'io.example.shout',
    defs: { main: { type: 'procedure', input: { encoding: 'text/*' }, output: { encoding: 'text/plain' } } },
  },
  {
    lexicon: 1,
    id: 'io.example.count',
    defs: {
      main: {
        type: 'subscription',
        parameters: {
          type: 'params',
          required: ['end'],
          properties: { start: { type: 'integer' }, end: { type: 'integer' } },
        },
        message: { schema: { type: 'union', refs: ['#number'] } },
      },
      number: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } },
    },
  },
]

/** The lexicons above, checked and ready. */
export const catalog: Catalog = createCatalog(
  documents.map((json): LexiconDocument => {
    const parsed = parseLexicon(json)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed))
    return parsed.value
  }),
)
