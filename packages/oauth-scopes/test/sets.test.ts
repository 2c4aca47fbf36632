import { describe, expect, it } from 'vitest'
import {
  createScopeSet,
  expandScopes,
  formatScope,
  formatScopes,
  intersectScopes,
  isSubset,
  parseScope,
  parseScopes,
  EXPANDED_LIMITS,
  readPermissionSet,
  setDetail,
  setTitle,
  type IncludeScope,
  type Need,
  type Scope,
} from '../src/index.ts'

const known = (text: string): Scope => {
  const parsed = parseScope(text, EXPANDED_LIMITS)
  if (parsed.kind !== 'known') throw new Error(`${text} is ${parsed.kind}`)
  return parsed.scope
}
const rpc = (lxm: string, aud: string): Need => ({ resource: 'rpc', lxm, aud })

const AUD = 'did:web:api.example.com#svc'

describe('a set from a text', () => {
  it('gives nothing without atproto', () => {
    const need: Need = { resource: 'repo', collection: 'com.example.a', action: 'create' }
    expect(createScopeSet('repo:*').allows(need)).toBe(false)
    expect(createScopeSet('transition:generic').allows(need)).toBe(false)
    expect(createScopeSet('repo:* atproto').allows(need)).toBe(true)
  })

  it('leaves out what is unknown or malformed, and the names of old sessions', () => {
    const set = createScopeSet(
      'atproto space:* repo:% com.atproto.access repo:com.example.a com.atproto.appPassPrivileged',
    )
    expect(set.toString()).toBe('atproto repo:com.example.a')
    expect(set.allows({ resource: 'repo', collection: 'com.example.b', action: 'create' })).toBe(false)
  })

  it('gives nothing beyond the bounds', () => {
    const set = createScopeSet(`atproto repo:* ${' '.repeat(EXPANDED_LIMITS.length)}`)
    expect(set.scopes).toEqual([])
    expect(set.allows({ resource: 'repo', collection: 'com.example.b', action: 'create' })).toBe(false)
  })

  it.each<[string, string]>([
    ['repo:com.example.a repo:*', 'repo:*'],
    ['repo:com.example.a?action=create repo:com.example.a', 'repo:com.example.a'],
    ['repo:*?action=create repo:com.example.a', 'repo:*?action=create repo:com.example.a'],
    [
      'repo:*?action=create repo:*?action=update repo:com.example.a?action=create&action=update',
      'repo:*?action=create repo:*?action=update',
    ],
    [
      'repo:com.example.a repo?collection=com.example.a&collection=com.example.b',
      'repo?collection=com.example.a&collection=com.example.b',
    ],
    ['rpc:com.example.a?aud=* rpc:com.example.a?aud=did:web:a.b%23c', 'rpc:com.example.a?aud=*'],
    ['rpc:*?aud=did:web:a.b%23c rpc:com.example.a?aud=did:web:a.b%23c', 'rpc:*?aud=did:web:a.b%23c'],
    [
      'rpc:*?aud=did:web:a.b%23c rpc:com.example.a?aud=*',
      'rpc:*?aud=did:web:a.b%23c rpc:com.example.a?aud=*',
    ],
    ['blob:*/* blob:image/*', 'blob:*/*'],
    ['blob?accept=image/*&accept=text/* blob:image/png blob:*/*', 'blob:*/*'],
    ['blob:image/* blob:image/png blob:video/mp4', 'blob:image/* blob:video/mp4'],
    ['account:email account:email?action=manage', 'account:email?action=manage'],
    ['identity:handle identity:*', 'identity:*'],
    [
      'transition:generic repo:com.example.a transition:email account:email',
      'account:email repo:com.example.a transition:email transition:generic',
    ],
    [
      'include:com.example.s include:com.example.s?aud=did:web:a.b%23c',
      'include:com.example.s include:com.example.s?aud=did:web:a.b%23c',
    ],
  ])('%s is %s', (text, normal) => {
    expect(createScopeSet(text).toString()).toBe(normal)
  })
})

describe('transition scopes', () => {
  const allows = (text: string, need: Need): boolean => createScopeSet(`atproto ${text}`).allows(need)

  it('generic is for all but private messages, account and identity', () => {
    expect(
      allows('transition:generic', { resource: 'repo', collection: 'com.example.a', action: 'delete' }),
    ).toBe(true)
    expect(allows('transition:generic', { resource: 'blob', mime: 'a/b' })).toBe(true)
    expect(allows('transition:generic', { resource: 'blob', mime: '*/*' })).toBe(false)
    expect(allows('transition:generic', rpc('app.bsky.feed.getFeed', AUD))).toBe(true)
    expect(allows('transition:generic', rpc('app.bsky.feed.getFeed', 'did:web:api.example.com'))).toBe(true)
    for (const lxm of ['chat.bsky.convo.getLog', 'chat.bsky.x', 'Chat.Bsky.convo.getLog', '*']) {
      expect(allows('transition:generic', rpc(lxm, AUD))).toBe(false)
      expect(allows('transition:generic transition:chat.bsky', rpc(lxm, AUD))).toBe(true)
    }
    expect(allows('transition:generic', rpc('chat.bskyx.convo.getLog', AUD))).toBe(true)
    expect(allows('transition:generic', { resource: 'account', attr: 'email', action: 'read' })).toBe(false)
    expect(allows('transition:generic', { resource: 'account', attr: 'repo', action: 'manage' })).toBe(false)
    expect(allows('transition:generic', { resource: 'identity', attr: 'handle' })).toBe(false)
  })

  it('chat.bsky gives nothing without generic', () => {
    expect(allows('transition:chat.bsky', rpc('chat.bsky.convo.getLog', AUD))).toBe(false)
    expect(allows('transition:chat.bsky rpc:app.bsky.a?aud=*', rpc('chat.bsky.convo.getLog', AUD))).toBe(
      false,
    )
  })

  it('email is to read it', () => {
    expect(allows('transition:email', { resource: 'account', attr: 'email', action: 'read' })).toBe(true)
    expect(allows('transition:email', { resource: 'account', attr: 'email', action: 'manage' })).toBe(false)
    expect(allows('transition:email', { resource: 'account', attr: 'repo', action: 'read' })).toBe(false)
  })

  it('can be shut out', () => {
    const text = 'atproto transition:generic transition:email transition:chat.bsky repo:com.example.a'
    const set = createScopeSet(text, { transition: false })
    expect(set.toString()).toBe('atproto repo:com.example.a')
    expect(set.allows({ resource: 'account', attr: 'email', action: 'read' })).toBe(false)
    expect(set.allows({ resource: 'repo', collection: 'com.example.b', action: 'create' })).toBe(false)
    expect(createScopeSet(text, { transition: true }).allows(rpc('chat.bsky.x', AUD))).toBe(true)
  })
})

describe('what stands in no text', () => {
  it('a hand-made permission for any method of any service gives nothing', () => {
    const set = createScopeSet([{ resource: 'atproto' }, { resource: 'rpc', lxm: ['*'], aud: '*' }])
    expect(set.allows(rpc('com.example.a', AUD))).toBe(false)
    expect(set.allows(rpc('*', '*'))).toBe(false)
  })

  it('names of objects of the language are names like others', () => {
    const set = createScopeSet('atproto repo:com.example.a account:email rpc:com.example.a?aud=*')
    const odd = ['constructor', '__proto__', 'toString']
    for (const name of odd) {
      expect(set.allows({ resource: 'repo', collection: name, action: name as 'create' })).toBe(false)
      expect(set.allows({ resource: 'account', attr: name as 'email', action: 'read' })).toBe(false)
      expect(set.allows({ resource: name as 'identity', attr: '*' })).toBe(false)
      expect(parseScope(name)).toEqual({ kind: 'unknown', text: name })
    }
  })
})

describe('an intersection', () => {
  it.each<[string, string, string]>([
    ['atproto repo:*', 'atproto repo:com.example.a', 'atproto repo:com.example.a'],
    ['repo:*?action=create', 'repo:com.example.a', 'repo:com.example.a?action=create'],
    ['rpc:*?aud=did:web:a.b%23c', 'rpc:com.example.x?aud=*', 'rpc:com.example.x?aud=did:web:a.b%23c'],
    ['rpc:com.example.x?aud=*', 'rpc:*?aud=did:web:a.b%23c', 'rpc:com.example.x?aud=did:web:a.b%23c'],
    ['rpc:com.example.x?aud=did:web:a.b%23c', 'rpc:com.example.x?aud=did:web:a.b%23d', ''],
    ['blob:image/*', 'blob?accept=image/png&accept=text/html', 'blob:image/png'],
    ['account:email?action=manage', 'account:email', 'account:email'],
    ['identity:*', 'identity:handle', 'identity:handle'],
    ['transition:generic', 'repo:com.example.a account:email', 'repo:com.example.a'],
    ['transition:generic transition:email', 'transition:generic', 'transition:generic'],
    ['include:com.example.s atproto', 'include:com.example.s?aud=did:web:a.b%23c atproto', 'atproto'],
    ['transition:generic', 'rpc:*?aud=did:web:a.b%23c', ''],
    ['transition:generic transition:chat.bsky', 'rpc:*?aud=did:web:a.b%23c', 'rpc:*?aud=did:web:a.b%23c'],
  ])('of %s and %s is %s', (a, b, both) => {
    expect(intersectScopes(createScopeSet(a), createScopeSet(b)).toString()).toBe(both)
  })

  it('of many services with many methods ends', () => {
    const services = Array.from({ length: 1000 }, (_, i) => `rpc:*?aud=did:web:s${i}.io%23s`).join(' ')
    const methods = `rpc?${Array.from({ length: 1000 }, (_, i) => `lxm=com.example.m${i}&`).join('')}aud=*`
    const both = intersectScopes(createScopeSet(services), createScopeSet(methods))
    expect(both.scopes.flatMap((scope) => (scope.resource === 'rpc' ? scope.lxm : []))).toHaveLength(4096)
    expect(isSubset(both, createScopeSet(services))).toBe(true)
  })
})

describe('a permission set', () => {
  const include = (aud?: string, nsid = 'com.example.feed.auth'): IncludeScope =>
    known(
      aud === undefined ? `include:${nsid}` : `include:${nsid}?aud=${encodeURIComponent(aud)}`,
    ) as IncludeScope
  const lexicon = (permissions: unknown, main: object = {}): object => ({
    lexicon: 1,
    id: 'com.example.feed.auth',
    defs: { main: { type: 'permission-set', permissions, ...main } },
  })
  const entry = (fields: object): object => ({ type: 'permission', ...fields })
  const repo = { resource: 'repo', collection: ['com.example.feed.post'] }
  const call = { resource: 'rpc', lxm: ['com.example.feed.get'] }
  const read = (permissions: unknown, aud?: string) => {
    const set = readPermissionSet(include(aud), lexicon(permissions))
    if (!set.ok) throw new Error(set.error.message)
    return set.value
  }
  const texts = (permissions: unknown, aud?: string): string[] =>
    read(permissions, aud).permissions.map(formatScope)

  it('gives what lies in its group and deeper', () => {
    expect(
      texts(
        [
          entry({
            ...repo,
            collection: ['com.example.feed.post', 'com.example.feed.deep.x', 'com.example.feed.post'],
          }),
          entry({ ...repo, action: ['delete', 'create', 'create'], description: 'to post' }),
          entry({ ...call, aud: '*' }),
          entry({ ...call, aud: '*', inheritAud: false }),
          entry({ ...call, inheritAud: true }),
        ],
        AUD,
      ),
    ).toEqual([
      'repo?collection=com.example.feed.deep.x&collection=com.example.feed.post',
      'repo:com.example.feed.post?action=create&action=delete',
      'rpc:com.example.feed.get?aud=*',
      'rpc:com.example.feed.get?aud=*',
      'rpc:com.example.feed.get?aud=did:web:api.example.com%23svc',
    ])
  })

  it.each<[unknown, string]>([
    [null, 'no permission'],
    ['x', 'no permission'],
    [repo, 'no permission'],
    [{ type: 'permission' }, 'a resource that no set may give'],
    [entry({ resource: 'blob', accept: ['*/*'] }), 'a resource that no set may give'],
    [entry({ resource: 'account', attr: 'email' }), 'a resource that no set may give'],
    [entry({ resource: 'identity', attr: '*' }), 'a resource that no set may give'],
    [entry({ resource: 'include', nsid: 'com.example.feed.other' }), 'a resource that no set may give'],
    [entry({ resource: 'constructor' }), 'a resource that no set may give'],
    [entry({ ...repo, until: 1 }), 'an unknown field'],
    [entry({ ...repo, lxm: [] }), 'an unknown field'],
    [entry({ ...call, aud: '*', collection: [] }), 'an unknown field'],
    [
      JSON.parse(
        '{"type":"permission","resource":"repo","collection":["com.example.feed.post"],"__proto__":1}',
      ),
      'an unknown field',
    ],
    [entry({ ...repo, collection: [] }), 'collections beyond com.example.feed.*'],
    [entry({ resource: 'repo' }), 'collections beyond com.example.feed.*'],
    [entry({ ...repo, collection: 'com.example.feed.post' }), 'collections beyond com.example.feed.*'],
    [entry({ ...repo, collection: ['*'] }), 'collections beyond com.example.feed.*'],
    [entry({ ...repo, collection: [7] }), 'collections beyond com.example.feed.*'],
    [entry({ ...repo, collection: ['com.example.feed.*'] }), 'collections beyond com.example.feed.*'],
    [entry({ ...repo, collection: ['com.example.feed'] }), 'collections beyond com.example.feed.*'],
    [entry({ ...repo, collection: ['com.example.post'] }), 'collections beyond com.example.feed.*'],
    [entry({ ...repo, collection: ['com.example.actor.profile'] }), 'collections beyond com.example.feed.*'],
    [entry({ ...repo, collection: ['com.example.feedback.post'] }), 'collections beyond com.example.feed.*'],
    [
      entry({ ...repo, collection: ['com.example.feed.post', 'app.bsky.feed.post'] }),
      'collections beyond com.example.feed.*',
    ],
    [entry({ ...repo, action: [] }), 'no action'],
    [entry({ ...repo, action: 'create' }), 'no action'],
    [entry({ ...repo, action: ['create', 'read'] }), 'an unknown action'],
    [entry({ ...repo, action: [{}] }), 'an unknown action'],
    [entry({ ...call, lxm: [], aud: '*' }), 'methods beyond com.example.feed.*'],
    [entry({ ...call, lxm: ['*'], inheritAud: true }), 'methods beyond com.example.feed.*'],
    [entry({ ...call, lxm: ['com.example.feeds'], aud: '*' }), 'methods beyond com.example.feed.*'],
    [entry(call), 'an audience other than *'],
    [entry({ ...call, aud: AUD }), 'an audience other than *'],
    [entry({ ...call, aud: ['*'] }), 'an audience other than *'],
    [entry({ ...call, aud: '*', inheritAud: 'true' }), 'an audience other than *'],
    [entry({ ...call, aud: '*', inheritAud: true }), 'both aud and inheritAud'],
    [entry({ ...call, aud: AUD, inheritAud: true }), 'both aud and inheritAud'],
  ])('gives nothing for %j: %s', (given, reason) => {
    const set = read([entry(repo), given], AUD)
    expect(set.permissions.map(formatScope)).toEqual(['repo:com.example.feed.post'])
    expect(set.ignored).toEqual([{ index: 1, reason }])
  })

  it('gives nothing for an audience that nobody gave, or that is none', () => {
    const ignored = [{ index: 0, reason: 'no audience to inherit' }]
    const entries = [entry({ ...call, inheritAud: true })]
    expect(read(entries)).toMatchObject({ permissions: [], ignored })
    for (const aud of ['*', 'did:web:api.example.com']) {
      const set = readPermissionSet(
        { resource: 'include', nsid: 'com.example.feed.auth', aud },
        lexicon(entries),
      )
      expect(set).toMatchObject({ value: { permissions: [], ignored } })
    }
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'x'],
    ['no definitions', { lexicon: 1, id: 'com.example.feed.auth' }],
    ['no main definition', { lexicon: 1, id: 'com.example.feed.auth', defs: {} }],
    ['another language', { ...lexicon([]), lexicon: 2 }],
    ['another definition', lexicon([], { type: 'record' })],
    ['no permissions', lexicon(undefined)],
    ['permissions that are no list', lexicon({ length: 1, 0: entry(repo) })],
    ['inherited definitions', Object.create(lexicon([]) as object)],
  ])('is none in %s', (_, document) => {
    expect(readPermissionSet(include(), document)).toEqual({
      ok: false,
      error: { code: 'not-a-permission-set', message: 'the lexicon is no permission set' },
    })
  })

  it('has the NSID that was asked for', () => {
    expect(readPermissionSet(include(undefined, 'com.example.feed.other'), lexicon([]))).toEqual({
      ok: false,
      error: { code: 'wrong-nsid', message: 'the lexicon has another NSID' },
    })
  })

  it('is bounded', () => {
    const entries = (count: number): object[] => Array.from({ length: count }, () => entry(repo))
    expect(readPermissionSet(include(), lexicon(entries(256)))).toMatchObject({ ok: true })
    expect(readPermissionSet(include(), lexicon(entries(257)))).toEqual({
      ok: false,
      error: { code: 'too-large', message: 'more than 256 entries' },
    })
    const names = (count: number): string[] =>
      Array.from({ length: count }, (_, i) => `com.example.feed.x${i}`)
    const both = (count: number): object[] => [
      entry({ ...repo, collection: names(500) }),
      entry({ ...call, aud: '*', lxm: names(count) }),
    ]
    expect(readPermissionSet(include(), lexicon(both(500)))).toMatchObject({ ok: true })
    expect(readPermissionSet(include(), lexicon(both(501)))).toEqual({
      ok: false,
      error: { code: 'too-large', message: 'more than 1000 names' },
    })
    const widest = readPermissionSet(
      include(),
      lexicon([entry({ ...repo, action: ['create', 'delete'], collection: names(1000) })]),
    )
    if (!widest.ok) throw new Error(widest.error.message)
    expect(parseScopes(formatScopes(widest.value.permissions), EXPANDED_LIMITS)).toMatchObject({
      value: [{ kind: 'known' }],
    })
  })

  describe('in words', () => {
    const set = (main: object) => {
      const result = readPermissionSet(include(), lexicon([], main))
      if (!result.ok) throw new Error(result.error.message)
      return result.value
    }
    const many = set({
      title: 'Basic',
      'title:lang': {
        ja: '基本',
        'pt-BR': 'Básico',
        pt: 'Base',
        'zh-Hant': '基礎',
        bad: 5,
        empty: ' \u200b',
      },
      detail: 'Posts',
      'detail:lang': { ja: '投稿' },
    })

    it.each<[string[], string]>([
      [[], 'Basic'],
      [['de'], 'Basic'],
      [['ja'], '基本'],
      [['ja-JP'], '基本'],
      [['de', 'ja'], '基本'],
      [['PT-br', 'ja'], 'Básico'],
      [['pt-PT'], 'Base'],
      [['zh-Hant-x-TW'], '基礎'],
      [['zh'], 'Basic'],
      [['bad', 'empty'], 'Basic'],
      [['constructor', '__proto__', '', '-', 'toString'], 'Basic'],
      [[...Array.from({ length: 16 }, () => 'de'), 'ja'], 'Basic'],
    ])('for readers of %j is %s', (languages, title) => {
      expect(setTitle(many, languages)).toBe(title)
    })

    it('are looked for among 256 languages', () => {
      const crowd = (others: number) =>
        set({
          title: 'Own',
          'title:lang': Object.fromEntries([
            ...Array.from({ length: others }, (_, i) => [`x-${i}`, 'x']),
            ['ja', '基本'],
          ]),
        })
      expect(setTitle(crowd(255), ['ja'])).toBe('基本')
      expect(setTitle(crowd(256), ['ja'])).toBe('Own')
    })

    it('has a detail', () => {
      expect(setDetail(many)).toBe('Posts')
      expect(setDetail(many, ['ja'])).toBe('投稿')
    })

    it('may have none', () => {
      for (const main of [
        {},
        { title: 5, detail: {} },
        { title: '', detail: '\u202e' },
        { 'title:lang': 'x' },
        { 'title:lang': null },
      ]) {
        expect(setTitle(set(main), ['en'])).toBeNull()
        expect(setDetail(set(main), ['en'])).toBeNull()
      }
    })

    it('is one line without hidden marks, cut', () => {
      const title = (text: string): string | null => setTitle(set({ title: text }))
      expect(title(' a\n\n b\u0000\u202ec\u2028d\u2066e\ufefff \u00adg')).toBe('a bc de f g')
      expect(title('می\u200cخواهم 👩\u200d💻')).toBe('می\u200cخواهم 👩\u200d💻')
      expect(title('<b>&amp;')).toBe('<b>&amp;')
      expect(title('x'.repeat(80))).toBe('x'.repeat(80))
      expect(title('x'.repeat(81))).toBe(`${'x'.repeat(79)}…`)
      expect(title('👩'.repeat(81))).toBe(`${'👩'.repeat(79)}…`)
      expect(title(`a${'\u202e'.repeat(1000)}b`)).toBe('a…')
      expect(title('\ud800')).toBe('\ufffd')
      expect(setDetail(set({ detail: 'y'.repeat(400) }))).toBe('y'.repeat(400))
      expect(setDetail(set({ detail: 'y'.repeat(1e6) }))).toBe(`${'y'.repeat(399)}…`)
    })
  })

  describe('expanded', () => {
    const documents = new Map<string, unknown>([
      ['com.example.feed.auth', lexicon([entry(repo), entry({ ...call, inheritAud: true })])],
      ['com.example.broken', { lexicon: 1 }],
      ['com.example.null', null],
    ])
    const expand = (text: string) => {
      const parsed = parseScopes(text)
      if (!parsed.ok) throw new Error(parsed.error.message)
      const scopes = parsed.value.flatMap((item) => (item.kind === 'known' ? [item.scope] : []))
      return expandScopes(scopes, (nsid) => documents.get(nsid))
    }

    it('takes the place of its include', () => {
      const { scopes, sets, failed } = expand(
        'atproto include:com.example.feed.auth?aud=did:web:a.b%23c blob:*/* blob?accept=*/* include:com.example.feed.auth?aud=did:web:a.b#c',
      )
      expect(scopes.map(formatScope)).toEqual([
        'atproto',
        'blob:*/*',
        'repo:com.example.feed.post',
        'rpc:com.example.feed.get?aud=did:web:a.b%23c',
      ])
      expect(sets.map(({ scope }) => formatScope(scope))).toEqual([
        'include:com.example.feed.auth?aud=did:web:a.b%23c',
      ])
      expect(failed).toEqual([])
    })

    it('for two audiences, gives both', () => {
      const { scopes, sets } = expand(
        'include:com.example.feed.auth include:com.example.feed.auth?aud=did:web:a.b%23c',
      )
      expect(scopes.map(formatScope)).toEqual([
        'repo:com.example.feed.post',
        'rpc:com.example.feed.get?aud=did:web:a.b%23c',
      ])
      expect(sets).toHaveLength(2)
      expect(sets[1]!.permissions).toHaveLength(2)
    })

    it('says which sets give nothing', () => {
      const { scopes, failed } = expand(
        'include:com.example.absent include:com.example.broken include:com.example.null atproto',
      )
      expect(scopes.map(formatScope)).toEqual(['atproto'])
      expect(failed.map(({ scope, code }) => [scope.nsid, code])).toEqual([
        ['com.example.absent', 'unresolved'],
        ['com.example.broken', 'not-a-permission-set'],
        ['com.example.null', 'unresolved'],
      ])
    })

    it('ends where it could not be kept', () => {
      const names = (count: number): string[] =>
        Array.from({ length: count }, (_, i) => `com.example.n${String(i).padStart(30, '0')}`)
      const big = (id: string, permissions: object[]): object => ({
        lexicon: 1,
        id,
        defs: { main: { type: 'permission-set', permissions } },
      })
      const nsids = ['com.example.s1', 'com.example.s2', 'com.example.s3'] as const
      const lengths = expandScopes(
        nsids.map((nsid) => ({ resource: 'include', nsid })),
        (nsid) =>
          big(nsid, [
            entry({ resource: 'rpc', lxm: names(700 + nsids.indexOf(nsid as 'com.example.s1')), aud: '*' }),
          ]),
      )
      expect(lengths.failed.map(({ scope, code }) => [scope.nsid, code])).toEqual([
        ['com.example.s2', 'too-large'],
        ['com.example.s3', 'too-large'],
      ])
      const counts = expandScopes(
        Array.from({ length: 5 }, (_, i) => ({
          resource: 'include' as const,
          nsid: `com.example.s${i}` as const,
        })),
        (nsid) =>
          big(
            nsid,
            Array.from({ length: 205 }, (_, i) =>
              entry({ resource: 'repo', collection: [`com.example.${nsid.slice(12)}x${i}`] }),
            ),
          ),
      )
      expect(counts.failed.map(({ scope }) => scope.nsid)).toEqual(['com.example.s4'])
      expect(parseScopes(formatScopes(counts.scopes), EXPANDED_LIMITS)).toMatchObject({ ok: true })
    })
  })
})
