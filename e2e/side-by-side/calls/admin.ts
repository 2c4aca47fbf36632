// com.atproto.admin: the operator's acts and their traces.
import { get, PASSWORD, post, signIn, signUp, type Call } from '../calls.ts'

const auth = 'admin'
const info = (situation: string, params: object): Call =>
  get('com.atproto.admin.getAccountInfo', situation, { ...params }, { auth })
const status = (situation: string, params: object): Call =>
  get('com.atproto.admin.getSubjectStatus', situation, { ...params }, { auth })
const setStatus = (situation: string, input: object): Call =>
  post('com.atproto.admin.updateSubjectStatus', situation, input, { auth })
const repoRef = (did: string): object => ({ $type: 'com.atproto.admin.defs#repoRef', did })
const NOTE = 'com.example.note'
const record = { uri: 'at://{adam.did}/com.example.note/one', cid: '{one.cid}' }
const strongRef = { $type: 'com.atproto.repo.strongRef', ...record }
const blobRef = { $type: 'com.atproto.admin.defs#repoBlobRef', did: '{adam.did}', cid: '{adam.blob.cid}' }
const takedown = { applied: true, ref: 'case-1' }

export const adminCalls: readonly Call[] = [
  signUp('adam'),
  info('an active account', { did: '{adam.did}' }),
  info('a deactivated account', { did: '{sleeper.did}' }),
  info('an account taken down', { did: '{banned.did}' }),
  info('a deleted account', { did: '{gone.did}' }),
  info('a handle', { did: 'adam.test' }),
  get(
    'com.atproto.admin.getAccountInfos',
    'two and one unknown',
    {
      dids: ['{adam.did}', 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', '{alice.did}'],
    },
    { auth, unordered: ['body.infos'] },
  ),
  get('com.atproto.admin.getAccountInfos', 'none', {}, { auth }),
  get('com.atproto.admin.searchAccounts', 'by e-mail', { email: 'adam@example.com' }, { auth }),

  post(
    'com.atproto.admin.updateAccountHandle',
    'a new one',
    { did: '{adam.did}', handle: 'adam-two.test' },
    { auth },
  ),
  post(
    'com.atproto.admin.updateAccountHandle',
    'taken',
    { did: '{adam.did}', handle: 'alice.test' },
    { auth },
  ),
  post(
    'com.atproto.admin.updateAccountHandle',
    'reserved',
    { did: '{adam.did}', handle: 'admin.test' },
    { auth },
  ),
  post('com.atproto.admin.updateAccountHandle', 'none', { did: '{adam.did}', handle: 'x' }, { auth }),
  post(
    'com.atproto.admin.updateAccountHandle',
    'unknown account',
    {
      did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
      handle: 'free.test',
    },
    { auth },
  ),
  post(
    'com.atproto.admin.updateAccountEmail',
    'by DID',
    { account: '{adam.did}', email: 'adam2@example.com' },
    { auth },
  ),
  post(
    'com.atproto.admin.updateAccountEmail',
    'by handle',
    { account: 'adam-two.test', email: 'adam3@example.com' },
    { auth },
  ),
  post(
    'com.atproto.admin.updateAccountEmail',
    'taken',
    { account: '{adam.did}', email: 'alice@example.com' },
    { auth },
  ),
  post(
    'com.atproto.admin.updateAccountEmail',
    'no address',
    { account: '{stella.did}', email: 'x' },
    { auth },
  ),
  post(
    'com.atproto.admin.updateAccountEmail',
    'unknown account',
    {
      account: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
      email: 'x@example.com',
    },
    { auth },
  ),
  post(
    'com.atproto.admin.updateAccountPassword',
    'a new one',
    { did: '{adam.did}', password: 'third horse' },
    { auth },
  ),
  post(
    'com.atproto.admin.updateAccountPassword',
    'too long',
    { did: '{adam.did}', password: 'x'.repeat(257) },
    { auth },
  ),
  post(
    'com.atproto.admin.updateAccountPassword',
    'unknown account',
    {
      did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
      password: 'third horse',
    },
    { auth },
  ),
  signIn('none', 'adam-two.test', PASSWORD, 'with the password before the operator changed it'),
  signIn('adam', 'adam-two.test', 'third horse', 'with the password that the operator set'),
  post(
    'com.atproto.admin.sendEmail',
    'to an account',
    {
      recipientDid: '{adam.did}',
      content: 'hello',
      subject: 'a word',
      senderDid: 'did:web:example.com',
    },
    { auth },
  ),
  post(
    'com.atproto.admin.sendEmail',
    'to nobody',
    {
      recipientDid: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
      content: 'hello',
      senderDid: 'did:web:example.com',
    },
    { auth },
  ),

  post(
    'com.atproto.repo.createRecord',
    'one of adam',
    {
      repo: '{adam.did}',
      collection: NOTE,
      rkey: 'one',
      record: { $type: NOTE, text: 'one' },
    },
    { auth: 'adam', save: { 'one.cid': 'cid' } },
  ),
  {
    name: 'com.atproto.repo.uploadBlob: of adam',
    method: 'POST',
    path: '/xrpc/com.atproto.repo.uploadBlob',
    bytes: Buffer.from('a blob of adam'),
    headers: { 'content-type': 'text/plain' },
    auth: 'adam',
    save: { 'adam.blob': 'blob', 'adam.blob.cid': 'blob.ref.$link' },
  },
  post(
    'com.atproto.repo.createRecord',
    'a blob of adam',
    {
      repo: '{adam.did}',
      collection: NOTE,
      rkey: 'blob',
      record: { $type: NOTE, blob: '{adam.blob}' },
    },
    { auth: 'adam' },
  ),
  status('an account', { did: '{adam.did}' }),
  status('a record', { uri: record.uri }),
  status('a blob', { did: '{adam.did}', blob: '{adam.blob.cid}' }),
  status('an account taken down', { did: '{banned.did}' }),
  status('an account deactivated', { did: '{sleeper.did}' }),
  status('an account unknown', { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }),
  status('a record unknown', { uri: 'at://{adam.did}/com.example.note/none' }),
  status('a blob without its account', { blob: '{adam.blob.cid}' }),
  status('nothing', {}),
  setStatus('a record, taken down', { subject: strongRef, takedown }),
  status('a record taken down', { uri: record.uri }),
  get('com.atproto.repo.getRecord', 'taken down', { repo: '{adam.did}', collection: NOTE, rkey: 'one' }),
  get('com.atproto.repo.listRecords', 'one taken down', { repo: '{adam.did}', collection: NOTE }),
  get('com.atproto.sync.getRecord', 'taken down', { did: '{adam.did}', collection: NOTE, rkey: 'one' }),
  setStatus('a record, restored', { subject: strongRef, takedown: { applied: false } }),
  get('com.atproto.repo.getRecord', 'restored', { repo: '{adam.did}', collection: NOTE, rkey: 'one' }),
  setStatus('a blob, taken down', { subject: blobRef, takedown }),
  status('a blob taken down', { did: '{adam.did}', blob: '{adam.blob.cid}' }),
  get('com.atproto.sync.getBlob', 'taken down', { did: '{adam.did}', cid: '{adam.blob.cid}' }),
  setStatus('a blob, restored', { subject: blobRef, takedown: { applied: false } }),
  get('com.atproto.sync.getBlob', 'restored', { did: '{adam.did}', cid: '{adam.blob.cid}' }),
  setStatus('an account, deactivated', { subject: repoRef('{adam.did}'), deactivated: { applied: true } }),
  get('com.atproto.sync.getRepoStatus', 'deactivated by the operator', { did: '{adam.did}' }),
  setStatus('an account, activated', { subject: repoRef('{adam.did}'), deactivated: { applied: false } }),
  setStatus('an account, taken down without a case', {
    subject: repoRef('{adam.did}'),
    takedown: { applied: true },
  }),
  get('com.atproto.sync.getRepoStatus', 'taken down', { did: '{adam.did}' }),
  signIn('none', 'adam-two.test', 'third horse', 'of an account taken down just now'),
  setStatus('an account, restored', { subject: repoRef('{adam.did}'), takedown: { applied: false } }),
  get('com.atproto.sync.getRepoStatus', 'restored', { did: '{adam.did}' }),
  setStatus('an account unknown', { subject: repoRef('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'), takedown }),
  setStatus('a subject of no kind', { subject: { $type: 'com.example.subject' }, takedown }),
  setStatus('nothing to do', { subject: repoRef('{adam.did}') }),

  post(
    'com.atproto.server.createInviteCode',
    'one of adam',
    { useCount: 1, forAccount: '{adam.did}' },
    {
      auth,
      save: { 'adam.invite': 'code' },
    },
  ),
  post(
    'com.atproto.admin.disableAccountInvites',
    'of adam',
    { account: '{adam.did}', note: 'why' },
    { auth },
  ),
  info('invites disabled', { did: '{adam.did}' }),
  post('com.atproto.admin.enableAccountInvites', 'of adam', { account: '{adam.did}' }, { auth }),
  post(
    'com.atproto.admin.disableAccountInvites',
    'unknown account',
    { account: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' },
    { auth },
  ),
  post('com.atproto.admin.disableInviteCodes', 'one code', { codes: ['{adam.invite}'] }, { auth }),
  post('com.atproto.admin.disableInviteCodes', 'those of an account', { accounts: ['{adam.did}'] }, { auth }),
  post('com.atproto.admin.disableInviteCodes', 'those of the operator', { accounts: ['admin'] }, { auth }),
  get('com.atproto.server.getAccountInviteCodes', 'disabled', {}, { auth: 'adam' }),
  get(
    'com.atproto.admin.getInviteCodes',
    'newest',
    { sort: 'recent', limit: 1 },
    { auth, unordered: ['body.codes'] },
  ),
  get(
    'com.atproto.admin.getInviteCodes',
    'most used',
    { sort: 'usage' },
    { auth, unordered: ['body.codes'] },
  ),
  get('com.atproto.admin.getInviteCodes', 'sort of no kind', { sort: 'x' }, { auth }),
  get('com.atproto.admin.getInviteCodes', 'limit 501', { limit: 501 }, { auth }),
  get('com.atproto.admin.getInviteCodes', 'cursor of no kind', { cursor: 'x' }, { auth }),
  post('com.atproto.admin.deleteAccount', 'that there is', { did: '{adam.did}' }, { auth }),
  info('deleted just now', { did: '{adam.did}' }),
  get('com.atproto.sync.getRepoStatus', 'deleted by the operator', { did: '{adam.did}' }),
]
