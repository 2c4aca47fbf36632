// The page on which an owner lets an app in: what it says, what it ticks, and what strangers' texts become on it.
import { expandScopes, parseScope, type Scope } from '@avocet/oauth-scopes'
import type { AuthorizationPage, ShownClient } from '@avocet/oauth-server'
import type { Handle } from '@avocet/syntax'
import { describe, expect, test } from 'vitest'

import type { Account } from '../src/account.ts'
import { markupOf } from '../src/pages/html.ts'
import { acceptedLanguages, chooseTexts, LANGUAGE_TAGS } from '../src/pages/texts/choose.ts'
import { de } from '../src/pages/texts/de/de.ts'
import { en } from '../src/pages/texts/en/en.ts'
import type { Texts } from '../src/pages/texts/texts.ts'
import { consentPage } from '../src/pages/views/consent.ts'

const CLIENT: ShownClient = {
  clientId: 'https://app.example.com/oauth-client-metadata.json',
  kind: 'host',
  text: 'app.example.com',
  trusted: false,
  name: null,
  logoUri: null,
  termsUri: null,
  policyUri: null,
}
const ACCOUNT: Account = {
  did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
  handle: 'alice.test' as Handle,
  email: null,
  emailConfirmedAt: null,
  emailAuthFactor: false,
  createdAt: '2026-01-01T00:00:00.000Z',
  deactivatedAt: null,
  deleteAfter: null,
  takedownRef: null,
  invitesDisabled: false,
  inviteNote: null,
}

const SET = {
  lexicon: 1,
  id: 'com.example.auth',
  defs: {
    main: {
      type: 'permission-set',
      title: 'Notes <script>alert(1)</script> \u202eevil',
      'title:lang': { de: 'Notizen' },
      detail: '"><img src=x onerror=alert(1)>',
      permissions: [
        { type: 'permission', resource: 'repo', collection: ['com.example.note'] },
        { type: 'permission', resource: 'repo', collection: ['org.foreign.note'] },
      ],
    },
  },
}

function show(
  texts: string,
  options: Partial<{ texts: Texts; client: ShownClient; declined: string[] }> = {},
) {
  const scopes = texts.split(' ').map((text) => {
    const parsed = parseScope(text)
    if (parsed.kind !== 'known') throw new Error(text)
    return { text, scope: parsed.scope as Scope }
  })
  const { sets } = expandScopes(
    scopes.map(({ scope }) => scope),
    (nsid) => (nsid === SET.id ? SET : null),
  )
  const page: AuthorizationPage = {
    requestId: 'request',
    client: options.client ?? CLIENT,
    scopes,
    sets,
    prompt: null,
    loginHint: null,
    display: null,
    languages: [],
    redirectSource: 'https://app.example.com',
    consentOf: () => Promise.reject(new Error('not asked')),
  }
  return markupOf(
    consentPage(options.texts ?? en, {
      page,
      account: ACCOUNT,
      fields: { form: 'token' },
      declined: options.declined ?? [],
      accountsUrl: '/oauth/authorize?step=accounts',
    }),
  ).replaceAll(/\s+/g, ' ')
}
const boxes = (markup: string): [string, boolean][] =>
  [...markup.matchAll(/<input type="checkbox" id="scope-\d+" name="scope" value="([^"]*)"([^>]*)>/g)].map(
    ([, value, rest]) => [value!, rest!.includes('checked')],
  )

describe('what is ticked', () => {
  test('everything, but for what was left out before; signing in itself is not up for choice', () => {
    const all = 'atproto repo:com.example.note blob:image/png account:email'
    expect(boxes(show(all))).toEqual([
      ['repo:com.example.note', true],
      ['blob:image/png', true],
      ['account:email', true],
    ])
    expect(boxes(show(all, { declined: ['account:email'] }))).toEqual([
      ['repo:com.example.note', true],
      ['blob:image/png', true],
      ['account:email', false],
    ])
  })

  test('each has a label of its own', () => {
    const markup = show('atproto repo:com.example.note blob:image/png')
    expect([...markup.matchAll(/ id="(scope-\d+)"/g)].map(([, id]) => id)).toEqual(['scope-1', 'scope-2'])
    expect([...markup.matchAll(/<label for="(scope-\d+)"/g)].map(([, id]) => id)).toEqual([
      'scope-1',
      'scope-2',
    ])
  })
})

describe('what it says', () => {
  test('who asks: the host, the name beside it for those whom the operator trusts, an application on the device', () => {
    expect(show('atproto')).toContain('app.example.com asks to use your account.')
    const trusted = { ...CLIENT, trusted: true, name: 'Notes', logoUri: 'https://app.example.com/logo.png' }
    expect(show('atproto', { client: trusted })).toContain(
      'Notes (app.example.com) asks to use your account.',
    )
    const device = { ...CLIENT, kind: 'device', text: '' } as const
    expect(show('atproto', { client: device })).toContain(
      'An application on your device asks to use your account.',
    )
  })

  test('how far it reaches', () => {
    const markup = show('atproto identity:* repo:* repo:com.example.note')
    expect(markup).toContain(
      'Control your whole identity: your handle, your keys and where your account is hosted. <strong>Can take your account from you.</strong>',
    )
    expect(markup).toContain('records of every kind in your public repository. <strong>Reaches far.</strong>')
    expect(markup).toContain('records of example.com (note) in your public repository. </label>')
  })

  test('private messages beside the rest, each for itself', () => {
    const markup = show('atproto transition:generic transition:chat.bsky')
    expect(markup).toContain('but not private messages.')
    expect(markup).toContain('Read and send private messages.')
    expect(boxes(markup).map(([value]) => value)).toEqual(['transition:generic', 'transition:chat.bsky'])
  })

  test('a permission set by its title, and what it gives: nothing beyond its group', () => {
    const markup = show('atproto include:com.example.auth')
    expect(markup).toContain('What this is: 1 permission')
    expect(markup).toContain('records of example.com (note)')
    expect(markup).not.toContain('foreign')
    expect(show('atproto include:com.example.auth', { texts: de })).toContain('Notizen (com.example.auth)')
  })

  test('in German', () => {
    const markup = show(
      'atproto repo:com.example.note?action=create&action=delete rpc:com.example.get?aud=* blob:image/*',
      {
        texts: de,
      },
    )
    expect(markup).toContain(
      'Einträge in deinem öffentlichen Repository anlegen und löschen: com.example.note.',
    )
    expect(markup).toContain('In deinem Namen jeden Dienst anfragen: com.example.get.')
    expect(markup).toContain('Dateien hochladen: Bilder.')
  })
})

describe('texts of strangers', () => {
  test('are text, without what turns or hides it', () => {
    const markup = show('atproto include:com.example.auth')
    expect(markup).toContain('Notes &lt;script&gt;alert(1)&lt;/script&gt; evil')
    expect(markup).not.toMatch(/<script|<img|\u202e/)
    const client = { ...CLIENT, trusted: true, name: '<b>"Bank"</b>', text: 'xn--bnk-zna.example.com' }
    const named = show('atproto', { client })
    expect(named).toContain('&lt;b&gt;&quot;Bank&quot;&lt;/b&gt; (xn--bnk-zna.example.com)')
  })

  test('a scope of odd characters is a value, and nothing else', () => {
    const text = 'rpc:com.example.get?aud=did:web:x.example%23a%22b%27c%3Cd'
    const parsed = parseScope(text)
    // Either it is none, or it is escaped.
    if (parsed.kind === 'known') expect(show(`atproto ${text}`)).not.toMatch(/value="[^"]*"b'/)
    else expect(parsed.kind).toBe('malformed')
  })
})

describe('languages', () => {
  test.each([
    [undefined, []],
    ['', []],
    ['de', ['de']],
    ['en;q=0.5, de-DE, fr;q=0', ['de-DE', 'en']],
    ['*;q=0.1,de;q=1.0', ['de', '*']],
  ])('%s', (header, tags) => {
    expect(acceptedLanguages(header)).toEqual(tags)
  })

  test('the best that there is, else English', () => {
    expect(chooseTexts(['fr', 'de-CH', 'en'])).toBe(de)
    expect(chooseTexts(['fr'])).toBe(en)
    expect(chooseTexts([])).toBe(en)
    expect(LANGUAGE_TAGS).toEqual(['en', 'de'])
  })
})
