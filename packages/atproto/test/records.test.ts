// One odd record among others, through the listings of this package.
import * as Post from '@avocet/lexicons/app.bsky.feed.post'
import type { RecordFailure } from '@avocet/xrpc-client'
import { describe, expect, it } from 'vitest'

import { agent, records, type AgentSession } from '../src/index.ts'

const did = 'did:web:x.example'
const fine = { $type: 'app.bsky.feed.post', text: 'ok', createdAt: '2026-01-01T00:00:00.000Z' }
const values = [
  fine,
  { ...fine, place: { lat: 52.37 } },
  { ...fine, createdAt: 'yesterday' },
  { ...fine, text: 'x'.repeat(3001) },
  fine,
]
const page = {
  records: values.map((value, i) => ({ uri: `at://${did}/app.bsky.feed.post/${i}`, cid: 'bafy', value })),
}
const session: AgentSession = { did, url: 'https://pds.example', fetch: async () => Response.json(page) }

async function rkeys(list: AsyncIterable<{ uri: string }>): Promise<string[]> {
  const out: string[] = []
  for await (const { uri } of list) out.push(uri.slice(-1))
  return out
}

describe('a list with odd records', () => {
  it('gives those that fit, and tells of each other one with its place', async () => {
    const failures: RecordFailure[] = []
    const onInvalid = (failure: RecordFailure): void => void failures.push(failure)
    expect(await rkeys(agent(session).list(Post.main, { onInvalid }))).toEqual(['0', '4'])
    expect(failures.map(({ uri, issues }) => [uri.slice(-1), issues[0]!.path])).toEqual([
      ['1', '/place/lat'],
      ['2', '/createdAt'],
      ['3', '/text'],
    ])
  })

  it('gives numbers that the data model has not, where it is told to be lenient', async () => {
    const failures: string[] = []
    const onInvalid = ({ uri }: RecordFailure): void => void failures.push(uri.slice(-1))
    expect(await rkeys(agent(session).list(Post.main, { onInvalid, lenient: true }))).toEqual(['0', '1', '4'])
    expect(failures).toEqual(['2', '3'])
  })

  it('ends with an error that names the record and the place, unless told', async () => {
    const error: unknown = await rkeys(agent(session).list(Post.main)).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ speaker: '@avocet/xrpc-client', issues: [{ path: '/place/lat' }] })
    expect((error as Error).message).toContain(`at://${did}/app.bsky.feed.post/1`)
  })

  it('is the same without a session', async () => {
    const document = {
      id: did,
      alsoKnownAs: [],
      verificationMethod: [],
      service: [
        { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: 'https://pds.example' },
      ],
    }
    const identity = {
      dids: { resolve: async () => ({ ok: true as const, value: document as never }) },
      handles: { resolve: async () => ({ ok: true as const, value: did as never }) },
    }
    const real = globalThis.fetch
    globalThis.fetch = async () => Response.json(page)
    try {
      let told = 0
      expect(await rkeys(records(did, Post.main, { identity, onInvalid: () => (told += 1) }))).toEqual([
        '0',
        '4',
      ])
      expect(told).toBe(3)
    } finally {
      globalThis.fetch = real
    }
  })
})
