// JSON event streams (proposal 0015): what is agreed on is what is sent.
import { createCatalog, parseLexicon, type Subscription } from '@avocet/lexicon'
import { decodeFrame, encodeErrorFrame, encodeFrame, XrpcError } from '@avocet/xrpc'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { agreeOn } from '../src/frames.ts'
import { createRouter, type Router } from '../src/index.ts'
import { serve, type Serving } from '../src/node/index.ts'
import { catalog } from './methods.ts'

const JSON_STREAM = 'xrpc.v1.json'
const path = '/xrpc/com.example.count'

function declaring(subprotocol: unknown): Subscription {
  const parsed = parseLexicon({
    lexicon: 1,
    id: 'com.example.count',
    defs: {
      main: { type: 'subscription', subprotocol, message: { schema: { type: 'union', refs: ['#number'] } } },
      number: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } },
    },
  })
  if (!parsed.ok) throw new Error(parsed.error.message)
  return createCatalog([parsed.value]).method('com.example.count') as Subscription
}

/** Everything that a stream sent, text as text and frames as they decode. */
async function hear(
  server: Serving,
  offered: string[] = [],
): Promise<{ protocol: string; messages: unknown[]; code: number }> {
  const ws = new WebSocket(server.url + path, offered)
  const messages: unknown[] = []
  let protocol = ''
  ws.on('open', () => (protocol = ws.protocol))
  ws.on('error', (error) => messages.push(error.message))
  ws.on('message', (data: Buffer, isBinary) => {
    const frame = isBinary ? decodeFrame(data) : null
    messages.push(frame === null ? JSON.parse(data.toString()) : frame.ok ? frame.value : frame.error)
  })
  const code = await new Promise<number>((resolve) => ws.on('close', resolve))
  return { protocol, messages, code }
}

const numbers = (
  handler: () => AsyncIterable<object>,
  schema: Subscription | string = 'com.example.count',
): Router =>
  typeof schema === 'string'
    ? createRouter({ catalog }).add(schema, { handler })
    : createRouter().add(schema, { handler: handler as never })
async function* one(): AsyncGenerator<object> {
  yield { $type: '#number', n: 1 }
}
const asJson = { $type: 'message', payload: { n: 1, $type: 'com.example.count#number' } }
const asCbor = { kind: 'message', type: '#number', body: { n: 1 } }

describe('a list of offers', () => {
  it.each([
    ['xrpc.v9.none, xrpc.v1.json', JSON_STREAM],
    ['xrpc.v9.none,xrpc.v1.json', JSON_STREAM],
    [' xrpc.v1.json ,xrpc.v0.cbor', JSON_STREAM],
    ['xrpc.v0.cbor, xrpc.v1.json', 'xrpc.v0.cbor'],
    ['xrpc.v9.none', null],
    ['', null],
    [null, null],
  ])('%s: the first one that is served', (offered, agreed) => {
    expect(agreeOn(offered, undefined)).toEqual({ spoken: agreed ?? 'xrpc.v0.cbor', agreed })
    expect(agreeOn(offered, JSON_STREAM)).toEqual({ spoken: agreed ?? JSON_STREAM, agreed })
  })
})

describe('a lexicon that declares nothing', () => {
  it.each([
    [[], '', asCbor],
    [[JSON_STREAM], JSON_STREAM, asJson],
    [['xrpc.v0.cbor'], 'xrpc.v0.cbor', asCbor],
    [['graphql-ws', JSON_STREAM, 'xrpc.v0.cbor'], JSON_STREAM, asJson],
    [['xrpc.v0.cbor', JSON_STREAM], 'xrpc.v0.cbor', asCbor],
  ])('offered %j agrees to "%s"', async (offered, protocol, message) => {
    await using server = await serve({ router: numbers(one) })
    expect(await hear(server, offered)).toEqual({ protocol, messages: [message], code: 1000 })
  })

  it.each([['xrpc.v1.cbor'], ['XRPC.V1.JSON'], ['soap']])(
    'agrees to nothing where %s is all there is',
    async (name) => {
      await using server = await serve({ router: numbers(one) })
      const heard = await hear(server, [name])
      expect(heard.protocol).toBe('')
      expect(heard.messages).toEqual(['Server sent no subprotocol'])
    },
  )
})

describe('a lexicon that declares JSON', () => {
  it.each([
    [[], '', asJson],
    [['xrpc.v0.cbor'], 'xrpc.v0.cbor', asCbor],
    [[JSON_STREAM], JSON_STREAM, asJson],
  ])('offered %j agrees to "%s"', async (offered, protocol, message) => {
    await using server = await serve({ router: numbers(one, declaring(JSON_STREAM)) })
    expect(await hear(server, offered)).toEqual({ protocol, messages: [message], code: 1000 })
  })

  it('is refused when it declares what is not served, or no name', () => {
    expect(() => numbers(one, declaring('xrpc.v9.smoke'))).toThrow('subprotocol=xrpc.v9.smoke')
    expect(() => declaring('a b')).toThrow('subprotocol')
    expect(() => declaring(7)).toThrow('subprotocol')
  })
})

describe('a stream of JSON', () => {
  it('has frames that a log holds encoded, each turned once for all subscribers', async () => {
    const frame = encodeFrame('#number', { n: 1 })
    let turned = 0
    const stringify = JSON.stringify
    JSON.stringify = ((...args: Parameters<typeof stringify>) => {
      if ((args[0] as { $type?: string } | null)?.$type === 'message') turned += 1
      return stringify(...args)
    }) as typeof stringify
    try {
      const router = numbers(async function* () {
        yield frame
        yield frame
      })
      await using server = await serve({ router })
      const heard = await Promise.all([
        hear(server, [JSON_STREAM]),
        hear(server, [JSON_STREAM]),
        hear(server),
      ])
      expect(heard.map(({ messages }) => messages)).toEqual([
        [asJson, asJson],
        [asJson, asJson],
        [asCbor, asCbor],
      ])
    } finally {
      JSON.stringify = stringify
    }
    expect(turned).toBe(1)
  })

  it('is of every length, as text of any alphabet', async () => {
    const texts = ['', 'é', '👨‍👩‍👧', 'x'.repeat(70), 'ü'.repeat(40_000)]
    const router = numbers(async function* () {
      for (const text of texts) yield encodeFrame('#number', { n: 1, text })
    })
    await using server = await serve({ router })
    const { messages } = await hear(server, [JSON_STREAM])
    expect(messages.map((message) => (message as { payload: { text: string } }).payload.text)).toEqual(texts)
  })

  it('has its errors in JSON too: of a handler, of a refused request, and encoded ones', async () => {
    const failing = numbers(async function* () {
      yield { $type: '#number', n: 1 }
      throw new XrpcError(400, 'FutureCursor', 'later')
    })
    const error = { $type: 'error', error: 'FutureCursor', message: 'later' }
    await using first = await serve({ router: failing })
    expect(await hear(first, [JSON_STREAM])).toEqual({
      protocol: JSON_STREAM,
      messages: [asJson, error],
      code: 1008,
    })
    const encoded = numbers(async function* () {
      yield encodeErrorFrame('FutureCursor', 'later')
    })
    await using second = await serve({ router: encoded })
    expect((await hear(second, [JSON_STREAM])).messages).toEqual([error])
    const closed = createRouter({ catalog }).add('com.example.count', {
      auth: () => {
        throw new XrpcError(401, 'AuthMissing', 'who?')
      },
      handler: one,
    })
    await using third = await serve({ router: closed })
    expect((await hear(third, [JSON_STREAM])).messages).toEqual([
      { $type: 'error', error: 'AuthMissing', message: 'who?' },
    ])
  })

  it('checks messages, and sends nothing that is no frame', async () => {
    const errors: unknown[] = []
    const router = createRouter({ catalog, onError: (error) => errors.push(error) }).add(
      'com.example.count',
      {
        handler: async function* () {
          yield Uint8Array.of(0xff)
        },
      },
    )
    await using server = await serve({ router })
    const { messages, code } = await hear(server, [JSON_STREAM])
    expect(messages).toEqual([
      { $type: 'error', error: 'InternalServerError', message: 'Internal Server Error' },
    ])
    expect(code).toBe(1011)
    expect(errors).toHaveLength(1)
  })
})
