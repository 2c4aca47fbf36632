// Scopes over a small world, so that they meet; and everything that somebody may be about to do in it.
import { fuzzRounds } from '@avocet/testing'
import * as fc from 'fast-check'
import type { Nsid } from '@avocet/syntax'
import {
  REPO_ACTIONS,
  type IncludeScope,
  type Need,
  type Permission,
  type Scope,
  type TransitionScope,
} from '../src/scope.ts'

export const RUNS = fuzzRounds(500, 50_000)

const NAMES: Nsid[] = [
  'com.example.a',
  'com.example.b',
  'com.example.deep.c',
  'chat.bsky.convo.send',
  'org.other.a',
]
const SERVICES = [
  'did:web:api.example.com#svc',
  'did:web:api.example.com#other',
  'did:plc:ewvi7nxzyoun6zhxrhs64oiz#svc',
]
const TYPES = ['image/png', 'image/svg+xml', 'text/html', 'image/*', 'text/*', '*/*']

const some = <T>(...values: T[]): fc.Arbitrary<T[]> =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 })
const names: fc.Arbitrary<readonly (Nsid | '*')[]> = fc.oneof(
  { weight: 4, arbitrary: some(...NAMES) },
  fc.constant(['*' as const]),
)

export const permission: fc.Arbitrary<Permission> = fc.oneof(
  fc.record({ resource: fc.constant('repo' as const), collection: names, action: some(...REPO_ACTIONS) }),
  fc
    .record({ resource: fc.constant('rpc' as const), lxm: names, aud: fc.constantFrom('*', ...SERVICES) })
    .filter(({ lxm, aud }) => aud !== '*' || !lxm.includes('*')),
  fc.record({ resource: fc.constant('blob' as const), accept: some(...TYPES) }),
  fc.record({
    resource: fc.constant('account' as const),
    attr: fc.constantFrom('email' as const, 'repo' as const),
    action: fc.constantFrom('read' as const, 'manage' as const),
  }),
  fc.record({
    resource: fc.constant('identity' as const),
    attr: fc.constantFrom('handle' as const, '*' as const),
  }),
)

const include: fc.Arbitrary<IncludeScope> = fc.oneof(
  fc.record({ resource: fc.constant('include' as const), nsid: fc.constantFrom(...NAMES) }),
  fc.record({
    resource: fc.constant('include' as const),
    nsid: fc.constantFrom(...NAMES),
    aud: fc.constantFrom(...SERVICES),
  }),
)

const transition: fc.Arbitrary<TransitionScope> = fc.record({
  resource: fc.constant('transition' as const),
  name: fc.constantFrom('generic' as const, 'email' as const, 'chat.bsky' as const),
})

export const scope: fc.Arbitrary<Scope> = fc.oneof(
  { weight: 6, arbitrary: permission },
  { weight: 1, arbitrary: include },
  { weight: 1, arbitrary: transition },
  { weight: 1, arbitrary: fc.constant<Scope>({ resource: 'atproto' }) },
)

/** Every need of the small world, and of one name and service beside it. */
export const NEEDS: readonly Need[] = [
  ...[...NAMES, 'net.unheard.of'].flatMap((collection) =>
    REPO_ACTIONS.map((action): Need => ({ resource: 'repo', collection, action })),
  ),
  ...[...NAMES, 'net.unheard.of', 'CHAT.bsky.convo.send', '*'].flatMap((lxm) =>
    [...SERVICES, 'did:web:unheard.of#svc', 'did:web:api.example.com', '*'].map((aud): Need => ({
      resource: 'rpc',
      lxm,
      aud,
    })),
  ),
  ...[
    'image/png',
    'image/svg+xml',
    'image/jpeg',
    'text/html',
    'text/plain',
    'a/b',
    'IMAGE/png; x=y',
    'image/*',
    '*/*',
    'nothing',
    '',
  ].map((mime): Need => ({ resource: 'blob', mime })),
  ...(['email', 'repo'] as const).flatMap((attr) =>
    (['read', 'manage'] as const).map((action): Need => ({ resource: 'account', attr, action })),
  ),
  { resource: 'identity', attr: 'handle' },
  { resource: 'identity', attr: '*' },
]
