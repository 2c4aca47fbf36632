// The router that runs on other platforms: nothing of Node in it.
import { createCatalog, parseLexicon, type LexiconDocument } from '@avocet/lexicon'
import { encodeFrame, XrpcError } from '@avocet/xrpc'
import { createRouter, type Router } from '@avocet/xrpc-server'

const main = (def: object, more: object = {}): unknown => ({ main: def, ...more })
const output = { encoding: 'application/json', schema: { type: 'object', properties: {} } }

function parse(id: string, defs: unknown): LexiconDocument {
  const parsed = parseLexicon({ lexicon: 1, id, defs })
  if (!parsed.ok) throw new Error(parsed.error.message)
  return parsed.value
}

const parameters = {
  type: 'params',
  properties: { count: { type: 'integer', default: 3 }, size: { type: 'integer', default: 0 } },
}
const catalog = createCatalog([
  parse('com.example.seen', main({ type: 'query', output })),
  parse(
    'com.example.count',
    main(
      { type: 'subscription', parameters, message: { schema: { type: 'union', refs: ['#number'] } } },
      { number: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } } },
    ),
  ),
])

/** Says who calls and what became of its subscribers; counts for them. */
export function createSample(): Router {
  const seen = { produced: 0, ended: 0, open: 0 }
  return createRouter({ catalog })
    .add('com.example.seen', ({ address }) => ({ ...seen, address }))
    .add('com.example.count', {
      handler: async function* ({ params }: { params: { count: number; size: number } }) {
        if (params.count < 0) throw new XrpcError(400, 'FutureCursor', 'later')
        seen.open += 1
        try {
          for (let n = 1; n <= params.count; n++) {
            seen.produced += 1
            yield params.size === 0
              ? { $type: '#number', n }
              : encodeFrame('#number', { n, bytes: new Uint8Array(params.size) })
            // A clock that ticks: a subscriber who leaves is noticed between two messages.
            if (params.count > 1000) await new Promise((resolve) => setTimeout(resolve, 1))
          }
        } finally {
          seen.open -= 1
          seen.ended += 1
        }
      },
    })
}
