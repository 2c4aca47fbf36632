// A procedure: JSON in, JSON out, for those who say who they are; with a limit on how often, and errors that have names.
import { XrpcError } from '@avocet/xrpc'
import { createRouter, type Router } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'
import { catalog } from './lexicons.ts'

const notes = new Map<string, string[]>()

export const router: Router = createRouter({ catalog }).add('io.example.addNote', {
  auth: ({ header }) => {
    const name = /^Bearer (\w+)$/.exec(header('authorization') ?? '')?.[1]
    if (name === undefined) throw new XrpcError(401, 'AuthMissing', 'Authentication Required')
    return { name }
  },
  rateLimit: {
    name: 'notes',
    limit: 10,
    windowMs: 60_000,
    key: ({ auth }) => (auth as { name: string }).name,
  },
  handler: ({ input, auth }) => {
    const mine = notes.get(auth.name) ?? []
    if (mine.length === 2) throw new XrpcError(400, 'TooManyNotes', 'Two notes are enough')
    notes.set(auth.name, [...mine, input.text])
    return { id: mine.length }
  },
})

if (import.meta.main) {
  await using server = await serve({ router })
  const add = async (
    text: string,
    headers: Record<string, string> = { authorization: 'Bearer alice' },
  ): Promise<unknown> => {
    const response = await fetch(`${server.url}/xrpc/io.example.addNote`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
    })
    return await response.json()
  }
  console.log(await add('one'), await add('two'), await add('three'), await add('who?', {}))
}
