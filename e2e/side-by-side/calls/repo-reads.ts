// com.atproto.repo: getRecord, listRecords, describeRepo.
import { get, post, signUp, type Call } from '../calls.ts'
import { bskyPost, NO_CID, NOTE, note, POST } from './records.ts'

const getRecord = (situation: string, params: object): Call =>
  get('com.atproto.repo.getRecord', situation, {
    repo: '{lydia.did}',
    collection: NOTE,
    rkey: 'a',
    ...params,
  })
/** A listing of lydia’s notes. */
export const list = (situation: string, params: object, extra: object = {}): Call =>
  get('com.atproto.repo.listRecords', situation, { repo: '{lydia.did}', collection: NOTE, ...params }, extra)

/** Reads of records. */
export const readCalls: readonly Call[] = [
  signUp('lydia'),
  ...['a', 'b', 'c', 'd', 'e'].map((rkey) =>
    post(
      'com.atproto.repo.createRecord',
      `${rkey} of lydia`,
      { repo: '{lydia.did}', collection: NOTE, rkey, record: note(rkey) },
      {
        auth: 'lydia',
        save: { 'read.cid': 'cid', 'read.commit': 'commit.cid' },
      },
    ),
  ),
  post(
    'com.atproto.repo.createRecord',
    'bytes and a link of lydia',
    {
      repo: '{lydia.did}',
      collection: NOTE,
      rkey: 'f',
      record: { $type: NOTE, bytes: { $bytes: 'aGVsbG8' }, link: { $link: NO_CID } },
    },
    { auth: 'lydia' },
  ),
  post(
    'com.atproto.repo.createRecord',
    'a post of lydia',
    {
      repo: '{lydia.did}',
      collection: POST,
      rkey: '3laaaaaaaaa2a',
      record: bskyPost('hello'),
    },
    { auth: 'lydia' },
  ),
  getRecord('there', {}),
  getRecord('by handle', { repo: 'lydia.test' }),
  getRecord('bytes and a link', { rkey: 'f' }),
  getRecord('a post', { collection: POST, rkey: '3laaaaaaaaa2a' }),
  getRecord('not there', { rkey: 'never' }),
  getRecord('with its CID', { rkey: 'e', cid: '{read.cid}' }),
  getRecord('with another CID', { cid: NO_CID }),
  getRecord('with a CID that is none', { cid: 'x' }),
  getRecord('of a DID unknown here', { repo: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }),
  getRecord('of a handle unknown here', { repo: 'nobody.example.com' }),
  getRecord('of a deactivated account', { repo: '{sleeper.did}' }),
  getRecord('of an account taken down', { repo: '{banned.did}' }),
  getRecord('of a deleted account', { repo: '{gone.did}' }),
  getRecord('repo that is no identifier', { repo: 'nobody' }),
  getRecord('collection that is no NSID', { collection: 'foo' }),
  getRecord('rkey ".."', { rkey: '..' }),
  list('all', {}),
  list('reverse', { reverse: true }),
  list('two', { limit: 2 }, { save: { 'list.cursor': 'cursor' } }),
  list('the next two', { limit: 2, cursor: '{list.cursor}' }),
  list('two backwards', { limit: 2, reverse: true }, { save: { 'list.back': 'cursor' } }),
  list('the next two backwards', { limit: 2, reverse: true, cursor: '{list.back}' }),
  list('empty cursor', { cursor: '' }),
  list('cursor beyond the end', { cursor: '0' }),
  list('limit 0', { limit: 0 }),
  list('limit 100', { limit: 100 }),
  list('limit 101', { limit: 101 }),
  list('limit that is no number', { limit: 'x' }),
  list('limit twice', { limit: [1, 2] }),
  list('reverse that is no boolean', { reverse: 'yes' }),
  list('rkeyStart and rkeyEnd', { rkeyStart: 'a', rkeyEnd: 'd' }),
  list('a parameter unknown', { never: 'x' }),
  list('an empty collection', { collection: 'com.example.none' }),
  list('repo unknown', { repo: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }),
  list('repo deactivated', { repo: '{sleeper.did}' }),
  list('repo taken down', { repo: '{banned.did}' }),
  list('repo by handle', { repo: 'lydia.test', limit: 1 }),
  ...[
    ['there', '{lydia.did}'],
    ['by handle', 'lydia.test'],
    ['unknown', 'nobody.test'],
    ['deactivated', '{sleeper.did}'],
    ['taken down', '{banned.did}'],
    ['deleted', '{gone.did}'],
  ].map(([situation, repo]) =>
    get('com.atproto.repo.describeRepo', situation!, { repo }, { unordered: ['body.collections'] }),
  ),
]
