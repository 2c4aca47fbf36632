// What happens to accounts, step by step, as the firehose shows it. Each step is a few calls.
import { get, PASSWORD, post, signUp, upload, type Call } from '../calls.ts'

/** A step, by the name that the allow-list uses. */
export interface Step {
  readonly name: string
  readonly calls: readonly Call[]
}

const NOTE = 'com.example.note'
const note = (text: string): object => ({ $type: NOTE, text })
const repo = '{flora.did}'
const auth = 'flora'

/** Calls are told apart by their number. */
let count = 0
const step = (name: string, ...calls: readonly Call[]): Step => ({ name, calls })
const by = (principal: string, nsid: string, input?: object, extra: object = {}): Call =>
  post(nsid, `firehose, ${++count}`, input, { auth: principal, mustSucceed: true, ...extra })
const create = (rkey: string, text: string): Call =>
  by(auth, 'com.atproto.repo.createRecord', { repo, collection: NOTE, rkey, record: note(text) })
const put = (rkey: string, text: string): Call =>
  by(auth, 'com.atproto.repo.putRecord', { repo, collection: NOTE, rkey, record: note(text) })
const remove = (rkey: string): Call =>
  by(auth, 'com.atproto.repo.deleteRecord', { repo, collection: NOTE, rkey })
const write = (action: string, rkey: string, value?: object): object => ({
  $type: `com.atproto.repo.applyWrites#${action}`,
  collection: NOTE,
  rkey,
  ...(value === undefined ? {} : { value }),
})
const apply = (...writes: readonly object[]): Call =>
  by(auth, 'com.atproto.repo.applyWrites', { repo, writes })
const keys = (length: number): string[] =>
  Array.from({ length }, (_, i) => `many-${String(i).padStart(3, '0')}`)
const status = (did: string, change: object): Call =>
  by('admin', 'com.atproto.admin.updateSubjectStatus', {
    subject: { $type: 'com.atproto.admin.defs#repoRef', did },
    ...change,
  })
const deactivate = by(auth, 'com.atproto.server.deactivateAccount', {})
const activate = by(auth, 'com.atproto.server.activateAccount')
const again = (call: Call): Call => ({ ...call, name: `${call.name} again ${++count}` })
const requestCode = (): Call => by(auth, 'com.atproto.identity.requestPlcOperationSignature')

/** In this order, on the accounts flora, fern and a marker. */
export const STEPS: readonly Step[] = [
  step('an account signs up', signUp('flora', 'flora signs up')),
  step('a record is created', create('a', 'one')),
  step('a second is created', create('b', 'two')),
  step(
    'a record of a known type is created',
    by(auth, 'com.atproto.repo.createRecord', {
      repo,
      collection: 'app.bsky.feed.post',
      rkey: '3laaaaaaaaa2a',
      record: { $type: 'app.bsky.feed.post', text: 'hello', createdAt: '2026-01-01T00:00:00.000Z' },
    }),
  ),
  step('a record is put that was not there', put('c', 'three')),
  step('a record is put that was there', put('c', 'four')),
  step('a record is put as it is', put('c', 'four')),
  step('a record is deleted', remove('b')),
  step('a record is deleted that was not there', remove('b')),
  step(
    'three actions in one',
    apply(write('create', 'd', note('five')), write('update', 'c', note('six')), write('delete', 'a')),
  ),
  step(
    'the actions in another order',
    apply(write('delete', 'd'), write('create', 'e', note('seven')), write('update', 'c', note('eight'))),
  ),
  step('no actions', apply()),
  step('an update that changes nothing', apply(write('update', 'c', note('eight')))),
  step(
    'one update that changes and one that does not',
    apply(write('update', 'c', note('eight')), write('update', 'e', note('nine'))),
  ),
  step('200 creations in one', apply(...keys(200).map((key) => write('create', key, note(key))))),
  step('an update deep in the tree', put('many-100', 'changed')),
  step('a deletion deep in the tree', remove('many-101')),
  step(
    '199 deletions in one',
    apply(
      ...keys(200)
        .filter((key) => key !== 'many-101')
        .map((key) => write('delete', key)),
    ),
  ),
  step('a record of 900 kB', create('large', 'x'.repeat(900_000)), remove('large')),
  step(
    'a record that names a blob',
    upload('com.atproto.repo.uploadBlob', 'firehose', Buffer.from('a blob of flora'), 'text/plain', {
      auth,
      save: { 'flora.blob': 'blob' },
    }),
    by(auth, 'com.atproto.repo.createRecord', {
      repo,
      collection: NOTE,
      rkey: 'blob',
      record: { $type: NOTE, blob: '{flora.blob}' },
    }),
  ),
  step('the record that names a blob is deleted', remove('blob')),
  step('preferences change', by(auth, 'app.bsky.actor.putPreferences', { preferences: [] })),
  step('the address changes', by(auth, 'com.atproto.server.updateEmail', { email: 'flora2@example.com' })),
  step('the handle changes', by(auth, 'com.atproto.identity.updateHandle', { handle: 'florence.test' })),
  step(
    'the handle is set as it is',
    by(auth, 'com.atproto.identity.updateHandle', { handle: 'florence.test' }),
  ),
  step(
    'the operator changes the handle',
    by('admin', 'com.atproto.admin.updateAccountHandle', { did: repo, handle: 'flora.test' }),
  ),
  step('activated while active', activate),
  step('deactivated', deactivate),
  step('deactivated again', again(deactivate)),
  step(
    'the handle changes while deactivated',
    by(auth, 'com.atproto.identity.updateHandle', { handle: 'florentine.test' }),
  ),
  step('activated', again(activate)),
  step(
    'deactivated, imported, activated',
    get('com.atproto.sync.getRepo', 'firehose', { did: repo }, { save: { 'flora.car': '*' } }),
    again(deactivate),
    upload('com.atproto.repo.importRepo', 'firehose', '{flora.car}', 'application/vnd.ipld.car', {
      auth,
      mustSucceed: true,
    }),
    again(activate),
  ),
  step('a record after the import', create('f', 'ten')),
  step(
    'a PLC operation is submitted',
    requestCode(),
    get(
      'com.atproto.identity.getRecommendedDidCredentials',
      'firehose',
      {},
      { auth, save: { 'flora.handles': 'alsoKnownAs' } },
    ),
    by(
      auth,
      'com.atproto.identity.signPlcOperation',
      {
        token: '{code:flora2@example.com}',
        alsoKnownAs: '{flora.handles}',
      },
      { save: { 'flora.operation': 'operation' } },
    ),
    by(auth, 'com.atproto.identity.submitPlcOperation', { operation: '{flora.operation}' }),
  ),
  step(
    'a record is taken down and restored',
    get(
      'com.atproto.repo.getRecord',
      'firehose',
      { repo, collection: NOTE, rkey: 'f' },
      { save: { 'flora.f': 'cid' } },
    ),
    ...[true, false].map((applied) =>
      by('admin', 'com.atproto.admin.updateSubjectStatus', {
        subject: {
          $type: 'com.atproto.repo.strongRef',
          uri: 'at://{flora.did}/com.example.note/f',
          cid: '{flora.f}',
        },
        takedown: { applied },
      }),
    ),
  ),
  step('the operator takes the account down', status(repo, { takedown: { applied: true, ref: 'case' } })),
  step('the operator takes it down again', status(repo, { takedown: { applied: true, ref: 'case' } })),
  step('the operator restores it', status(repo, { takedown: { applied: false } })),
  step('the operator deactivates it', status(repo, { deactivated: { applied: true } })),
  step('the operator activates it', status(repo, { deactivated: { applied: false } })),
  step('a second account signs up', signUp('fern', 'fern signs up')),
  step(
    'deactivated, then taken down',
    by('fern', 'com.atproto.server.deactivateAccount', {}),
    status('{fern.did}', { takedown: { applied: true } }),
  ),
  step('restored, still deactivated', status('{fern.did}', { takedown: { applied: false } })),
  step(
    'the operator deletes an account',
    by('admin', 'com.atproto.admin.deleteAccount', { did: '{fern.did}' }),
  ),
  step(
    'an account deletes itself',
    by(auth, 'com.atproto.server.requestAccountDelete'),
    by(auth, 'com.atproto.server.deleteAccount', {
      did: repo,
      password: PASSWORD,
      token: '{code:flora2@example.com}',
    }),
  ),
]
