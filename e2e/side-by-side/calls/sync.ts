// com.atproto.sync: exports, proofs, status and lists, in each situation of an account.
import { get, post, signUp, type Call } from '../calls.ts'

const NOTE = 'com.example.note'
const NO_CID = 'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm'

/** What is asked of every account, whatever its situation. */
const asked = (situation: string, did: string, extra: object = {}): readonly Call[] => [
  get('com.atproto.sync.getRepo', `${situation} account`, { did }, extra),
  get('com.atproto.sync.getRepo', `${situation} account, since`, { did, since: '3jzfcijpj2z2a' }, extra),
  get('com.atproto.sync.getCheckout', `${situation} account`, { did }, extra),
  get('com.atproto.sync.getHead', `${situation} account`, { did }, extra),
  get('com.atproto.sync.getLatestCommit', `${situation} account`, { did }, extra),
  get('com.atproto.sync.getRepoStatus', `${situation} account`, { did }, extra),
  get('com.atproto.sync.getRecord', `${situation} account`, { did, collection: NOTE, rkey: 'none' }, extra),
  get('com.atproto.sync.getBlocks', `${situation} account`, { did, cids: [NO_CID] }, extra),
  get('com.atproto.sync.listBlobs', `${situation} account`, { did }, extra),
]

export const syncCalls: readonly Call[] = [
  signUp('stella'),
  ...['a', 'b', 'c'].map((rkey) =>
    post(
      'com.atproto.repo.createRecord',
      `${rkey} of stella`,
      { repo: '{stella.did}', collection: NOTE, rkey, record: { $type: NOTE, text: rkey } },
      {
        auth: 'stella',
        save: { [`${rkey}.cid`]: 'cid', [`${rkey}.rev`]: 'commit.rev', [`${rkey}.commit`]: 'commit.cid' },
      },
    ),
  ),
  ...asked('an active', '{stella.did}'),
  ...asked('an unknown', 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'),
  ...asked('a deactivated', '{sleeper.did}'),
  ...asked('one’s own deactivated', '{sleeper.did}', { auth: 'sleeper' }),
  ...asked('somebody’s deactivated', '{sleeper.did}', { auth: 'alice' }),
  ...asked('a deactivated account, as the operator, an', '{sleeper.did}', { auth: 'admin' }),
  ...asked('a taken down', '{banned.did}'),
  ...asked('one’s own taken down', '{banned.did}', { auth: 'banned' }),
  ...asked('a taken down account, as the operator, an', '{banned.did}', { auth: 'admin' }),
  ...asked('a deleted', '{gone.did}'),
  ...asked('no', 'alice'),
  get('com.atproto.sync.getRepo', 'since the commit before', { did: '{stella.did}', since: '{b.rev}' }),
  get('com.atproto.sync.getRepo', 'since the newest commit', { did: '{stella.did}', since: '{c.rev}' }),
  get('com.atproto.sync.getRepo', 'since that is no TID', { did: '{stella.did}', since: 'x' }),
  get('com.atproto.sync.getRecord', 'a record', { did: '{stella.did}', collection: NOTE, rkey: 'b' }),
  get('com.atproto.sync.getRecord', 'a record that is not there', {
    did: '{stella.did}',
    collection: NOTE,
    rkey: 'd',
  }),
  get('com.atproto.sync.getRecord', 'rkey ".."', { did: '{stella.did}', collection: NOTE, rkey: '..' }),
  get('com.atproto.sync.getRecord', 'collection that is no NSID', {
    did: '{stella.did}',
    collection: 'foo',
    rkey: 'b',
  }),
  get('com.atproto.sync.getBlocks', 'a record', { did: '{stella.did}', cids: ['{a.cid}'] }),
  get('com.atproto.sync.getBlocks', 'two records', { did: '{stella.did}', cids: ['{a.cid}', '{b.cid}'] }),
  get('com.atproto.sync.getBlocks', 'the same record twice', {
    did: '{stella.did}',
    cids: ['{a.cid}', '{a.cid}'],
  }),
  get('com.atproto.sync.getBlocks', 'the commit', { did: '{stella.did}', cids: ['{c.commit}'] }),
  get('com.atproto.sync.getBlocks', 'the commit before', { did: '{stella.did}', cids: ['{b.commit}'] }),
  get('com.atproto.sync.getBlocks', 'one there and one not', {
    did: '{stella.did}',
    cids: ['{a.cid}', NO_CID],
  }),
  get('com.atproto.sync.getBlocks', 'a CID that is none', { did: '{stella.did}', cids: ['x'] }),
  get('com.atproto.sync.getBlocks', 'no CIDs', { did: '{stella.did}' }),
  get(
    'com.atproto.sync.getRepo',
    'compressed',
    { did: '{stella.did}' },
    { headers: { 'accept-encoding': 'gzip' } },
  ),
  get('com.atproto.sync.listBlobs', 'cursor that is no CID', { did: '{stella.did}', cursor: 'x' }),
  get('com.atproto.sync.listRepos', 'limit 0', { limit: 0 }),
  get('com.atproto.sync.listRepos', 'limit 1001', { limit: 1001 }),
  get('com.atproto.sync.listRepos', 'cursor that is none', { cursor: 'x' }),
  get('com.atproto.sync.subscribeRepos', 'without an upgrade'),
  get('com.atproto.sync.listReposByCollection', 'a collection', { collection: NOTE }),
  get('com.atproto.sync.getHostStatus', 'of another host', { hostname: 'example.com' }),
  post('com.atproto.sync.requestCrawl', 'by anybody', { hostname: 'example.com' }),
  post('com.atproto.sync.notifyOfUpdate', 'by anybody', { hostname: 'example.com' }),
]
