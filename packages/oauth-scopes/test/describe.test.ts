import { describe, expect, it } from 'vitest'
import {
  describeScopes,
  expandScopes,
  parseScopes,
  EXPANDED_LIMITS,
  type Description,
  type DescribeOptions,
  type Scope,
} from '../src/index.ts'

const scopesOf = (text: string): Scope[] => {
  const parsed = parseScopes(text, EXPANDED_LIMITS)
  if (!parsed.ok) throw new Error(parsed.error.message)
  return parsed.value.flatMap((item) => (item.kind === 'known' ? [item.scope] : []))
}
const lines = (text: string, options?: DescribeOptions): readonly Description[] =>
  describeScopes(scopesOf(text), options)
const say = (text: string, options?: DescribeOptions): string[] =>
  lines(text, options).map((line) => `${line.weight}: ${line.text}`)

describe('each scope is a sentence', () => {
  it.each<[string, string]>([
    ['atproto', 'usual: Know which account is yours.'],
    [
      'transition:generic',
      'broad: Use your account as an app password does: write and delete any record, upload any file, read and change your preferences, and make requests in your name to any service, but not private messages.',
    ],
    [
      'transition:generic transition:chat.bsky',
      'broad: Use your account as an app password does: write and delete any record, upload any file, read and change your preferences, and make requests in your name to any service, private messages too.',
    ],
    ['transition:email', 'usual: See your e-mail address, and whether it is confirmed.'],
    ['account:email', 'usual: See your e-mail address, and whether it is confirmed.'],
    ['account:email?action=manage', 'broad: See and change your e-mail address.'],
    ['account:repo', 'usual: Read your public repository, as everyone can.'],
    ['account:repo?action=manage', 'critical: Replace your whole public repository by an archive.'],
    ['identity:handle', 'broad: Change your handle.'],
    [
      'identity:*',
      'critical: Control your whole identity: your handle, your keys and where your account is hosted.',
    ],
    ['repo:*', 'broad: Create, update and delete records of every kind in your public repository.'],
    ['repo:*?action=delete', 'broad: Delete records of every kind in your public repository.'],
    [
      'repo:com.example.feed.post',
      'usual: Create, update and delete records of feed.example.com (post) in your public repository.',
    ],
    [
      'repo:com.example.feed.post?action=create&action=update',
      'usual: Create and update records of feed.example.com (post) in your public repository.',
    ],
    [
      'rpc:com.example.feed.get?aud=*',
      'usual: Make requests in your name to any service: feed.example.com (get).',
    ],
    [
      'rpc:*?aud=did:web:api.example.com%23svc',
      'broad: Make requests in your name to api.example.com (svc): every method.',
    ],
    [
      'rpc:*?aud=did:web:localhost%253A3000%23svc',
      'broad: Make requests in your name to localhost:3000 (svc): every method.',
    ],
    [
      'rpc:com.example.feed.get?aud=did:plc:ewvi7nxzyoun6zhxrhs64oiz%23svc',
      'usual: Make requests in your name to did:plc:ewvi7nxzyoun6zhxrhs64oiz (svc): feed.example.com (get).',
    ],
    ['blob:*/*', 'usual: Upload files of any type.'],
    ['blob:image/*', 'usual: Upload images.'],
    [
      'blob?accept=audio/*&accept=image/*&accept=text/*&accept=video/*',
      'usual: Upload sound files, images, text files and videos.',
    ],
    ['blob?accept=image/png&accept=video/mp4', 'usual: Upload image/png files and video/mp4 files.'],
    ['include:com.example.authBasic', 'usual: The permissions authBasic of example.com.'],
  ])('%s: %s', (text, sentence) => {
    expect(say(text)).toEqual([sentence])
  })

  it('and nothing is none', () => {
    expect(say('')).toEqual([])
    expect(say('transition:chat.bsky')).toEqual([])
  })
})

describe('many permissions', () => {
  it('are one line a group, with all names among the data', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `repo:com.example.feed.${name}`)
    const [line, other, ...rest] = lines(`${names.join(' ')} repo:com.example.graph.follow`)
    expect(line!.text).toBe(
      'Create, update and delete records of feed.example.com (a, b, c, d, e and 2 more) in your public repository.',
    )
    expect(line!.subject).toEqual({
      kind: 'records',
      actions: ['create', 'update', 'delete'],
      names: {
        group: 'com.example.feed',
        nsids: ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `com.example.feed.${name}`),
      },
    })
    expect(other!.text).toContain('graph.example.com (follow)')
    expect(rest).toEqual([])
    expect(say(names.slice(0, 6).join(' '))).toEqual([
      'usual: Create, update and delete records of feed.example.com (a, b, c, d, e and f) in your public repository.',
    ])
  })

  it('are put together across scopes, and apart by what may be done', () => {
    expect(
      say(
        'repo:com.example.a?action=create repo:com.example.a?action=delete repo:com.example.b?action=delete repo:*?action=update',
      ),
    ).toEqual([
      'usual: Create and delete records of example.com (a) in your public repository.',
      'broad: Update records of every kind in your public repository.',
      'usual: Delete records of example.com (b) in your public repository.',
    ])
    expect(
      say(
        'rpc:com.example.x?aud=* rpc:com.example.x?aud=did:web:a.b%23c rpc:com.example.y?aud=did:web:a.b%23c',
      ),
    ).toEqual([
      'usual: Make requests in your name to any service: example.com (x).',
      'usual: Make requests in your name to a.b (c): example.com (y).',
    ])
    expect(say('account:email?action=manage transition:email account:email')).toEqual([
      'broad: See and change your e-mail address.',
    ])
    expect(say('identity:handle identity:*')).toHaveLength(1)
  })

  it('come after sign-in, the transition scopes and the sets', () => {
    const kinds = lines(
      'repo:* include:com.example.s transition:generic atproto account:email rpc:com.example.x?aud=* blob:a/b identity:handle',
    ).map(({ subject }) => subject.kind)
    expect(kinds).toEqual([
      'sign-in',
      'app-password',
      'set',
      'records',
      'calls',
      'uploads',
      'email',
      'identity',
    ])
  })
})

describe('a permission set', () => {
  const document = {
    lexicon: 1,
    id: 'com.example.authBasic',
    defs: {
      main: {
        type: 'permission-set',
        title: '<b>Basic</b>\u202e',
        'title:lang': { de: 'Grundlagen' },
        detail: 'Posts',
        permissions: [
          { type: 'permission', resource: 'repo', collection: ['com.example.post'] },
          { type: 'permission', resource: 'rpc', lxm: ['com.example.get'], inheritAud: true },
        ],
      },
    },
  }
  const text = 'include:com.example.authBasic?aud=did:web:a.b%23c'
  const { sets } = expandScopes(scopesOf(text), () => document)

  it('is a line of its own, with lines of its own', () => {
    const [line, ...rest] = lines(`${text} repo:com.example.other`, { sets })
    expect(line).toEqual({
      weight: 'usual',
      text: '<b>Basic</b> (example.com): Posts',
      subject: {
        kind: 'set',
        nsid: 'com.example.authBasic',
        title: '<b>Basic</b>',
        detail: 'Posts',
        contents: lines('repo:com.example.post rpc:com.example.get?aud=did:web:a.b%23c'),
      },
    })
    expect(rest).toHaveLength(1)
  })

  it('speaks the language of its reader', () => {
    expect(say(text, { sets, languages: ['de-CH', 'en'] })).toEqual([
      'usual: Grundlagen (example.com): Posts',
    ])
  })

  it('may have a title alone', () => {
    const untold = [{ ...sets[0]!, texts: { ...sets[0]!.texts, detail: undefined } }]
    expect(say(text, { sets: untold })).toEqual(['usual: <b>Basic</b> (example.com)'])
  })

  it('is that of its scope, audience and all', () => {
    expect(say('include:com.example.authBasic', { sets })).toEqual([
      'usual: The permissions authBasic of example.com.',
    ])
  })
})
