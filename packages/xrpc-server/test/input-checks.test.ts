// What a server makes of inputs that do not fit: refused, shortened, or left to the handler.
import { parseLexicon } from '@avocet/lexicon'
import { describe, expect, it } from 'vitest'
import { createRouter, type RouterOptions } from '../src/index.ts'
import { catalog as methods } from './methods.ts'

const nsid = 'com.example.bounded'
const parsed = parseLexicon({
  lexicon: 1,
  id: nsid,
  defs: {
    main: {
      type: 'procedure',
      input: {
        encoding: 'application/json',
        schema: {
          type: 'object',
          required: ['name'],
          properties: { name: { type: 'string', maxLength: 20 } },
        },
      },
      output: { encoding: 'application/json' },
    },
  },
})
if (!parsed.ok) throw new Error(parsed.error.message)
const catalog = methods.with([parsed.value])

async function put(
  input: unknown,
  options: RouterOptions = {},
  entry: { validateInput?: boolean; truncate?: boolean } = {},
): Promise<{ status: number; seen: unknown; body: { error?: string; message?: string } }> {
  let seen: unknown
  const router = createRouter({ catalog, validateOutput: false, ...options }).add(nsid, {
    ...entry,
    handler: ({ input: given }) => {
      seen = given
      return {}
    },
  })
  const response = await router.fetch(
    new Request(`http://x/xrpc/${nsid}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof input === 'string' ? input : JSON.stringify(input),
    }),
  )
  return { status: response.status, seen, body: (await response.json()) as { error?: string } }
}

describe('an input that is too long', () => {
  const long = { name: 'x'.repeat(100) }

  it('is refused unless told', async () => {
    expect(await put(long)).toMatchObject({ status: 400, body: { error: 'InvalidRequest' }, seen: undefined })
  })

  it.each([
    ['the router', { truncate: true }, {}],
    ['the method', {}, { truncate: true }],
    ['the method, over the router', { truncate: false }, { truncate: true }],
  ])('is shortened where %s says so', async (_, options, entry) => {
    const answer = await put(long, options, entry)
    expect(answer.status).toBe(200)
    const { name } = answer.seen as { name: string }
    expect(long.name.startsWith(name)).toBe(true)
    expect(name.length).toBe(20)
  })

  it('is refused by a method that says so, over the router', async () => {
    expect((await put(long, { truncate: true }, { truncate: false })).status).toBe(400)
  })
})

describe('an input that does not fit', () => {
  it.each([
    ['the router', { validateInput: false }, {}],
    ['the method', {}, { validateInput: false }],
    ['the method, over the router', { validateInput: true }, { validateInput: false }],
  ])('reaches the handler where %s says so', async (_, options, entry) => {
    expect(await put({ nom: 1 }, options, entry)).toMatchObject({ status: 200, seen: { nom: 1 } })
  })

  it('is refused all the same where it is no JSON, or not of the data model', async () => {
    for (const text of ['{', '{"n":1.5}', '{"l":{"$link":"x"}}']) {
      expect((await put(text, { validateInput: false })).status, text).toBe(400)
    }
  })

  it('is refused by a method that says so, over the router', async () => {
    expect((await put({ nom: 1 }, { validateInput: false }, { validateInput: true })).status).toBe(400)
  })

  it('is shortened even where it is not checked, as far as it fits otherwise', async () => {
    const { status, seen } = await put({ name: 'x'.repeat(100) }, { validateInput: false, truncate: true })
    expect(status).toBe(200)
    expect((seen as { name: string }).name.length).toBe(20)
    expect(await put({ nom: 1 }, { validateInput: false, truncate: true })).toMatchObject({
      seen: { nom: 1 },
    })
  })
})
