// What a person writes is typed: fields by the record's schema, what comes out likewise. Nothing is called.
import * as Post from '@avocet/lexicons/app.bsky.feed.post'
import type { Did } from '@avocet/syntax'
import { expectTypeOf, it } from 'vitest'

import {
  agent,
  records,
  repo,
  resolve,
  type Agent,
  type AgentSession,
  type ProvedEntry,
  type RecordChange,
  type Session,
} from '../src/index.ts'

it('types what goes in and what comes out', () => {
  expectTypeOf(resolve).parameter(0).toEqualTypeOf<string>()
  expectTypeOf(resolve).returns.resolves.toHaveProperty('did').toEqualTypeOf<Did>()
  expectTypeOf<Session>().toExtend<AgentSession>()
  expectTypeOf(agent).parameter(0).toEqualTypeOf<AgentSession>()
  expectTypeOf<RecordChange['did']>().toEqualTypeOf<Did>()

  type Create = ReturnType<typeof create>
  const create = (me: Agent) => ({
    plain: () => me.create(Post.main, { text: 'hi', createdAt: new Date().toISOString() }),
    dated: () => me.create(Post.main, { text: 'hi', createdAt: new Date() }),
    bare: () => me.create(Post.main, { text: 'hi' }),
    // @ts-expect-error -- no text
    missing: () => me.create(Post.main, { langs: ['en'] }),
    // @ts-expect-error -- not a text
    wrong: () => me.create(Post.main, { text: 1 }),
    read: () => me.get(Post.main, 'self'),
    all: () => records('alice.example.com', Post.main),
    proved: () => repo('alice.example.com').get(Post.main, 'self'),
  })
  expectTypeOf<NonNullable<Awaited<ReturnType<Create['read']>>>['value']>().toEqualTypeOf<Post.Main>()
  expectTypeOf<Awaited<ReturnType<Create['proved']>>>().toEqualTypeOf<ProvedEntry<Post.Main> | null>()
  expectTypeOf<ReturnType<Create['all']>>().toExtend<AsyncIterable<{ readonly value: Post.Main }>>()
})
