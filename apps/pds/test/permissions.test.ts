// What each method needs of an app (OAuth), as it is declared beside it, and what an app with each kind of scope is answered.
import { createScopeSet, neededScope, type Need } from '@avocet/oauth-scopes'
import type { Did } from '@avocet/syntax'
import type { AddedMethod } from '@avocet/xrpc-server'
import { afterAll, beforeAll, expect, test } from 'vitest'

import type { OAuthNeeds } from '../src/app.ts'
import { failure, post, startNetwork, type Answer, type TestAccount, type TestNetwork } from './network.ts'
import { createTestApps, type TestApp } from './oauth-apps.ts'
import { startService, type StubService } from './stub-service.ts'

const POST = 'app.bsky.feed.post'
const LIKE = 'app.bsky.feed.like'
const PNG = Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13])

const apps = createTestApps()
let net: TestNetwork
let account: TestAccount
let view: StubService
let methods: () => readonly AddedMethod[]

beforeAll(async () => {
  view = await startService(['bsky_appview', 'bsky_notif', 'other'])
  net = await startNetwork({
    inProcess: true,
    config: {
      appView: { url: view.url, did: view.did },
      auth: { appTokens: apps.appTokens },
      rateLimitsEnabled: false,
      methods: (router) => {
        methods = () => router.methods()
      },
    },
  })
  apps.serve(net)
  account = await net.account()
  view.answer = () => ({ body: {} })
})
afterAll(async () => {
  await net[Symbol.asyncDispose]()
  await view[Symbol.asyncDispose]()
})

/** A call that an app with all that it needs gets through with. */
interface Sample {
  readonly params?: Record<string, string>
  readonly input?: unknown
  readonly bytes?: Uint8Array<ArrayBuffer>
  readonly type?: string
  readonly headers?: Record<string, string>
}

/**
 * What a call needs: its scopes; nothing but an app that the account let in (`[]`); or that no app may make it (`closed`), or anybody
 * may (`open`: credentials are not looked at). Then the call, and what it is answered when it may be made.
 */
type Row = readonly [needs: readonly string[] | 'closed' | 'open', ok?: string, sample?: () => Sample]

const INVALID = '400 InvalidRequest'
const own = (collection: string, more: object = {}): Sample => ({
  input: { repo: account.did, collection, ...more },
})
const write = (kind: string, collection: string): object => ({
  $type: `com.atproto.repo.applyWrites#${kind}`,
  collection,
  value: collection === POST ? post('x') : { $type: collection, createdAt: '2026-01-01T00:00:00Z' },
})
const query = (params: Record<string, string>) => (): Sample => ({ params })
const ofRepo = (): Sample => ({ params: { did: account.did } })
const push = (): Sample => ({
  input: { serviceDid: view.did, token: 't', platform: 'ios', appId: 'a' },
})
const preferences = (nsid: string): string => `rpc:${nsid}?aud=${encoded(`${view.did}#bsky_appview`)}`
const encoded = (text: string): string => encodeURIComponent(text).replaceAll('%3A', ':')

/** By https://atproto.com/specs/permission, and what stock apps expect of the reference server. */
const METHODS = (): Readonly<Record<string, Row>> => ({
  'app.bsky.actor.getPreferences': [[preferences('app.bsky.actor.getPreferences')], '200 '],
  'app.bsky.actor.putPreferences': [
    [preferences('app.bsky.actor.putPreferences')],
    '200 ',
    () => ({ input: { preferences: [] } }),
  ],
  'app.bsky.notification.registerPush': [
    [`rpc:app.bsky.notification.registerPush?aud=${encoded(`${view.did}#bsky_notif`)}`],
    '200 ',
    push,
  ],
  'app.bsky.notification.unregisterPush': [
    [`rpc:app.bsky.notification.unregisterPush?aud=${encoded(`${view.did}#bsky_notif`)}`],
    '200 ',
    push,
  ],
  'com.atproto.admin.deleteAccount': ['closed'],
  'com.atproto.admin.disableAccountInvites': ['closed'],
  'com.atproto.admin.disableInviteCodes': ['closed'],
  'com.atproto.admin.enableAccountInvites': ['closed'],
  'com.atproto.admin.getAccountInfo': ['closed', '', ofRepo],
  'com.atproto.admin.getAccountInfos': ['closed', '', () => ({ params: { dids: account.did } })],
  'com.atproto.admin.getInviteCodes': ['closed'],
  'com.atproto.admin.getSubjectStatus': ['closed', '', ofRepo],
  'com.atproto.admin.searchAccounts': ['closed'],
  'com.atproto.admin.sendEmail': ['closed'],
  'com.atproto.admin.updateAccountEmail': ['closed'],
  'com.atproto.admin.updateAccountHandle': ['closed'],
  'com.atproto.admin.updateAccountPassword': ['closed'],
  'com.atproto.admin.updateSubjectStatus': ['closed'],
  'com.atproto.identity.getRecommendedDidCredentials': [[], '200 '],
  'com.atproto.identity.refreshIdentity': [[], '200 ', () => ({ input: { identifier: account.did } })],
  'com.atproto.identity.requestPlcOperationSignature': [['identity:*'], '200 '],
  'com.atproto.identity.resolveDid': ['open', '200 ', ofRepo],
  'com.atproto.identity.resolveHandle': ['open', '200 ', () => ({ params: { handle: account.handle } })],
  'com.atproto.identity.resolveIdentity': ['open', '200 ', () => ({ params: { identifier: account.did } })],
  'com.atproto.identity.signPlcOperation': [['identity:*'], '400 TokenRequired', () => ({ input: {} })],
  'com.atproto.identity.submitPlcOperation': [['identity:*'], INVALID, () => ({ input: { operation: {} } })],
  'com.atproto.identity.updateHandle': [
    ['identity:handle'],
    '400 HandleNotAvailable',
    () => ({ input: { handle: 'admin.test' } }),
  ],
  'com.atproto.repo.applyWrites': [
    [`repo:${POST}?action=create`, `repo:${LIKE}?action=delete`],
    '400 RecordNotFound',
    () => ({
      input: {
        repo: account.did,
        writes: [write('create', POST), { ...write('delete', LIKE), rkey: '3kaaaaaaaaa22' }],
      },
    }),
  ],
  'com.atproto.repo.createRecord': [
    [`repo:${POST}?action=create`],
    '200 ',
    () => own(POST, { record: post('x') }),
  ],
  'com.atproto.repo.deleteRecord': [
    [`repo:${POST}?action=delete`],
    '200 ',
    () => own(POST, { rkey: '3kaaaaaaaaa22' }),
  ],
  'com.atproto.repo.describeRepo': ['open', '200 ', () => ({ params: { repo: account.did } })],
  'com.atproto.repo.getRecord': [
    'open',
    '400 RecordNotFound',
    () => ({ params: { repo: account.did, collection: POST, rkey: 'x' } }),
  ],
  'com.atproto.repo.importRepo': [
    ['account:repo?action=manage'],
    INVALID,
    () => ({ bytes: new Uint8Array([1]), type: 'application/vnd.ipld.car' }),
  ],
  'com.atproto.repo.listMissingBlobs': [[], '200 '],
  'com.atproto.repo.listRecords': [
    'open',
    '200 ',
    () => ({ params: { repo: account.did, collection: POST } }),
  ],
  'com.atproto.repo.putRecord': [
    [`repo:${POST}?action=create`, `repo:${POST}?action=update`],
    '200 ',
    () => own(POST, { rkey: '3kaaaaaaaab22', record: post('x') }),
  ],
  'com.atproto.repo.uploadBlob': [
    ['blob:image/png'],
    '200 ',
    () => ({ bytes: PNG, type: 'image/png; name=a' }),
  ],
  'com.atproto.server.activateAccount': ['closed'],
  'com.atproto.server.checkAccountStatus': [[], '200 '],
  'com.atproto.server.confirmEmail': [
    ['account:email?action=manage'],
    '400 InvalidEmail',
    () => ({ input: { email: 'x@example.com', token: 't' } }),
  ],
  'com.atproto.server.createAccount': ['open', INVALID],
  'com.atproto.server.createAppPassword': ['closed', '', () => ({ input: { name: 'a' } })],
  'com.atproto.server.createInviteCode': ['closed', '', () => ({ input: { useCount: 1 } })],
  'com.atproto.server.createInviteCodes': ['closed', '', () => ({ input: { codeCount: 1, useCount: 1 } })],
  'com.atproto.server.createSession': ['open', INVALID],
  'com.atproto.server.deactivateAccount': ['closed', '', () => ({ input: {} })],
  'com.atproto.server.deleteAccount': ['open', INVALID],
  // They take a refresh token of a session, which no app has.
  'com.atproto.server.deleteSession': ['closed'],
  'com.atproto.server.refreshSession': ['closed'],
  'com.atproto.server.describeServer': ['open', '200 '],
  'com.atproto.server.getAccountInviteCodes': ['closed'],
  'com.atproto.server.getServiceAuth': [
    [`rpc:com.example.get?aud=${encoded(`${view.did}#other`)}`],
    '200 ',
    () => ({ params: { aud: `${view.did}#other`, lxm: 'com.example.get' } }),
  ],
  'com.atproto.server.getSession': [[], '200 '],
  'com.atproto.server.listAppPasswords': ['closed'],
  'com.atproto.server.requestAccountDelete': ['closed'],
  'com.atproto.server.requestEmailConfirmation': [['account:email?action=manage'], '200 '],
  'com.atproto.server.requestEmailUpdate': ['closed'],
  'com.atproto.server.requestPasswordReset': ['open', INVALID],
  'com.atproto.server.reserveSigningKey': ['open', '200 ', () => ({ input: {} })],
  'com.atproto.server.resetPassword': ['open', INVALID],
  'com.atproto.server.revokeAppPassword': ['closed', '', () => ({ input: { name: 'a' } })],
  'com.atproto.server.updateEmail': ['closed', '', () => ({ input: { email: 'x@example.com' } })],
  'com.atproto.sync.getBlob': [
    'open',
    INVALID,
    () => ({ params: { did: account.did, cid: `bafkrei${'a'.repeat(52)}` } }),
  ],
  'com.atproto.sync.getBlocks': ['open', INVALID, () => ({ params: { did: account.did, cids: 'x' } })],
  'com.atproto.sync.getCheckout': ['open', '200 ', ofRepo],
  'com.atproto.sync.getHead': ['open', '200 ', ofRepo],
  'com.atproto.sync.getLatestCommit': ['open', '200 ', ofRepo],
  'com.atproto.sync.getRecord': [
    'open',
    '200 ',
    () => ({ params: { did: account.did, collection: 'a.b.c', rkey: 'x' } }),
  ],
  'com.atproto.sync.getRepo': ['open', '200 ', ofRepo],
  'com.atproto.sync.getRepoStatus': ['open', '200 ', ofRepo],
  'com.atproto.sync.listBlobs': ['open', '200 ', ofRepo],
  'com.atproto.sync.listRepos': ['open', '200 '],
  'com.atproto.sync.listReposByCollection': ['open', '200 ', query({ collection: 'a.b.c' })],
  'com.atproto.sync.subscribeRepos': ['open', '426 UpgradeRequired'],
  'com.atproto.temp.checkSignupQueue': ['closed'],
})

/** Each kind of scope by itself, and what looks like one. `VIEW` stands for the AppView. */
const SCOPES = [
  'atproto',
  'atproto transition:generic',
  'atproto transition:email',
  'atproto transition:chat.bsky',
  'atproto transition:generic transition:chat.bsky',
  'atproto repo:*',
  `atproto repo:${POST}`,
  `atproto repo:${POST}?action=create`,
  `atproto repo:${POST}?action=update`,
  `atproto repo:${POST}?action=create&action=update`,
  `atproto repo:*?action=delete`,
  `atproto repo:${LIKE}`,
  `atproto repo:${POST}?action=create repo:${LIKE}?action=delete`,
  'atproto rpc:*?aud=VIEW%23bsky_appview',
  'atproto rpc:*?aud=VIEW%23bsky_notif',
  'atproto rpc:*?aud=VIEW%23other',
  'atproto rpc:*?aud=did:web:elsewhere.example.com%23bsky_appview',
  'atproto rpc:app.bsky.actor.getPreferences?aud=*',
  'atproto rpc:app.bsky.notification.registerPush?aud=*',
  'atproto rpc:com.example.get?aud=*',
  'atproto blob:*/*',
  'atproto blob:image/*',
  'atproto blob:image/png',
  'atproto blob:video/*',
  'atproto account:email',
  'atproto account:email?action=manage',
  'atproto account:repo',
  'atproto account:repo?action=manage',
  'atproto identity:handle',
  'atproto identity:*',
  // Without `atproto` nothing is granted; texts of sessions say nothing about apps.
  'repo:* identity:* blob:*/* transition:generic',
  'atproto com.atproto.access com.atproto.appPassPrivileged com.atproto.refresh',
] as const

const declared = (): Map<string, AddedMethod> =>
  new Map(methods().map((method) => [method.schema.nsid, method]))

/** What a declaration says of one call. Those of repositories stand in a package of their own, and say it of owners alone. */
function neededFor(needs: unknown, nsid: string, sample: Sample): readonly Need[] | null {
  const of = needs as { oauth?: OAuthNeeds | null } & OAuthNeeds
  const oauth = 'oauth' in of ? of.oauth : of
  if (oauth === null || oauth === undefined) return null
  const { params = {}, input, type, headers = {} } = sample
  const all: Record<string, string> = { ...headers, ...(type === undefined ? {} : { 'content-type': type }) }
  const header = (name: string): string | null => all[name] ?? null
  const asked = { nsid, params, header } as unknown as Parameters<NonNullable<OAuthNeeds['call']>>[0]
  return [...(oauth.call?.(asked) ?? []), ...(oauth.input?.(input as never) ?? [])]
}

async function call(app: TestApp, nsid: string, sample: Sample): Promise<Answer> {
  const { schema } = declared().get(nsid)!
  const verb = schema.type === 'procedure' ? 'POST' : 'GET'
  const { headers = {}, ...rest } = sample
  const options = { ...rest, headers: { ...headers, ...(await app.headers(verb, nsid)) } }
  return verb === 'POST' ? net.post(nsid, options) : net.get(nsid, options)
}

test('every method has a row, and says beside it what the row says', () => {
  const rows = METHODS()
  const found = declared()
  expect([...found.keys()].toSorted()).toEqual(Object.keys(rows).toSorted())
  for (const [nsid, [wanted, , sample]] of Object.entries(rows)) {
    const { needs } = found.get(nsid)!
    const said = needs === undefined ? null : neededFor(needs, nsid, sample?.() ?? {})
    const texts = typeof wanted === 'string' ? null : wanted
    expect([nsid, said?.map(neededScope) ?? null]).toEqual([nsid, texts])
  }
})

test.each(SCOPES)('an app that was granted: %s', async (text) => {
  const permissions = text.replaceAll('VIEW', view.did.replaceAll('%', '%25'))
  const app = await apps.signIn(account.did, permissions)
  const scopes = createScopeSet(permissions)
  const wanted: Record<string, string> = {}
  const found: Record<string, string> = {}
  for (const [nsid, [needs, ok = '', given]] of Object.entries(METHODS())) {
    const sample = given?.() ?? {}
    const list =
      needs === 'open' || needs === 'closed' ? [] : neededFor(declared().get(nsid)!.needs, nsid, sample)!
    const missing = list.find((need) => !scopes.allows(need))
    wanted[nsid] =
      needs === 'closed'
        ? '403 Forbidden: OAuth credentials are not supported for this method'
        : missing === undefined
          ? ok
          : `403 ScopeMissingError: Missing required scope "${neededScope(missing)}"`
    // One after the other, so that an answer belongs to its call.
    const answer = await call(app, nsid, sample)
    found[nsid] = answer.status === 403 ? `${failure(answer)}: ${answer.body.message}` : failure(answer)
    // Whatever it is answered, the app's next proof needs the nonce.
    expect([nsid, answer.headers.get('dpop-nonce')]).toEqual([nsid, apps.nonce()])
  }
  expect(found).toEqual(wanted)
})

/** Everything that can be granted. */
const ALL = [
  'atproto transition:generic transition:chat.bsky transition:email repo:* blob:*/* identity:*',
  'account:email?action=manage account:repo?action=manage',
].join(' ')
/** What an app writes for an account has to be in a repository that is served. */
const ACTIVE_ONLY = ['applyWrites', 'createRecord', 'deleteRecord', 'putRecord'].map(
  (name) => `com.atproto.repo.${name}`,
)

test.each([
  ['turned off', 'deactivate'],
  ['taken down', 'takedown'],
  ['gone', 'remove'],
] as const)('an app of an account that is %s', async (_, how) => {
  const other = await net.account()
  const app = await apps.signIn(other.did, ALL)
  await net.pds.accounts[how](other.did as Did, how === 'takedown' ? 'a decision' : (null as never))
  for (const [nsid, [needs, , given]] of Object.entries(METHODS())) {
    if (needs === 'open') continue
    const answer = failure(await call(app, nsid, given?.() ?? {}))
    const refusal = {
      deactivate: '401 AccountDeactivated',
      takedown: '401 AccountTakedown',
      remove: '403 AccountNotFound',
    }
    const isRefused = how !== 'deactivate' || ACTIVE_ONLY.includes(nsid)
    const wanted = needs === 'closed' ? '403 Forbidden' : isRefused ? refusal[how] : null
    if (wanted === null) expect([nsid, answer === refusal.deactivate]).toEqual([nsid, false])
    else expect([nsid, answer]).toEqual([nsid, wanted])
  }
})
