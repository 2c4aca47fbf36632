// com.atproto.server and com.atproto.temp: sign-up, sessions, app passwords, invites, service tokens.
import { get, PASSWORD, post, session, signIn, signUp, type Call } from '../calls.ts'
import { mailCodes } from './mail-codes.ts'

const createAccount = (situation: string, input: object, extra: object = {}): Call =>
  post(
    'com.atproto.server.createAccount',
    situation,
    { email: 'new@example.com', password: PASSWORD, ...input },
    extra,
  )

const signUps: readonly Call[] = [
  get('com.atproto.server.describeServer', 'anybody asks'),
  createAccount('handle taken', { handle: 'alice.test' }),
  createAccount('handle taken in upper case', { handle: 'ALICE.test' }),
  createAccount('e-mail taken', { handle: 'newcomer.test', email: 'alice@example.com' }),
  createAccount('e-mail taken in upper case', { handle: 'newcomer.test', email: 'Alice@Example.com' }),
  createAccount('e-mail that is none', { handle: 'newcomer.test', email: 'not an address' }),
  createAccount('no e-mail', { handle: 'newcomer.test', email: undefined }),
  createAccount('disposable e-mail', { handle: 'newcomer.test', email: 'x@mailinator.com' }),
  createAccount('no password', { handle: 'newcomer.test', email: 'np@example.com', password: undefined }),
  createAccount('password of 257 characters', { handle: 'newcomer2.test', password: 'x'.repeat(257) }),
  createAccount('password of 256 characters', {
    handle: 'longpass.test',
    email: 'lp@example.com',
    password: 'x'.repeat(256),
  }),
  createAccount('handle of another domain', { handle: 'newcomer.example.com' }),
  createAccount('handle that is none', { handle: 'a_b.test' }),
  createAccount('handle with a label too many', { handle: 'new.comer.test' }),
  createAccount('handle too short', { handle: 'ab.test' }),
  createAccount('handle of 3 characters', { handle: 'abc.test', email: 'abc@example.com' }),
  createAccount('handle of 18 characters', { handle: `${'a'.repeat(18)}.test`, email: 'a18@example.com' }),
  createAccount('handle of 19 characters', { handle: `${'a'.repeat(19)}.test` }),
  createAccount(
    'handle in upper case',
    { handle: 'UPPER.test', email: 'Upper@Example.com' },
    { save: session('upper') },
  ),
  createAccount('reserved handle', { handle: 'admin.test' }),
  createAccount('handle of a well-known name', { handle: 'barackobama.test' }),
  createAccount('handle with a hyphen in front', { handle: '-abc.test' }),
  createAccount('an invite code that nobody asked for', {
    handle: 'invited.test',
    email: 'i@example.com',
    inviteCode: 'none',
  }),
  createAccount('a recovery key', {
    handle: 'recovery.test',
    email: 'r@example.com',
    recoveryKey: 'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme',
  }),
  createAccount('a recovery key that is none', {
    handle: 'recovery2.test',
    email: 'r2@example.com',
    recoveryKey: 'did:key:zzz',
  }),
  createAccount('somebody else’s DID without proof', { handle: 'thief.test', did: '{alice.did}' }),
  createAccount(
    'somebody else’s DID with a session',
    { handle: 'thief.test', did: '{alice.did}' },
    { auth: 'robert' },
  ),
  createAccount('a DID of another method', { handle: 'thief.test', did: 'did:example:abc' }),
  createAccount('a PLC operation', { handle: 'plcop.test', plcOp: { type: 'plc_operation' } }),
  createAccount('no handle', {}),
]

const sessions: readonly Call[] = [
  signIn('alice2', 'alice.test', PASSWORD, 'by handle'),
  signIn('alice2', 'ALICE.test', PASSWORD, 'by handle in upper case'),
  signIn('alice2', 'alice@example.com', PASSWORD, 'by e-mail'),
  signIn('alice2', 'Alice@Example.COM', PASSWORD, 'by e-mail in upper case'),
  signIn('alice2', '{alice.did}', PASSWORD, 'by DID'),
  signIn('none', 'alice.test', 'wrong', 'with a wrong password'),
  signIn('none', 'alice.test', '', 'with an empty password'),
  signIn('none', 'alice.test', 'x'.repeat(513), 'with a password of 513 characters'),
  signIn('none', '', PASSWORD, 'with an empty identifier'),
  signIn('none', '@alice.test', PASSWORD, 'by handle with an at sign'),
  signIn('none', ' alice.test', PASSWORD, 'by handle with a space in front'),
  signIn('none', 'alice.test', PASSWORD, 'with a second factor nobody asked for', {
    authFactorToken: 'AAAAA-AAAAA',
  }),
  get('com.atproto.server.getSession', 'own password', {}, { auth: 'alice2' }),
  get('com.atproto.server.getSession', 'app password', {}, { auth: 'plain' }),
  get('com.atproto.server.getSession', 'scheme in lower case', {}, { auth: 'bearer {alice2.accessJwt}' }),
  get(
    'com.atproto.server.getSession',
    'two spaces after the scheme',
    {},
    { auth: 'Bearer  {alice2.accessJwt}' },
  ),
  post('com.atproto.server.refreshSession', 'once', undefined, {
    auth: 'Bearer {alice2.refreshJwt}',
    save: { 'alice3.accessJwt': 'accessJwt', 'alice3.refreshJwt': 'refreshJwt' },
  }),
  post('com.atproto.server.refreshSession', 'the same token again', undefined, {
    auth: 'Bearer {alice2.refreshJwt}',
  }),
  post('com.atproto.server.refreshSession', 'with a body', {}, { auth: 'Bearer {alice3.refreshJwt}' }),
  post('com.atproto.server.refreshSession', 'with an access token', undefined, { auth: 'alice2' }),
  post('com.atproto.server.refreshSession', 'the token of a deactivated account', undefined, {
    auth: 'Bearer {sleeper.refreshJwt}',
  }),
  post('com.atproto.server.refreshSession', 'the token of an account taken down', undefined, {
    auth: 'Bearer {banned.refreshJwt}',
  }),
  post('com.atproto.server.refreshSession', 'the token of a deleted account', undefined, {
    auth: 'Bearer {gone.refreshJwt}',
  }),
  post('com.atproto.server.deleteSession', 'with the refresh token', undefined, {
    auth: 'Bearer {alice3.refreshJwt}',
  }),
  post('com.atproto.server.refreshSession', 'after deleteSession', undefined, {
    auth: 'Bearer {alice3.refreshJwt}',
  }),
  post('com.atproto.server.deleteSession', 'again', undefined, { auth: 'Bearer {alice3.refreshJwt}' }),
  get('com.atproto.server.getSession', 'access token after deleteSession', {}, { auth: 'alice3' }),
]

const appPassword = (situation: string, input: object, extra: object = {}): Call =>
  post('com.atproto.server.createAppPassword', situation, input, { auth: 'alice', ...extra })

const appPasswords: readonly Call[] = [
  appPassword('plain', { name: 'first' }, { save: { first: 'password' } }),
  appPassword('name taken', { name: 'first' }),
  appPassword('empty name', { name: '' }),
  appPassword('privileged', { name: 'second', privileged: true }),
  get('com.atproto.server.listAppPasswords', 'two', {}, { auth: 'alice', unordered: ['body.passwords'] }),
  signIn('first', 'alice.test', '{first}', 'with a new app password'),
  post('com.atproto.server.revokeAppPassword', 'one', { name: 'first' }, { auth: 'alice' }),
  post('com.atproto.server.revokeAppPassword', 'one that is not there', { name: 'never' }, { auth: 'alice' }),
  signIn('first2', 'alice.test', '{first}', 'with a revoked app password'),
  post('com.atproto.server.refreshSession', 'of a revoked app password', undefined, {
    auth: 'Bearer {first.refreshJwt}',
  }),
  get('com.atproto.server.getSession', 'of a revoked app password', {}, { auth: 'first' }),
]

const lifecycle: readonly Call[] = [
  signUp('life'),
  get('com.atproto.server.checkAccountStatus', 'active', {}, { auth: 'life' }),
  post('com.atproto.server.activateAccount', 'active already', undefined, { auth: 'life' }),
  post('com.atproto.server.deactivateAccount', 'without a body', undefined, { auth: 'life' }),
  post('com.atproto.server.deactivateAccount', 'again', {}, { auth: 'life' }),
  get('com.atproto.server.checkAccountStatus', 'deactivated', {}, { auth: 'life' }),
  get('com.atproto.server.getSession', 'deactivated', {}, { auth: 'life' }),
  get('com.atproto.sync.getRepoStatus', 'deactivated', { did: '{life.did}' }),
  get('com.atproto.identity.resolveHandle', 'deactivated', { handle: 'life.test' }),
  post('com.atproto.server.activateAccount', 'deactivated', undefined, { auth: 'life' }),
  get('com.atproto.server.checkAccountStatus', 'active again', {}, { auth: 'life' }),
  post(
    'com.atproto.server.deactivateAccount',
    'deleteAfter in the past',
    { deleteAfter: '{time.past}' },
    { auth: 'life' },
  ),
  post(
    'com.atproto.server.deactivateAccount',
    'deleteAfter in 60 days',
    { deleteAfter: '{time.in60Days}' },
    { auth: 'life' },
  ),
  post(
    'com.atproto.server.deactivateAccount',
    'deleteAfter that is no time',
    { deleteAfter: 'soon' },
    { auth: 'life' },
  ),
]

const serviceAuth = (situation: string, params: Call['params'], auth = 'alice'): Call =>
  get('com.atproto.server.getServiceAuth', situation, params, { auth })
const aud = 'did:web:example.com'
const lxm = 'app.bsky.feed.getTimeline'

const serviceTokens: readonly Call[] = [
  serviceAuth('for a method', { aud, lxm }),
  serviceAuth('for any method', { aud }),
  serviceAuth('for any method, 50 seconds', { aud, exp: '{time.second+50}' }),
  serviceAuth('for any method, half an hour', { aud, exp: '{time.second+1800}' }),
  serviceAuth('half an hour', { aud, lxm, exp: '{time.second+1800}' }),
  serviceAuth('two hours', { aud, lxm, exp: '{time.second+7200}' }),
  serviceAuth('expired', { aud, lxm, exp: '{time.second-60}' }),
  serviceAuth('exp that is no number', { aud, lxm, exp: 'soon' }),
  serviceAuth('audience that is no DID', { aud: 'foo', lxm }),
  serviceAuth('audience with a service', { aud: `${aud}#bsky_appview`, lxm }),
  serviceAuth('method that is no NSID', { aud, lxm: 'foo' }),
  ...[
    'com.atproto.server.createAccount',
    'com.atproto.server.getSession',
    'com.atproto.server.deleteSession',
    'com.atproto.server.deactivateAccount',
    'com.atproto.server.createAppPassword',
    'com.atproto.repo.createRecord',
    'com.atproto.repo.uploadBlob',
    'com.atproto.repo.importRepo',
    'com.atproto.identity.signPlcOperation',
    'com.atproto.identity.updateHandle',
    'com.atproto.sync.getRepo',
    'com.atproto.admin.sendEmail',
    'com.atproto.admin.getAccountInfo',
    'com.atproto.temp.checkSignupQueue',
    'chat.bsky.convo.listConvos',
  ].flatMap((method) => [
    serviceAuth(`for ${method}`, { aud, lxm: method }),
    serviceAuth(`for ${method}, app password`, { aud, lxm: method }, 'plain'),
    serviceAuth(`for ${method}, privileged app password`, { aud, lxm: method }, 'privileged'),
  ]),
  serviceAuth(
    'for createAccount, account taken down',
    { aud, lxm: 'com.atproto.server.createAccount' },
    'bannedGuest',
  ),
]

const invites: readonly Call[] = [
  post(
    'com.atproto.server.createInviteCode',
    'two uses',
    { useCount: 2 },
    { auth: 'admin', save: { invite: 'code' } },
  ),
  post(
    'com.atproto.server.createInviteCode',
    'for an account',
    { useCount: 1, forAccount: '{alice.did}' },
    { auth: 'admin' },
  ),
  post('com.atproto.server.createInviteCode', 'no uses', { useCount: 0 }, { auth: 'admin' }),
  post('com.atproto.server.createInviteCode', 'uses as text', { useCount: 'two' }, { auth: 'admin' }),
  post(
    'com.atproto.server.createInviteCodes',
    'two for each of two',
    {
      codeCount: 2,
      useCount: 1,
      forAccounts: ['{alice.did}', '{robert.did}'],
    },
    { auth: 'admin' },
  ),
  get('com.atproto.server.getAccountInviteCodes', 'three', {}, { auth: 'alice', unordered: ['body.codes'] }),
  get(
    'com.atproto.server.getAccountInviteCodes',
    'without the used',
    { includeUsed: false },
    { auth: 'alice', unordered: ['body.codes'] },
  ),
  get(
    'com.atproto.server.getAccountInviteCodes',
    'createAvailable',
    { createAvailable: true },
    { auth: 'robert', unordered: ['body.codes'] },
  ),
  get('com.atproto.temp.checkSignupQueue', 'signed in', {}, { auth: 'alice' }),
  get('com.atproto.temp.checkSignupQueue', 'anybody'),
]

const keys: readonly Call[] = [
  post('com.atproto.server.reserveSigningKey', 'for no DID', {}),
  post(
    'com.atproto.server.reserveSigningKey',
    'for a DID',
    { did: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb' },
    { save: { 'reserved.key': 'signingKey' } },
  ),
  post('com.atproto.server.reserveSigningKey', 'for the same DID', {
    did: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb',
  }),
]

export const serverCalls: readonly Call[] = [
  ...signUps,
  ...sessions,
  ...appPasswords,
  ...mailCodes,
  ...lifecycle,
  ...serviceTokens,
  ...invites,
  ...keys,
]
