// com.atproto.server: what is proved by a code sent by mail.
import { get, PASSWORD, post, signIn, signUp, type Call } from '../calls.ts'

/** Confirming and changing an address, resetting a password, deleting an account. */
export const mailCodes: readonly Call[] = [
  signUp('mabel'),
  post('com.atproto.server.requestEmailConfirmation', 'own address', undefined, { auth: 'mabel' }),
  post(
    'com.atproto.server.confirmEmail',
    'wrong code',
    { email: 'mabel@example.com', token: 'AAAAA-AAAAA' },
    { auth: 'mabel' },
  ),
  post(
    'com.atproto.server.confirmEmail',
    'wrong address',
    { email: 'x@example.com', token: 'AAAAA-AAAAA' },
    { auth: 'mabel' },
  ),
  post(
    'com.atproto.server.confirmEmail',
    'right code',
    { email: 'mabel@example.com', token: '{code:mabel@example.com}' },
    { auth: 'mabel' },
  ),
  get('com.atproto.server.getSession', 'with a confirmed address', {}, { auth: 'mabel' }),
  post('com.atproto.server.requestEmailUpdate', 'confirmed', undefined, { auth: 'mabel' }),
  post(
    'com.atproto.server.updateEmail',
    'without the code',
    { email: 'mabel2@example.com' },
    { auth: 'mabel' },
  ),
  post(
    'com.atproto.server.updateEmail',
    'wrong code',
    { email: 'mabel2@example.com', token: 'AAAAA-AAAAA' },
    { auth: 'mabel' },
  ),
  post(
    'com.atproto.server.updateEmail',
    'address taken',
    { email: 'alice@example.com', token: 'AAAAA-AAAAA' },
    { auth: 'mabel' },
  ),
  post(
    'com.atproto.server.updateEmail',
    'right code',
    { email: 'mabel2@example.com', token: '{code:mabel@example.com}' },
    { auth: 'mabel' },
  ),
  get('com.atproto.server.getSession', 'with a new address', {}, { auth: 'mabel' }),
  post('com.atproto.server.requestEmailUpdate', 'not confirmed', undefined, { auth: 'mabel' }),
  post(
    'com.atproto.server.updateEmail',
    'not confirmed, without a code',
    { email: 'mabel3@example.com' },
    { auth: 'mabel' },
  ),
  post(
    'com.atproto.server.updateEmail',
    'not confirmed, address taken',
    { email: 'alice@example.com' },
    { auth: 'mabel' },
  ),
  post(
    'com.atproto.server.updateEmail',
    'disposable address',
    { email: 'x@mailinator.com' },
    { auth: 'robert' },
  ),
  signUp('fiona'),
  signIn('none', 'fiona.test', PASSWORD, 'with an empty code', { authFactorToken: '' }),
  signIn('none', 'fiona.test', PASSWORD, 'with a code that nobody asked for', {
    authFactorToken: 'AAAAA-AAAAA',
  }),
  signIn('none', 'fiona.test', 'wrong', 'with a code and a wrong password', {
    authFactorToken: 'AAAAA-AAAAA',
  }),
  post(
    'com.atproto.server.updateEmail',
    'codes to sign in, not confirmed',
    { email: 'fiona@example.com', emailAuthFactor: true },
    { auth: 'fiona' },
  ),
  post('com.atproto.server.requestEmailConfirmation', 'before a second factor', undefined, { auth: 'fiona' }),
  post(
    'com.atproto.server.confirmEmail',
    'before a second factor',
    { email: 'fiona@example.com', token: '{code:fiona@example.com}' },
    { auth: 'fiona' },
  ),
  post(
    'com.atproto.server.updateEmail',
    'codes to sign in',
    { email: 'fiona@example.com', emailAuthFactor: true },
    { auth: 'fiona' },
  ),
  get('com.atproto.server.getSession', 'with codes to sign in', {}, { auth: 'fiona' }),
  signIn('none', 'fiona.test', PASSWORD, 'with codes to sign in'),
  post('com.atproto.server.requestPasswordReset', 'of an account', { email: 'mabel3@example.com' }),
  post('com.atproto.server.resetPassword', 'wrong code', { token: 'AAAAA-AAAAA', password: 'another horse' }),
  post('com.atproto.server.resetPassword', 'password of 257 characters', {
    token: 'AAAAA-AAAAA',
    password: 'x'.repeat(257),
  }),
  post('com.atproto.server.resetPassword', 'right code', {
    token: '{code:mabel3@example.com}',
    password: 'another horse',
  }),
  signIn('none', 'mabel.test', PASSWORD, 'with the password before a reset'),
  signIn('mabel', 'mabel.test', 'another horse', 'with the password after a reset'),
  post('com.atproto.server.requestAccountDelete', 'own account', undefined, { auth: 'mabel' }),
  post('com.atproto.server.deleteAccount', 'wrong password', {
    did: '{mabel.did}',
    password: 'x',
    token: 'AAAAA-AAAAA',
  }),
  post('com.atproto.server.deleteAccount', 'wrong code', {
    did: '{mabel.did}',
    password: 'another horse',
    token: 'AAAAA-AAAAA',
  }),
  post('com.atproto.server.deleteAccount', 'unknown DID', {
    did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
    password: 'x',
    token: 'AAAAA-AAAAA',
  }),
  post('com.atproto.server.deleteAccount', 'right code', {
    did: '{mabel.did}',
    password: 'another horse',
    token: '{code:mabel3@example.com}',
  }),
  get('com.atproto.server.getSession', 'after deleteAccount', {}, { auth: 'mabel' }),
  get('com.atproto.sync.getRepoStatus', 'after deleteAccount', { did: '{mabel.did}' }),
  post('com.atproto.server.createAccount', 'handle and address of a deleted account', {
    handle: 'mabel.test',
    email: 'mabel3@example.com',
    password: PASSWORD,
  }),
]
