// Every method against every kind of credential, wrong HTTP methods, wrong content types and missing input.
import type { Call } from '../calls.ts'

type Access = 'open' | 'user' | 'full' | 'admin' | 'refresh'

interface Method {
  readonly nsid: string
  readonly kind: 'GET' | 'POST'
  /** Who may call it: anybody, a session, only one by the account's own password, the operator, a refresh token. */
  readonly access: Access
  readonly params?: Readonly<Record<string, unknown>>
  readonly input?: unknown
  /** Lists in the answer without an order of their own. */
  readonly unordered?: readonly string[]
  /** A body that is not JSON. */
  readonly bytes?: readonly [type: string, bytes: string]
}

const repo = '{self.did}'
const collection = 'com.example.note'
const record = { $type: collection, text: 'hello' }
const did = '{alice.did}'
const subject = { $type: 'com.atproto.admin.defs#repoRef', did: '{robert.did}' }

const query = (nsid: string, access: Access, params: Method['params'] = {}): Method => ({
  nsid,
  kind: 'GET',
  access,
  params,
})
const procedure = (nsid: string, access: Access, input?: unknown): Method => ({
  nsid,
  kind: 'POST',
  access,
  input,
})

const METHODS: readonly Method[] = [
  query('com.atproto.server.describeServer', 'open'),
  query('com.atproto.server.getSession', 'user'),
  query('com.atproto.server.checkAccountStatus', 'user'),
  query('com.atproto.server.getServiceAuth', 'user', {
    aud: 'did:web:example.com',
    lxm: 'app.bsky.feed.getTimeline',
  }),
  { ...query('com.atproto.server.listAppPasswords', 'full'), unordered: ['body.passwords'] },
  query('com.atproto.server.getAccountInviteCodes', 'full'),
  procedure('com.atproto.server.createAppPassword', 'full', { name: 'another' }),
  procedure('com.atproto.server.revokeAppPassword', 'full', { name: 'another' }),
  procedure('com.atproto.server.requestEmailConfirmation', 'full'),
  procedure('com.atproto.server.confirmEmail', 'full', { email: 'wrong@example.com', token: 'AAAAA-AAAAA' }),
  procedure('com.atproto.server.requestEmailUpdate', 'full'),
  procedure('com.atproto.server.updateEmail', 'full', { email: 'not an address' }),
  procedure('com.atproto.server.requestAccountDelete', 'full'),
  procedure('com.atproto.server.refreshSession', 'refresh'),
  procedure('com.atproto.server.deleteSession', 'refresh'),
  procedure('com.atproto.server.createSession', 'open', { identifier: 'nobody.test', password: 'wrong' }),
  procedure('com.atproto.server.createAccount', 'open', {
    handle: 'x.test',
    email: 'x@example.com',
    password: 'x',
  }),
  procedure('com.atproto.server.requestPasswordReset', 'open', { email: 'nobody@example.com' }),
  procedure('com.atproto.server.resetPassword', 'open', { token: 'AAAAA-AAAAA', password: 'x' }),
  procedure('com.atproto.server.deleteAccount', 'open', { did, password: 'wrong', token: 'AAAAA-AAAAA' }),
  procedure('com.atproto.server.createInviteCode', 'admin', { useCount: 1 }),
  procedure('com.atproto.server.createInviteCodes', 'admin', { codeCount: 1, useCount: 1 }),
  procedure('com.atproto.server.reserveSigningKey', 'open', {}),

  procedure('com.atproto.repo.createRecord', 'user', { repo, collection, record }),
  procedure('com.atproto.repo.putRecord', 'user', { repo, collection, rkey: 'one', record }),
  procedure('com.atproto.repo.deleteRecord', 'user', { repo, collection, rkey: 'one' }),
  procedure('com.atproto.repo.applyWrites', 'user', {
    repo,
    writes: [{ $type: 'com.atproto.repo.applyWrites#create', collection, rkey: 'two', value: record }],
  }),
  query('com.atproto.repo.getRecord', 'open', { repo: did, collection, rkey: 'none' }),
  query('com.atproto.repo.listRecords', 'open', { repo: did, collection }),
  query('com.atproto.repo.describeRepo', 'open', { repo: did }),
  query('com.atproto.repo.listMissingBlobs', 'user'),
  { nsid: 'com.atproto.repo.uploadBlob', kind: 'POST', access: 'user', bytes: ['text/plain', 'some text'] },
  {
    nsid: 'com.atproto.repo.importRepo',
    kind: 'POST',
    access: 'full',
    bytes: ['application/vnd.ipld.car', 'no CAR'],
  },

  query('com.atproto.identity.resolveHandle', 'open', { handle: 'alice.test' }),
  query('com.atproto.identity.getRecommendedDidCredentials', 'user'),
  procedure('com.atproto.identity.updateHandle', 'user', { handle: 'not a handle' }),
  procedure('com.atproto.identity.requestPlcOperationSignature', 'full'),
  procedure('com.atproto.identity.signPlcOperation', 'full', { token: 'AAAAA-AAAAA' }),
  procedure('com.atproto.identity.submitPlcOperation', 'user', { operation: {} }),

  query('com.atproto.sync.getRepo', 'open', { did }),
  query('com.atproto.sync.getRecord', 'open', { did, collection, rkey: 'none' }),
  query('com.atproto.sync.getBlob', 'open', {
    did,
    cid: 'bafkreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm',
  }),
  query('com.atproto.sync.getBlocks', 'open', {
    did,
    cids: ['bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm'],
  }),
  query('com.atproto.sync.getLatestCommit', 'open', { did }),
  query('com.atproto.sync.getRepoStatus', 'open', { did }),
  query('com.atproto.sync.listBlobs', 'open', { did }),
  query('com.atproto.sync.listRepos', 'open', { limit: '1001' }),
  query('com.atproto.sync.getHead', 'open', { did }),
  query('com.atproto.sync.getCheckout', 'open', { did }),

  query('com.atproto.admin.getAccountInfo', 'admin', { did }),
  query('com.atproto.admin.getAccountInfos', 'admin', { dids: [did] }),
  { ...query('com.atproto.admin.getInviteCodes', 'admin'), unordered: ['body.codes'] },
  query('com.atproto.admin.getSubjectStatus', 'admin', { did }),
  procedure('com.atproto.admin.updateSubjectStatus', 'admin', { subject, takedown: { applied: false } }),
  procedure('com.atproto.admin.deleteAccount', 'admin', { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }),
  procedure('com.atproto.admin.disableAccountInvites', 'admin', { account: '{robert.did}' }),
  procedure('com.atproto.admin.enableAccountInvites', 'admin', { account: '{robert.did}' }),
  procedure('com.atproto.admin.disableInviteCodes', 'admin', { codes: [] }),
  procedure('com.atproto.admin.sendEmail', 'admin', {
    recipientDid: '{robert.did}',
    content: 'hello',
    senderDid: 'did:web:example.com',
  }),
  procedure('com.atproto.admin.updateAccountEmail', 'admin', {
    account: '{robert.did}',
    email: 'robert@example.com',
  }),
  procedure('com.atproto.admin.updateAccountHandle', 'admin', { did: '{robert.did}', handle: 'robert.test' }),
  procedure('com.atproto.admin.updateAccountPassword', 'admin', {
    did: '{robert.did}',
    password: 'correct horse battery',
  }),

  query('com.atproto.temp.checkSignupQueue', 'user'),
  procedure('com.atproto.moderation.createReport', 'user', {
    reasonType: 'com.atproto.moderation.defs#reasonSpam',
    subject: { $type: 'com.atproto.admin.defs#repoRef', did: '{robert.did}' },
  }),
  query('app.bsky.actor.getPreferences', 'user'),
  procedure('app.bsky.actor.putPreferences', 'user', { preferences: [] }),
  query('app.bsky.actor.getProfile', 'user', { actor: did }),
  query('app.bsky.actor.getProfiles', 'user', { actors: [did] }),
  query('app.bsky.feed.getTimeline', 'user'),
  query('app.bsky.feed.getActorLikes', 'user', { actor: did }),
  query('app.bsky.feed.getAuthorFeed', 'user', { actor: did }),
  query('app.bsky.feed.getPostThread', 'user', { uri: 'at://{alice.did}/app.bsky.feed.post/none' }),
  procedure('app.bsky.notification.registerPush', 'user', {
    serviceDid: '{appView.did}',
    token: 'token',
    platform: 'ios',
    appId: 'app',
  }),
  query('chat.bsky.convo.listConvos', 'user'),
  query('app.bsky.unspecced.getPopularFeedGenerators', 'user'),
]

/** A token of the right shape, signed by nobody's key. */
const FORGED = [
  { typ: 'at+jwt', alg: 'HS256' },
  {
    scope: 'com.atproto.access',
    sub: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
    aud: 'did:web:localhost',
    exp: 4102444800,
  },
]
  .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  .concat('c2lnbmF0dXJl')
  .join('.')

/** Each situation: its name, the header, and whose DID `{self.did}` means. */
const CREDENTIALS: readonly (readonly [situation: string, auth: string | undefined, self: string])[] = [
  ['without credentials', undefined, 'alice'],
  ['with a token that is none', 'Bearer garbage', 'alice'],
  ['with a forged token', `Bearer ${FORGED}`, 'alice'],
  ['with an unknown scheme', 'Digest abc', 'alice'],
  ['with a bare scheme', 'Bearer ', 'alice'],
  ['with the wrong operator password', `Basic ${Buffer.from('admin:wrong').toString('base64')}`, 'alice'],
  ['with a refresh token', 'Bearer {robert.refreshJwt}', 'robert'],
  ['with an app password', 'plain', 'plain'],
  ['with a privileged app password', 'privileged', 'privileged'],
  ['by a deactivated account', 'sleeper', 'sleeper'],
  ['by an account taken down', 'banned', 'banned'],
  ['by a guest session of an account taken down', 'bannedGuest', 'bannedGuest'],
  ['by a deleted account', 'gone', 'gone'],
]

function call(method: Method, situation: string, auth: string | undefined, self: string): Call {
  const own = JSON.parse(JSON.stringify(method).replaceAll('{self.', `{${self}.`)) as Method
  const { nsid, kind, params = {}, input, bytes, unordered } = own
  return {
    name: `${nsid}: ${situation}`,
    method: kind,
    path: `/xrpc/${nsid}`,
    params,
    ...(input === undefined ? {} : { input }),
    ...(bytes === undefined ? {} : { bytes: bytes[1], headers: { 'content-type': bytes[0] } }),
    ...(auth === undefined ? {} : { auth }),
    ...(unordered === undefined ? {} : { unordered }),
  }
}

/** Whom a method that checks nobody's credentials is not asked as. */
const isTested = ({ access }: Method, situation: string): boolean =>
  access !== 'open' || situation === 'with a token that is none' || situation === 'with an unknown scheme'

const by = ({ access }: Method): string | undefined =>
  access === 'admin'
    ? 'admin'
    : access === 'refresh'
      ? 'Bearer {robert.refreshJwt}'
      : access === 'open'
        ? undefined
        : 'robert'

const credentialCalls = METHODS.flatMap((method) =>
  CREDENTIALS.filter(
    ([situation]) =>
      isTested(method, situation) &&
      // These take the token; what they do with the right one is told in `server.ts`.
      !(method.access === 'refresh' && situation === 'with a refresh token'),
  ).map(([situation, auth, self]) => call(method, situation, auth, self)),
)

const shapeCalls = METHODS.flatMap((method): Call[] => {
  const auth = by(method)
  const calls: Call[] = []
  const own = call(method, '', auth, 'robert')
  const other = method.kind === 'GET' ? 'POST' : 'GET'
  const { input: _input, bytes: _bytes, ...bare } = own
  calls.push({ ...bare, name: `${method.nsid}: sent as ${other}`, method: other })
  calls.push({ ...bare, name: `${method.nsid}: sent as PUT`, method: 'PUT' })
  if (
    method.kind === 'GET' &&
    Object.keys(method.params ?? {}).length > 0 &&
    !method.nsid.endsWith('.listRepos')
  ) {
    calls.push({ ...own, name: `${method.nsid}: without parameters`, params: {} })
  }
  if (method.input !== undefined) {
    calls.push({ ...bare, name: `${method.nsid}: without a body` })
    calls.push({ ...bare, name: `${method.nsid}: with an empty object`, input: {} })
    const headers = { 'content-type': 'application/json' }
    calls.push({ ...bare, name: `${method.nsid}: with half an object`, bytes: '{"a":', headers })
    const text = { 'content-type': 'text/plain' }
    calls.push({
      ...bare,
      name: `${method.nsid}: with a body of text`,
      bytes: JSON.stringify(own.input),
      headers: text,
    })
  }
  return calls
})

export const authorizationCalls: readonly Call[] = [...credentialCalls, ...shapeCalls]
