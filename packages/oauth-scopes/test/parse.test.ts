import { describe, expect, it } from 'vitest'
import {
  EXPANDED_LIMITS,
  formatScope,
  formatScopes,
  neededScope,
  parseScope,
  parseScopes,
  REQUEST_LIMITS,
  type Scope,
} from '../src/index.ts'

const reason = (text: string): string => {
  const parsed = parseScope(text)
  return parsed.kind === 'malformed' ? parsed.reason : parsed.kind
}
const canonical = (text: string): string => {
  const parsed = parseScope(text)
  return parsed.kind === 'known' ? formatScope(parsed.scope) : parsed.kind
}
const known = (text: string): Scope => {
  const parsed = parseScope(text)
  if (parsed.kind !== 'known') throw new Error(`${text}: ${reason(text)}`)
  return parsed.scope
}

const API = 'did:web:api.example.com#svc'
const PLC = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const NOT_NAMED = 'an audience (aud) that is no DID with the id of a service'

describe('the examples of the specification', () => {
  it.each<[string, string, Scope]>([
    [
      'repo:app.example.profile',
      'repo:app.example.profile',
      { resource: 'repo', collection: ['app.example.profile'], action: ['create', 'update', 'delete'] },
    ],
    [
      'repo:app.example.profile?action=create&action=update&action=delete',
      'repo:app.example.profile',
      { resource: 'repo', collection: ['app.example.profile'], action: ['create', 'update', 'delete'] },
    ],
    [
      'repo?collection=app.example.profile&collection=app.example.post',
      'repo?collection=app.example.post&collection=app.example.profile',
      {
        resource: 'repo',
        collection: ['app.example.post', 'app.example.profile'],
        action: ['create', 'update', 'delete'],
      },
    ],
    ['repo:*', 'repo:*', { resource: 'repo', collection: ['*'], action: ['create', 'update', 'delete'] }],
    [
      'repo:*?action=delete',
      'repo:*?action=delete',
      { resource: 'repo', collection: ['*'], action: ['delete'] },
    ],
    [
      'rpc:app.example.moderation.createReport?aud=*',
      'rpc:app.example.moderation.createReport?aud=*',
      { resource: 'rpc', lxm: ['app.example.moderation.createReport'], aud: '*' },
    ],
    [
      'rpc?lxm=*&aud=did:web:api.example.com%23svc_appview',
      'rpc:*?aud=did:web:api.example.com%23svc_appview',
      { resource: 'rpc', lxm: ['*'], aud: 'did:web:api.example.com#svc_appview' },
    ],
    ['blob:*/*', 'blob:*/*', { resource: 'blob', accept: ['*/*'] }],
    [
      'blob?accept=video/*&accept=text/html',
      'blob?accept=text/html&accept=video/*',
      { resource: 'blob', accept: ['text/html', 'video/*'] },
    ],
    ['account:email', 'account:email', { resource: 'account', attr: 'email', action: 'read' }],
    [
      'account:repo?action=manage',
      'account:repo?action=manage',
      { resource: 'account', attr: 'repo', action: 'manage' },
    ],
    [
      'account?action=manage&attr=repo',
      'account:repo?action=manage',
      { resource: 'account', attr: 'repo', action: 'manage' },
    ],
    ['identity:handle', 'identity:handle', { resource: 'identity', attr: 'handle' }],
    ['identity:*', 'identity:*', { resource: 'identity', attr: '*' }],
    ['identity:*?', 'identity:*', { resource: 'identity', attr: '*' }],
    [
      'include:app.example.authFull?aud=did:web:api.example.com%23svc_chat',
      'include:app.example.authFull?aud=did:web:api.example.com%23svc_chat',
      { resource: 'include', nsid: 'app.example.authFull', aud: 'did:web:api.example.com#svc_chat' },
    ],
    ['atproto', 'atproto', { resource: 'atproto' }],
    ['transition:generic', 'transition:generic', { resource: 'transition', name: 'generic' }],
    ['transition:email', 'transition:email', { resource: 'transition', name: 'email' }],
    ['transition:chat.bsky', 'transition:chat.bsky', { resource: 'transition', name: 'chat.bsky' }],
  ])('%s', (text, printed, scope) => {
    expect(parseScope(text)).toEqual({ kind: 'known', text, scope })
    expect(formatScope(scope)).toBe(printed)
  })

  it.each([
    'resource',
    'resource:positional?key=val',
    'resource:positional&thing?key=val',
    'service:did:web:com.example#type?key=val',
    'resource:',
    'resource:?',
    'resource:&',
    'resource?',
    'openid',
    'transition:other',
    'transition',
    'space:com.example.bookmarks?authority=self',
    'space:%',
    'Repo:com.example.foo',
    'com.atproto.access',
  ])('%s is unknown', (text) => {
    expect(parseScope(text)).toEqual({ kind: 'unknown', text })
  })

  it.each([
    'resource:positional?key=québec',
    'emoji:☺️',
    '',
    'a"',
    'a\\',
    'a b',
    'a\tb',
    'a\u0000',
    'a\u007f',
  ])('%j is no scope', (text) => {
    expect(reason(text)).toBe('a character that no scope may have')
  })
})

describe('malformed scopes say why', () => {
  it.each<[string, string]>([
    ['atproto:', 'atproto takes no parameters'],
    ['atproto?', 'atproto takes no parameters'],
    ['atproto?a=b', 'an unknown parameter'],
    ['repo', 'no collection'],
    ['repo?', 'no collection'],
    ['repo:', 'a collection that is neither an NSID nor *'],
    ['repo?collection', 'a collection that is neither an NSID nor *'],
    ['repo:com.example.*', 'a collection that is neither an NSID nor *'],
    ['repo:**', 'a collection that is neither an NSID nor *'],
    ['repo:com.example', 'a collection that is neither an NSID nor *'],
    ['repo?collection=com.example.a&collection=x', 'a collection that is neither an NSID nor *'],
    ['repo:com.example.a?action=read', 'an unknown action'],
    ['repo:com.example.a?action=create&action=*', 'an unknown action'],
    ['repo:com.example.a?action=', 'an unknown action'],
    ['repo:com.example.a?action', 'an unknown action'],
    ['repo:com.example.a?Action=create', 'an unknown parameter'],
    ['repo:com.example.a?constructor=create', 'an unknown parameter'],
    ['repo:com.example.a?=create', 'an unknown parameter'],
    ['repo:com.example.a?collection=com.example.b', 'collection both behind the colon and by its name'],
    ['repo:?collection=com.example.b', 'collection both behind the colon and by its name'],
    ['repo:%', 'a percent sign that encodes nothing'],
    ['repo:%zz', 'a percent sign that encodes nothing'],
    ['repo:%ff', 'a percent sign that encodes nothing'],
    ['repo:*?%=create', 'a percent sign that encodes nothing'],
    ['repo:*?action=%c0%80', 'a percent sign that encodes nothing'],
    ['repo:com.example.caf%C3%A9', 'a collection that is neither an NSID nor *'],
    ['rpc', 'no method (lxm)'],
    ['rpc?aud=*', 'no method (lxm)'],
    ['rpc:com.example.get', 'no audience (aud)'],
    ['rpc:com.example.get?aud=*&aud=*', 'more than one audience (aud)'],
    ['rpc:*?aud=*', 'any method of any service'],
    ['rpc?lxm=com.example.get&lxm=*&aud=*', 'any method of any service'],
    ['rpc:x?aud=*', 'a method (lxm) that is neither an NSID nor *'],
    ['rpc:com.example.get?aud=', NOT_NAMED],
    ['rpc:com.example.get?aud=did:web:example.com', NOT_NAMED],
    ['rpc:com.example.get?aud=did:web:example.com%23', NOT_NAMED],
    ['rpc:com.example.get?aud=did:web:example.com%23a%23b', NOT_NAMED],
    ['rpc:com.example.get?aud=did:web:example.com%23a%20b', NOT_NAMED],
    ['rpc:com.example.get?aud=did:web:example.com%2523a', NOT_NAMED],
    ['rpc:com.example.get?aud=did:web:example.com:path%23a', NOT_NAMED],
    ['rpc:com.example.get?aud=did:web:example.com%253A80%23a', NOT_NAMED],
    ['rpc:com.example.get?aud=did:web%23a', NOT_NAMED],
    ['rpc:com.example.get?aud=did:plc:111%23a', NOT_NAMED],
    ['rpc:com.example.get?aud=did:foo:bar%23a', NOT_NAMED],
    ['rpc:com.example.get?aud=%23a', NOT_NAMED],
    [`rpc:com.example.get?aud=did:web:example.com%23${'a'.repeat(129)}`, NOT_NAMED],
    ['blob', 'no accept'],
    ['blob:', 'an accept that is no media type'],
    ['blob:image', 'an accept that is no media type'],
    ['blob:*', 'an accept that is no media type'],
    ['blob:*/png', 'an accept that is no media type'],
    ['blob:image*/*', 'an accept that is no media type'],
    ['blob:image/p*', 'an accept that is no media type'],
    ['blob:image/**', 'an accept that is no media type'],
    ['blob:image/png/x', 'an accept that is no media type'],
    ['blob:image/png;q=1', 'an accept that is no media type'],
    [`blob:image/${'a'.repeat(128)}`, 'an accept that is no media type'],
    ['account', 'no attr'],
    ['account:', 'an unknown attr'],
    ['account:status', 'an unknown attr'],
    ['account:*', 'an unknown attr'],
    ['account:Email', 'an unknown attr'],
    ['account?attr=email&attr=repo', 'more than one attr'],
    ['account:email?action=write', 'an unknown action'],
    ['account:email?action=', 'an unknown action'],
    ['account:email?action=read&action=manage', 'more than one action'],
    ['identity', 'no attr'],
    ['identity:other', 'an unknown attr'],
    ['identity:*?attr=*', 'attr both behind the colon and by its name'],
    ['identity:*?action=manage', 'an unknown parameter'],
    ['include', 'no permission set'],
    ['include:com.example', 'a permission set that is no NSID'],
    ['include?nsid=com.example.a&nsid=com.example.b', 'a permission set that is no NSID'],
    ['include:*', 'a permission set that is no NSID'],
    ['include:com.example.a?aud=*', NOT_NAMED],
    ['include:com.example.a?aud=did:web:example.com', NOT_NAMED],
    ['include:com.example.a?aud=a&aud=b', 'more than one audience (aud)'],
  ])('%s: %s', (text, why) => {
    expect(parseScope(text)).toEqual({ kind: 'malformed', text, reason: why })
  })
})

describe('one canonical text', () => {
  it.each<[string, string]>([
    ['repo?collection=com.example.a', 'repo:com.example.a'],
    ['repo?%63ollection=com%2Eexample.a&', 'repo:com.example.a'],
    ['repo:%2A', 'repo:*'],
    [
      'repo?&&collection=com.example.b&&collection=com.example.a&collection=com.example.b',
      'repo?collection=com.example.a&collection=com.example.b',
    ],
    ['repo?collection=com.example.b&collection=*', 'repo:*'],
    [
      'repo:com.example.a?action=delete&action=create&action=delete',
      'repo:com.example.a?action=create&action=delete',
    ],
    [
      'rpc?aud=did%3Aweb%3Aapi.example.com%23svc&lxm=com.example.b&lxm=com.example.a',
      'rpc?lxm=com.example.a&lxm=com.example.b&aud=did:web:api.example.com%23svc',
    ],
    [
      'rpc:com.example.get?aud=did:web:api.example.com#svc',
      'rpc:com.example.get?aud=did:web:api.example.com%23svc',
    ],
    [`rpc?lxm=com.example.a&lxm=*&aud=${PLC}%23svc`, `rpc:*?aud=${PLC}%23svc`],
    [
      'rpc:com.example.get?aud=did:web:localhost%253A3000%23svc',
      'rpc:com.example.get?aud=did:web:localhost%253A3000%23svc',
    ],
    ['blob:IMAGE/PNG', 'blob:image/png'],
    ['blob:image/svg+xml', 'blob:image/svg+xml'],
    ['blob:image/svg%2Bxml', 'blob:image/svg+xml'],
    ['blob?accept=image/svg+xml&accept=a/b', 'blob?accept=a/b&accept=image/svg%2Bxml'],
    [
      'blob?accept=image/*&accept=image/png&accept=text/plain&accept=image/*',
      'blob?accept=image/*&accept=text/plain',
    ],
    ['blob?accept=image/png&accept=*/*', 'blob:*/*'],
    ['account:email?action=read', 'account:email'],
    ['account?attr=email', 'account:email'],
    [
      'include?aud=did:web:example.com%23svc&nsid=com.example.baz',
      'include:com.example.baz?aud=did:web:example.com%23svc',
    ],
  ])('%s is %s', (text, printed) => {
    expect(canonical(text)).toBe(printed)
    expect(canonical(printed)).toBe(printed)
    expect(parseScope(printed)).toMatchObject({ scope: known(text) })
  })

  it('is made of scopes that are written by hand, too', () => {
    expect(
      formatScope({
        resource: 'repo',
        collection: ['com.example.b', 'com.example.a'],
        action: ['delete', 'create'],
      }),
    ).toBe('repo?collection=com.example.a&collection=com.example.b&action=create&action=delete')
    expect(formatScope({ resource: 'rpc', lxm: ['com.example.a'], aud: '\ud800 &?#%+é' })).toBe(
      'rpc:com.example.a?aud=%EF%BF%BD%20%26%3F%23%25%2B%C3%A9',
    )
  })

  it('of a whole text is in order, each scope once', () => {
    const scopes = ['repo:*', 'account:email', 'atproto', 'repo?collection=*', 'transition:email'].map(known)
    expect(formatScopes(scopes)).toBe('account:email atproto repo:* transition:email')
    expect(formatScopes([])).toBe('')
  })

  it('names what is needed', () => {
    expect(neededScope({ resource: 'repo', collection: 'com.example.a', action: 'create' })).toBe(
      'repo:com.example.a?action=create',
    )
    expect(neededScope({ resource: 'rpc', lxm: 'com.example.get', aud: API })).toBe(
      'rpc:com.example.get?aud=did:web:api.example.com%23svc',
    )
    expect(neededScope({ resource: 'blob', mime: 'Image/PNG; q=1' })).toBe('blob:image/png')
    expect(neededScope({ resource: 'blob', mime: '<script>' })).toBe('blob:%3Cscript%3E')
    expect(neededScope({ resource: 'account', attr: 'email', action: 'manage' })).toBe(
      'account:email?action=manage',
    )
    expect(neededScope({ resource: 'identity', attr: 'handle' })).toBe('identity:handle')
  })
})

describe('a text of scopes', () => {
  const kinds = (text: string): string[] => {
    const parsed = parseScopes(text)
    if (!parsed.ok) throw new Error(parsed.error.message)
    return parsed.value.map((item) => `${item.kind} ${item.text}`)
  }

  it('is read in its order, as often as each stands there', () => {
    expect(kinds('  atproto repo:x  space:y atproto ')).toEqual([
      'known atproto',
      'malformed repo:x',
      'unknown space:y',
      'known atproto',
    ])
    expect(kinds('')).toEqual([])
    expect(kinds('a\nb')).toEqual(['malformed a\nb'])
  })

  it('has to be a text', () => {
    for (const value of [undefined, null, 1, {}, ['atproto']]) {
      expect(parseScopes(value)).toEqual({
        ok: false,
        error: { code: 'not-text', message: 'the scope is not a text' },
      })
    }
  })

  it.each([REQUEST_LIMITS, EXPANDED_LIMITS])('is bounded by %j', (limits) => {
    const text = (length: number): string => `atproto ${' '.repeat(length - 8)}`
    expect(parseScopes(text(limits.length), limits)).toMatchObject({ ok: true, value: [{ kind: 'known' }] })
    expect(parseScopes(text(limits.length + 1), limits)).toEqual({
      ok: false,
      error: { code: 'too-long', message: `more than ${limits.length} characters` },
    })
    const many = (count: number): string => 'a '.repeat(count)
    expect(parseScopes(many(limits.scopes), limits).ok).toBe(true)
    expect(parseScopes(many(limits.scopes + 1), limits)).toEqual({
      ok: false,
      error: { code: 'too-many', message: `more than ${limits.scopes} scopes` },
    })
    const long = (length: number): string => 'a'.repeat(length)
    expect(parseScope(long(limits.scopeLength), limits).kind).toBe('unknown')
    expect(parseScope(long(limits.scopeLength + 1), limits)).toMatchObject({
      reason: `longer than ${limits.scopeLength} characters`,
    })
    const parameters = (count: number): string => `blob?${'accept=a/b&'.repeat(count - 1)}accept=a/b`
    expect(parseScope(parameters(limits.parameters), limits).kind).toBe('known')
    expect(parseScope(parameters(limits.parameters + 1), limits)).toMatchObject({
      reason: `more than ${limits.parameters} parameters`,
    })
  })

  it('asks for 8 KB and 200 scopes at most, and is kept with 64 KB and 1,024', () => {
    expect(REQUEST_LIMITS).toEqual({ length: 8192, scopes: 200, scopeLength: 4096, parameters: 128 })
    expect(EXPANDED_LIMITS).toEqual({ length: 65_536, scopes: 1024, scopeLength: 65_536, parameters: 1024 })
    const text = 'a'.repeat(4097)
    expect(parseScope(text).kind).toBe('malformed')
  })
})
