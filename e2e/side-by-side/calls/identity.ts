// com.atproto.identity: handles, PLC operations by mail code.
import { get, post, signUp, type Call } from '../calls.ts'

const update = (situation: string, handle: string, auth = 'ida'): Call =>
  post('com.atproto.identity.updateHandle', situation, { handle }, { auth })
const sign = (situation: string, input: object): Call =>
  post('com.atproto.identity.signPlcOperation', situation, input, { auth: 'ida' })
const submit = (situation: string, operation: unknown): Call =>
  post('com.atproto.identity.submitPlcOperation', situation, { operation }, { auth: 'ida' })
const request = (situation: string): Call =>
  post('com.atproto.identity.requestPlcOperationSignature', situation, undefined, { auth: 'ida' })
const KEY = 'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme'

const handles: readonly Call[] = [
  signUp('ida'),
  get('com.atproto.identity.resolveHandle', 'in upper case', { handle: 'IDA.test' }),
  get('com.atproto.identity.resolveHandle', 'unknown, of this server’s domain', { handle: 'nobody.test' }),
  get('com.atproto.identity.resolveHandle', 'that is none', { handle: 'a_b.test' }),
  get('com.atproto.identity.resolveHandle', 'of a deleted account', { handle: 'gone.test' }),
  get('com.atproto.identity.resolveHandle', 'of an account taken down', { handle: 'banned.test' }),
  get('com.atproto.identity.resolveHandle', 'with an at sign', { handle: '@ida.test' }),
  update('a new one', 'ida-two.test'),
  get('com.atproto.identity.resolveHandle', 'new', { handle: 'ida-two.test' }),
  get('com.atproto.identity.resolveHandle', 'given up', { handle: 'ida.test' }),
  update('the same', 'ida-two.test'),
  update('the same in upper case', 'IDA-two.test'),
  update('taken', 'alice.test'),
  update('reserved', 'admin.test'),
  update('too short', 'id.test'),
  update('too long', `${'i'.repeat(19)}.test`),
  update('a label too many', 'ida.two.test'),
  update('not allowed characters', 'ida_two.test'),
  update('of another domain that does not point here', 'ida.invalid'),
  update('of somebody deactivated', 'sleeper.test'),
  update('of a deleted account', 'gone.test'),
  update('a free one, by an app password', 'plain-new.test', 'plain'),
  update('a free one, by a deactivated account', 'sleeper-two.test', 'sleeper'),
  get(
    'com.atproto.repo.describeRepo',
    'after a change of handle',
    { repo: '{ida.did}' },
    { unordered: ['body.collections'] },
  ),
]

const operations: readonly Call[] = [
  get(
    'com.atproto.identity.getRecommendedDidCredentials',
    'own',
    {},
    { auth: 'ida', save: { 'server.rotationKeys': 'rotationKeys', 'server.rotationKey': 'rotationKeys.0' } },
  ),
  sign('without a code', {}),
  sign('wrong code', { token: 'AAAAA-AAAAA' }),
  request('first'),
  sign('nothing changed', { token: '{code:ida@example.com}' }),
  request('second'),
  sign('a key more', {
    token: '{code:ida@example.com}',
    rotationKeys: ['{server.rotationKey}', KEY],
  }),
  submit('no operation', {}),
  submit('without services', { type: 'plc_operation', rotationKeys: [KEY] }),
  request('third'),
  post(
    'com.atproto.identity.signPlcOperation',
    'the recommended',
    {
      token: '{code:ida@example.com}',
      rotationKeys: '{server.rotationKeys}',
      alsoKnownAs: ['at://ida-two.test'],
    },
    { auth: 'ida', save: { operation: 'operation' } },
  ),
  submit('the recommended', '{operation}'),
  submit('the same again', '{operation}'),
  request('fourth'),
  post(
    'com.atproto.identity.signPlcOperation',
    'another handle',
    { token: '{code:ida@example.com}', alsoKnownAs: ['at://somebody.test'] },
    { auth: 'ida', save: { 'operation.handle': 'operation' } },
  ),
  submit('another handle', '{operation.handle}'),
  request('fifth'),
  post(
    'com.atproto.identity.signPlcOperation',
    'another host',
    {
      token: '{code:ida@example.com}',
      services: {
        atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://elsewhere.example.com' },
      },
    },
    { auth: 'ida', save: { 'operation.host': 'operation' } },
  ),
  submit('another host', '{operation.host}'),
  request('sixth'),
  post(
    'com.atproto.identity.signPlcOperation',
    'another signing key',
    { token: '{code:ida@example.com}', verificationMethods: { atproto: KEY } },
    { auth: 'ida', save: { 'operation.key': 'operation' } },
  ),
  submit('another signing key', '{operation.key}'),
  request('seventh'),
  post(
    'com.atproto.identity.signPlcOperation',
    'without the server’s rotation key',
    { token: '{code:ida@example.com}', rotationKeys: [KEY] },
    { auth: 'ida', save: { 'operation.rotation': 'operation' } },
  ),
  submit('without the server’s rotation key', '{operation.rotation}'),
  request('eighth'),
  sign('rotation keys that are none', { token: '{code:ida@example.com}', rotationKeys: ['garbage'] }),
  get('com.atproto.server.checkAccountStatus', 'after PLC operations', {}, { auth: 'ida' }),
]

export const identityCalls: readonly Call[] = [...handles, ...operations]
