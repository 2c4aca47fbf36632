/** The lexicon of these examples: a custom one, as a file in `lexicons/` would hold it. */
import { createCatalog, parseLexicon, type Catalog } from '@avocet/lexicon'

const parsed = parseLexicon({
  lexicon: 1,
  id: 'io.example.search',
  defs: {
    main: {
      type: 'query',
      parameters: {
        type: 'params',
        required: ['q'],
        properties: { q: { type: 'string' }, cursor: { type: 'string' } },
      },
      output: {
        encoding: 'application/json',
        schema: {
          type: 'object',
          required: ['results'],
          properties: { results: { type: 'array', items: { type: 'string' } }, cursor: { type: 'string' } },
        },
      },
    },
  },
})
if (!parsed.ok) throw new Error(JSON.stringify(parsed))

/** The lexicon above, checked and ready. */
export const catalog: Catalog = createCatalog([parsed.value])
