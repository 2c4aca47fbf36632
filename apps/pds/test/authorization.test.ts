import { importKeypair } from '@avocet/crypto'
import * as lexicons from '@avocet/lexicons/catalog'
import { createServiceJwt } from '@avocet/service-auth'
import { afterAll, beforeAll, expect, test } from 'vitest'

import type { AccessNeeds } from '../src/app.ts'
import { failure, startNetwork, type Answer, type TestAccount, type TestNetwork } from './network.ts'
import { sql } from '@avocet/testing/pds-rows'
import { echo, startService, type StubService } from './stub-service.ts'
import { servedMethods } from './served.ts'

/** Who calls, by the `authorization` header they send for a method. */
const callers = new Map<string, (nsid: string) => string | undefined | Promise<string>>()
/** What the methods say beside them. */
let declared: ReadonlyMap<string, unknown>
let home: TestNetwork
let net: TestNetwork
let active: TestAccount
let deactivated: TestAccount
let takendown: TestAccount
/** A service that clients name in `atproto-proxy`. */
let view: StubService

beforeAll(async () => {
  // The moderation service's DID lives elsewhere, in the same directory.
  home = await startNetwork()
  const moderator = await home.account()
  view = await startService(['view'])
  net = await startNetwork({
    directory: home.directory,
    config: {
      appView: { url: view.url, did: view.did },
      methods: (router) => {
        declared = new Map(router.methods().map(({ schema, needs }) => [schema.nsid, needs]))
      },
      modService: { url: 'http://127.0.0.1:1', did: moderator.did },
    },
  })
  active = await net.account()
  deactivated = await net.account()
  takendown = await net.account()

  const post = async (name: string, options: object): Promise<Answer> => {
    const answer = await net.post(`com.atproto.${name}`, options)
    expect(answer.status).toBe(200)
    return answer
  }
  const appPassword = async (account: TestAccount, privileged: boolean): Promise<string> => {
    const token = account.accessJwt
    const made = await post('server.createAppPassword', {
      token,
      input: { name: `p${privileged}`, privileged },
    })
    const input = { identifier: account.did, password: made.body.password }
    return (await post('server.createSession', { input })).body.accessJwt
  }
  const tokens = {
    'app password': await appPassword(active, false),
    'privileged app password': await appPassword(active, true),
    'app password, deactivated': await appPassword(deactivated, false),
  }
  await post('server.deactivateAccount', { token: deactivated.accessJwt, input: {} })
  const subject = { $type: 'com.atproto.admin.defs#repoRef', did: takendown.did }
  await post('admin.updateSubjectStatus', { admin: true, input: { subject, takedown: { applied: true } } })
  const left = await post('server.createSession', {
    input: { identifier: takendown.did, password: 'correct horse', allowTakendown: true },
  })

  const key = (from: TestNetwork, did: string) =>
    importKeypair(
      'k256',
      sql(from, 'SELECT signing_key FROM account WHERE did = ?', did)[0]!['signing_key'] as Uint8Array,
    )
  const { did: server } = (await net.get('com.atproto.server.describeServer')).body
  const service =
    (change: object = {}, from = net, iss = active.did) =>
    async (lxm: string): Promise<string> =>
      `Bearer ${await createServiceJwt({ iss, aud: server, lxm, signer: key(from, iss), ...change })}`
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

  callers.set('nobody', () => undefined)
  callers.set('access', () => `Bearer ${active.accessJwt}`)
  for (const [name, token] of Object.entries(tokens)) callers.set(name, () => `Bearer ${token}`)
  callers.set('refresh', () => `Bearer ${active.refreshJwt}`)
  callers.set('access, deactivated', () => `Bearer ${deactivated.accessJwt}`)
  callers.set('access, taken down since', () => `Bearer ${takendown.accessJwt}`)
  callers.set('signed in to leave', () => `Bearer ${left.body.accessJwt}`)
  callers.set('service token', service())
  callers.set('service token, other method', service({ lxm: 'com.example.other' }))
  callers.set('service token, other audience', service({ aud: 'did:web:other.example.com' }))
  callers.set('service token, other key', service({ signer: key(net, deactivated.did) }))
  callers.set('service token, expired', service({ now: () => Date.now() - 600_000 }))
  callers.set('service token, taken down', service({}, net, takendown.did))
  callers.set('moderation service', service({}, home, moderator.did))
  callers.set('moderation service, other method', service({ lxm: 'com.example.other' }, home, moderator.did))
  callers.set(
    'moderation service, unknown service',
    service({ iss: `${moderator.did}#other` }, home, moderator.did),
  )
  callers.set('operator', () => basic('admin:operator-password'))
  callers.set('operator, wrong password', () => basic('admin:operator-passwor'))
  callers.set('operator, wrong name', () => basic('root:operator-password'))
})
afterAll(async () => {
  await view[Symbol.asyncDispose]()
  await net[Symbol.asyncDispose]()
  await home[Symbol.asyncDispose]()
})

const INPUT = '400 InvalidRequest'
const TOKEN = '400 InvalidToken'
const DEACTIVATED = '401 AccountDeactivated'
const TAKENDOWN = '401 AccountTakedown'
const REQUIRED = '401 AuthenticationRequired'

/** The callers of session methods, in the order of the columns below. */
const SESSIONS = [
  'access',
  'app password',
  'privileged app password',
  'access, deactivated',
  'app password, deactivated',
  'access, taken down since',
  'signed in to leave',
] as const
const OTHERS = [
  'refresh',
  'service token',
  'service token, other method',
  'service token, other audience',
  'service token, other key',
  'service token, expired',
  'service token, taken down',
  'moderation service',
  'moderation service, other method',
  'moderation service, unknown service',
  'operator',
  'operator, wrong password',
  'operator, wrong name',
] as const

type Outcomes = Readonly<Record<string, string>>
const each = (names: readonly string[], outcomes: string | readonly string[]): Outcomes =>
  Object.fromEntries(names.map((name, i) => [name, typeof outcomes === 'string' ? outcomes : outcomes[i]!]))

/** `ok` stands for what the method answers to those who may call it. */
const session = (...outcomes: readonly string[]): Outcomes => ({
  nobody: '401 AuthMissing',
  ...each(SESSIONS, outcomes),
  ...each(OTHERS, TOKEN),
})
const service: Outcomes = {
  'service token, other method': '401 BadJwtLexiconMethod',
  'service token, other audience': '401 BadJwtAudience',
  'service token, expired': '401 JwtExpired',
  'moderation service, other method': '401 BadJwtLexiconMethod',
}
const moderation: Outcomes = {
  ...service,
  'service token': '401 UntrustedIss',
  'service token, other key': '401 UntrustedIss',
  'service token, taken down': '401 UntrustedIss',
  'moderation service, unknown service': '401 UntrustedIss',
}
const operator: Outcomes = {
  operator: 'ok',
  'operator, wrong password': REQUIRED,
  'operator, wrong name': REQUIRED,
}

const CLASSES = {
  /** Whoever is there. */
  open: { nobody: 'ok', ...each([...SESSIONS, ...OTHERS], 'ok') },
  /** A session of an active account. */
  active: session('ok', 'ok', 'ok', DEACTIVATED, DEACTIVATED, TAKENDOWN, TOKEN),
  /** … or of a deactivated one. */
  any: session('ok', 'ok', 'ok', 'ok', 'ok', TAKENDOWN, TOKEN),
  /** … or of one that was taken down. */
  every: session('ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok'),
  /** … for making an account elsewhere, which a plain app password may not. */
  leave: session('ok', INPUT, 'ok', 'ok', INPUT, 'ok', 'ok'),
  /** The account's own password. */
  full: session('ok', TOKEN, TOKEN, 'ok', TOKEN, TAKENDOWN, TOKEN),
  fullEvery: session('ok', TOKEN, TOKEN, 'ok', TOKEN, 'ok', 'ok'),
  /** The operator's password. */
  operator: { nobody: REQUIRED, ...each([...SESSIONS, ...OTHERS], REQUIRED), ...operator },
  /** … or the moderation service. */
  moderator: {
    nobody: REQUIRED,
    ...each([...SESSIONS, 'refresh'], '401 BadJwt'),
    ...operator,
    ...moderation,
    'moderation service': 'ok',
  },
  /** A session, or a service token of an account that lives here. */
  upload: {
    ...session('ok', 'ok', 'ok', 'ok', 'ok', TAKENDOWN, TOKEN),
    ...service,
    'service token': 'ok',
    'service token, other key': '401 BadJwtSignature',
    'service token, taken down': TAKENDOWN,
    'moderation service': REQUIRED,
    'moderation service, unknown service': '401 UntrustedIss',
  },
  /** A session, or the moderation service, which says whose preferences it wants. */
  preferences: {
    ...session('ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok'),
    ...moderation,
    'moderation service': INPUT,
  },
} as const satisfies Record<string, Outcomes>

type Row = readonly [keyof typeof CLASSES, ok?: string, params?: (() => Record<string, string>) | undefined]
const repo = (): Record<string, string> => ({ did: active.did })
const named = (): Record<string, string> => ({ repo: active.did, collection: 'app.bsky.feed.post' })

/**
 * Every method of this server. A procedure is called without its input, or with one where it takes none: who may call it is
 * told so (`400 InvalidRequest`), and nothing happens.
 */
const METHODS: Readonly<Record<string, Row>> = {
  'app.bsky.actor.getPreferences': ['preferences', '200 '],
  'app.bsky.actor.putPreferences': ['any'],
  'app.bsky.notification.registerPush': ['any'],
  'app.bsky.notification.unregisterPush': ['any'],
  'com.atproto.admin.deleteAccount': ['operator'],
  'com.atproto.admin.disableAccountInvites': ['moderator'],
  'com.atproto.admin.disableInviteCodes': ['moderator'],
  'com.atproto.admin.enableAccountInvites': ['moderator'],
  'com.atproto.admin.getAccountInfo': ['moderator', '200 ', repo],
  'com.atproto.admin.getAccountInfos': ['moderator', '200 ', () => ({ dids: active.did })],
  'com.atproto.admin.getInviteCodes': ['moderator', '200 '],
  'com.atproto.admin.getSubjectStatus': ['moderator', '200 ', repo],
  'com.atproto.admin.searchAccounts': ['operator', '200 '],
  'com.atproto.admin.sendEmail': ['moderator'],
  'com.atproto.admin.updateAccountEmail': ['operator'],
  'com.atproto.admin.updateAccountHandle': ['operator'],
  'com.atproto.admin.updateAccountPassword': ['operator'],
  'com.atproto.admin.updateSubjectStatus': ['moderator'],
  'com.atproto.identity.getRecommendedDidCredentials': ['any', '200 '],
  'com.atproto.identity.refreshIdentity': ['any'],
  'com.atproto.identity.requestPlcOperationSignature': ['fullEvery'],
  'com.atproto.identity.resolveDid': ['open', '200 ', repo],
  'com.atproto.identity.resolveHandle': ['open', '200 ', () => ({ handle: active.handle })],
  'com.atproto.identity.resolveIdentity': ['open', '200 ', () => ({ identifier: active.did })],
  'com.atproto.identity.signPlcOperation': ['fullEvery'],
  'com.atproto.identity.submitPlcOperation': ['full'],
  'com.atproto.identity.updateHandle': ['any'],
  'com.atproto.repo.applyWrites': ['active'],
  'com.atproto.repo.createRecord': ['active'],
  'com.atproto.repo.deleteRecord': ['active'],
  'com.atproto.repo.describeRepo': ['open', '200 ', () => ({ repo: active.did })],
  'com.atproto.repo.getRecord': ['open', '400 RecordNotFound', () => ({ ...named(), rkey: 'x' })],
  'com.atproto.repo.importRepo': ['full'],
  'com.atproto.repo.listMissingBlobs': ['any', '200 '],
  'com.atproto.repo.listRecords': ['open', '200 ', named],
  'com.atproto.repo.putRecord': ['active'],
  'com.atproto.repo.uploadBlob': ['upload'],
  'com.atproto.server.activateAccount': ['full'],
  'com.atproto.server.checkAccountStatus': ['every', '200 '],
  'com.atproto.server.confirmEmail': ['full'],
  'com.atproto.server.createAccount': ['open'],
  'com.atproto.server.createAppPassword': ['full'],
  'com.atproto.server.createInviteCode': ['operator'],
  'com.atproto.server.createInviteCodes': ['operator'],
  'com.atproto.server.createSession': ['open'],
  'com.atproto.server.deactivateAccount': ['fullEvery'],
  'com.atproto.server.deleteAccount': ['open'],
  // Sessions are refreshed and ended by a token of their own: see the tests below.
  'com.atproto.server.deleteSession': ['open'],
  'com.atproto.server.refreshSession': ['open'],
  'com.atproto.server.describeServer': ['open', '200 '],
  'com.atproto.server.getAccountInviteCodes': ['full', '200 '],
  'com.atproto.server.getServiceAuth': [
    'leave',
    '200 ',
    () => ({ aud: 'did:web:example.com', lxm: 'com.atproto.server.createAccount' }),
  ],
  'com.atproto.server.getSession': ['every', '200 '],
  'com.atproto.server.listAppPasswords': ['any', '200 '],
  'com.atproto.server.requestAccountDelete': ['fullEvery'],
  'com.atproto.server.requestEmailConfirmation': ['any'],
  'com.atproto.server.requestEmailUpdate': ['full'],
  'com.atproto.server.requestPasswordReset': ['open'],
  'com.atproto.server.reserveSigningKey': ['open'],
  'com.atproto.server.resetPassword': ['open'],
  'com.atproto.server.revokeAppPassword': ['full'],
  'com.atproto.server.updateEmail': ['full'],
  'com.atproto.sync.getBlob': [
    'open',
    INPUT,
    () => ({ ...repo(), cid: 'bafkreiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }),
  ],
  'com.atproto.sync.getBlocks': ['open', INPUT, () => ({ ...repo(), cids: 'x' })],
  'com.atproto.sync.getCheckout': ['open', '200 ', repo],
  'com.atproto.sync.getHead': ['open', '200 ', repo],
  'com.atproto.sync.getLatestCommit': ['open', '200 ', repo],
  'com.atproto.sync.getRecord': ['open', '200 ', () => ({ ...repo(), collection: 'a.b.c', rkey: 'x' })],
  'com.atproto.sync.getRepo': ['open', '200 ', repo],
  'com.atproto.sync.getRepoStatus': ['open', '200 ', repo],
  'com.atproto.sync.listBlobs': ['open', '200 ', repo],
  'com.atproto.sync.listRepos': ['open', '200 '],
  'com.atproto.sync.listReposByCollection': ['open', '200 ', () => ({ collection: 'a.b.c' })],
  'com.atproto.sync.subscribeRepos': ['open', '426 UpgradeRequired'],
  'com.atproto.temp.checkSignupQueue': ['any', '200 '],
}

test('every method has a row, and every row a method', () => {
  expect(Object.keys(METHODS).toSorted()).toEqual(servedMethods().toSorted())
})

/** What the classes of sessions are in the words of declarations; null for methods that are for nobody's session. */
const SAID: Partial<Record<Row[0], AccessNeeds | null>> = {
  open: null,
  operator: null,
  moderator: null,
  any: { deactivated: true },
  every: { deactivated: true, takendown: true },
  leave: { deactivated: true, takendown: true },
  full: { full: true, deactivated: true },
  fullEvery: { full: true, deactivated: true, takendown: true },
  preferences: { deactivated: true, takendown: true },
}

test('what a method says beside it of sessions is what they are answered', () => {
  const found: Record<string, unknown> = {}
  const wanted: Record<string, unknown> = {}
  for (const [nsid, [kind]] of Object.entries(METHODS)) {
    // Those of repositories say what an owner needs, and this app says the rest.
    if (nsid.startsWith('com.atproto.repo.')) continue
    const { oauth: _, ...needs } = (declared.get(nsid) ?? {}) as AccessNeeds
    found[nsid] = declared.get(nsid) === undefined ? null : needs
    wanted[nsid] = SAID[kind]
  }
  expect(found).toEqual(wanted)
})

async function call(nsid: string, authorization: string | undefined, params = {}): Promise<string> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
  const schema = lexicons.catalog.method(nsid)!
  if (schema.type !== 'procedure') return failure(await net.get(nsid, { headers, params }))
  return failure(await net.post(nsid, { headers, ...(schema.input === null ? { input: {} } : {}) }))
}

test.each(Object.entries(METHODS))('who may call %s', async (nsid, [kind, ok = INPUT, params]) => {
  const wanted: Outcomes = CLASSES[kind]
  expect(Object.keys(wanted).toSorted()).toEqual([...callers.keys()].toSorted())
  const found: Record<string, string> = {}
  for (const [name, authorize] of callers) {
    // One after the other, so that an answer belongs to its caller.
    found[name] = await call(nsid, await authorize(nsid), params?.())
  }
  expect(found).toEqual(
    Object.fromEntries(
      Object.entries(wanted).map(([name, outcome]) => [name, outcome === 'ok' ? ok : outcome]),
    ),
  )
})

test.each(['refreshSession', 'deleteSession'])('%s takes a refresh token alone', async (name) => {
  for (const [caller, authorize] of callers) {
    const nsid = `com.atproto.server.${name}`
    const authorization = await authorize(nsid)
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
    const wanted = caller === 'nobody' ? '401 AuthMissing' : caller === 'refresh' ? '200 ' : TOKEN
    expect([caller, failure(await net.post(nsid, { headers }))]).toEqual([caller, wanted])
  }
})

test.each(['getRepo', 'getHead', 'getLatestCommit', 'getCheckout', 'getBlocks', 'listBlobs', 'getRecord'])(
  '%s of a hidden account is for its owner and the operator',
  async (name) => {
    const nsid = `com.atproto.sync.${name}`
    const read = async (did: string, caller: string): Promise<string> => {
      const head = await net.get('com.atproto.sync.getLatestCommit', { params: { did }, admin: true })
      const params = {
        did,
        ...(name === 'getRecord' ? { collection: 'a.b.c', rkey: 'x' } : {}),
        ...(name === 'getBlocks' ? { cids: head.body.cid } : {}),
      }
      return call(nsid, await callers.get(caller)!(nsid), params)
    }
    for (const caller of ['nobody', 'access', 'refresh', 'operator, wrong password', 'service token']) {
      expect([caller, await read(deactivated.did, caller)]).toEqual([caller, '400 RepoDeactivated'])
      expect([caller, await read(takendown.did, caller)]).toEqual([caller, '400 RepoTakendown'])
    }
    for (const caller of ['access, deactivated', 'app password, deactivated', 'operator']) {
      expect([caller, await read(deactivated.did, caller)]).toEqual([caller, '200 '])
    }
    for (const caller of ['access, taken down since', 'signed in to leave', 'operator']) {
      expect([caller, await read(takendown.did, caller)]).toEqual([caller, '200 '])
    }
  },
)

test.each([
  ['app.bsky.feed.getTimeline', 'any'],
  ['chat.bsky.convo.listConvos', 'chat'],
  ['com.atproto.moderation.createReport', 'report'],
] as const)('who may have %s asked of its service', async (nsid, kind) => {
  const wanted: Outcomes = {
    any: session('ok', 'ok', 'ok', 'ok', 'ok', TAKENDOWN, TOKEN),
    chat: session('ok', TOKEN, 'ok', 'ok', TOKEN, TAKENDOWN, TOKEN),
    report: session('ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok'),
  }[kind]
  const before = view.seen.length
  let asked = 0
  for (const [caller, authorize] of callers) {
    const outcome = wanted[caller] === 'ok' ? '200 ' : wanted[caller]!
    if (outcome === '200 ') asked += 1
    const headers: Record<string, string> = { 'atproto-proxy': `${view.did}#view` }
    const authorization = await authorize(nsid)
    if (authorization !== undefined) headers['authorization'] = authorization
    const answer =
      kind === 'report' ? await net.post(nsid, { headers, input: {} }) : await net.get(nsid, { headers })
    expect([caller, failure(answer)]).toEqual([caller, outcome])
  }
  // Who is refused is not heard of over there.
  expect(view.seen.length - before).toBe(asked)
})

test('a redirect of a service is not followed, and nothing of the caller goes to where it leads', async () => {
  const other = await startService(['view'])
  for (const status of [301, 302, 303, 307, 308]) {
    view.answer = () => ({ status, headers: { location: `${other.url}/xrpc/app.bsky.feed.getTimeline` } })
    const headers = { 'atproto-proxy': `${view.did}#view` }
    const answer = await net.get('app.bsky.feed.getTimeline', { token: active.accessJwt, headers })
    expect([status, failure(answer)]).toEqual([status, '502 UpstreamFailure'])
  }
  view.answer = echo
  expect(other.seen).toEqual([])
  await other[Symbol.asyncDispose]()
})
