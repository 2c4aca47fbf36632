// com.atproto.repo: createRecord, putRecord, deleteRecord, applyWrites.
import { get, post, signUp, type Call } from '../calls.ts'
import { bskyPost, createdAt, NO_BLOB, NO_CID, NOTE, note, POST } from './records.ts'

const auth = 'writer'

const create = (situation: string, input: object, extra: object = {}): Call =>
  post(
    'com.atproto.repo.createRecord',
    situation,
    { repo: '{writer.did}', collection: NOTE, ...input },
    { auth, ...extra },
  )
const put = (situation: string, input: object, extra: object = {}): Call =>
  post(
    'com.atproto.repo.putRecord',
    situation,
    { repo: '{writer.did}', collection: NOTE, ...input },
    { auth, ...extra },
  )
const remove = (situation: string, input: object): Call =>
  post(
    'com.atproto.repo.deleteRecord',
    situation,
    { repo: '{writer.did}', collection: NOTE, ...input },
    { auth },
  )
const apply = (situation: string, writes: readonly object[], more: object = {}, extra: object = {}): Call =>
  post(
    'com.atproto.repo.applyWrites',
    situation,
    { repo: '{writer.did}', writes, ...more },
    { auth, ...extra },
  )
const write = (action: 'create' | 'update' | 'delete', rkey: string | undefined, value?: object): object => ({
  $type: `com.atproto.repo.applyWrites#${action}`,
  collection: NOTE,
  ...(rkey === undefined ? {} : { rkey }),
  ...(value === undefined ? {} : { value }),
})

const creations: readonly Call[] = [
  signUp('writer'),
  create(
    'a record of an unknown type',
    { rkey: 'a', record: note('a') },
    { save: { 'a.cid': 'cid', 'a.commit': 'commit.cid' } },
  ),
  create('no rkey', { record: note('tid') }),
  create('rkey taken', { rkey: 'a', record: note('b') }),
  create('repo by handle', { repo: 'writer.test', rkey: 'b', record: note('b') }),
  create('repo of somebody else', { repo: '{robert.did}', record: note('x') }),
  create('repo unknown', { repo: 'nobody.test', record: note('x') }),
  create('repo that is no identifier', { repo: 'nobody', record: note('x') }),
  create('validate true, unknown type', { record: note('x'), validate: true }),
  create('validate false', { rkey: 'c', record: note('c'), validate: false }),
  create('$type of another collection', { record: { $type: 'com.example.other', text: 'x' } }),
  create('no $type', { rkey: 'd', record: { text: 'd' } }),
  create('collection that is no NSID', { collection: 'foo', record: note('x') }),
  create('record that is a list', { record: [] }),
  create('record that is text', { record: 'x' }),
  create('no record', {}),
  create('a float', { record: { $type: NOTE, number: 1.5 } }),
  create('an integer too large', { record: { $type: NOTE, number: 2 ** 60 } }),
  create('null in a record', { rkey: 'e', record: { $type: NOTE, nothing: null } }),
  create('a link that is no CID', { record: { $type: NOTE, link: { $link: 'x' } } }),
  create('bytes that are no base64', { record: { $type: NOTE, bytes: { $bytes: '!!!' } } }),
  create('bytes and a link', {
    rkey: 'f',
    record: { $type: NOTE, bytes: { $bytes: 'aGVsbG8' }, link: { $link: NO_CID } },
  }),
  ...['..', '.', '', 'a/b', 'a b', 'ä', 'x'.repeat(513)].map((rkey) =>
    create(`rkey ${JSON.stringify(rkey.slice(0, 10))}`, { rkey, record: note('x') }),
  ),
  create('rkey of 512 characters', { rkey: 'x'.repeat(512), record: note('long') }),
  create('swapCommit that does not match', { record: note('x'), swapCommit: NO_CID }),
  create('swapCommit that is no CID', { record: note('x'), swapCommit: 'x' }),
  get(
    'com.atproto.sync.getLatestCommit',
    'of writer',
    { did: '{writer.did}' },
    { save: { 'writer.head': 'cid' } },
  ),
  create('swapCommit that matches', { rkey: 'g', record: note('g'), swapCommit: '{writer.head}' }),
  create(
    'a post',
    { collection: POST, rkey: '3laaaaaaaaa2a', record: bskyPost('hello') },
    { save: { 'post.uri': 'uri', 'post.cid': 'cid' } },
  ),
  create('a post, validate true', {
    collection: POST,
    rkey: '3laaaaaaaaa2b',
    record: bskyPost('hello'),
    validate: true,
  }),
  create('a post with a rkey that is no TID', { collection: POST, rkey: 'abc', record: bskyPost('hello') }),
  create('a post without text', { collection: POST, record: { $type: POST, createdAt } }),
  create('a post with text of 3001 characters', { collection: POST, record: bskyPost('x'.repeat(3001)) }),
  create('a post with a time that is none', {
    collection: POST,
    record: { $type: POST, text: 'x', createdAt: 'now' },
  }),
  create('a post without text, validate false', {
    collection: POST,
    rkey: '3laaaaaaaaa2c',
    record: { $type: POST },
    validate: false,
  }),
  create('a post with an unknown field', {
    collection: POST,
    rkey: '3laaaaaaaaa2d',
    record: bskyPost('more', { extra: true }),
  }),
  create('a post with an unknown embed', {
    collection: POST,
    rkey: '3laaaaaaaaa2e',
    record: bskyPost('embed', { embed: { $type: 'com.example.embed' } }),
  }),
  create('a profile', {
    collection: 'app.bsky.actor.profile',
    rkey: 'self',
    record: { $type: 'app.bsky.actor.profile', displayName: 'W' },
  }),
  create('a profile with another rkey', {
    collection: 'app.bsky.actor.profile',
    rkey: 'other',
    record: { $type: 'app.bsky.actor.profile' },
  }),
  create('a like', {
    collection: 'app.bsky.feed.like',
    rkey: '3laaaaaaaaa3a',
    record: { $type: 'app.bsky.feed.like', subject: { uri: '{post.uri}', cid: '{post.cid}' }, createdAt },
  }),
  create('the same like again', {
    collection: 'app.bsky.feed.like',
    rkey: '3laaaaaaaaa3b',
    record: { $type: 'app.bsky.feed.like', subject: { uri: '{post.uri}', cid: '{post.cid}' }, createdAt },
  }),
  create('a follow', {
    collection: 'app.bsky.graph.follow',
    rkey: '3laaaaaaaaa4a',
    record: { $type: 'app.bsky.graph.follow', subject: '{robert.did}', createdAt },
  }),
  create('the same follow again', {
    collection: 'app.bsky.graph.follow',
    rkey: '3laaaaaaaaa4b',
    record: { $type: 'app.bsky.graph.follow', subject: '{robert.did}', createdAt },
  }),
  create('a lexicon schema', {
    collection: 'com.atproto.lexicon.schema',
    rkey: 'com.example.note',
    record: { $type: 'com.atproto.lexicon.schema', lexicon: 1, id: 'com.example.note', defs: {} },
  }),
  create('a record of 1 MB', { record: note('x'.repeat(1_000_000)) }),
  create('a record of 1.2 MB', { record: note('x'.repeat(1_200_000)) }),
  create('40 levels', { rkey: 'deep', record: { $type: NOTE, deep: nested(40) } }),
]

function nested(levels: number): unknown {
  return levels === 0 ? 'end' : { in: nested(levels - 1) }
}

const changes: readonly Call[] = [
  put('a new record', { rkey: 'p', record: note('1') }, { save: { 'p.cid': 'cid' } }),
  put('an old record', { rkey: 'p', record: note('2') }, { save: { 'p2.cid': 'cid' } }),
  put('the same record', { rkey: 'p', record: note('2') }),
  put('no rkey', { record: note('x') }),
  put('rkey ".."', { rkey: '..', record: note('x') }),
  put('swapRecord that matches', { rkey: 'p', record: note('3'), swapRecord: '{p2.cid}' }),
  put('swapRecord that does not match', { rkey: 'p', record: note('4'), swapRecord: '{p2.cid}' }),
  put('swapRecord null, record there', { rkey: 'p', record: note('4'), swapRecord: null }),
  put('swapRecord null, no record', { rkey: 'q', record: note('q'), swapRecord: null }),
  put('swapRecord, no record', { rkey: 'r', record: note('r'), swapRecord: NO_CID }),
  put('swapCommit that does not match', { rkey: 'p', record: note('5'), swapCommit: NO_CID }),
  put('repo of somebody else', { repo: '{robert.did}', rkey: 'p', record: note('x') }),
  put('a bad post', { collection: POST, rkey: '3laaaaaaaaa5a', record: { $type: POST, text: 1 } }),
  put('validate true, unknown type', { rkey: 'p', record: note('x'), validate: true }),
  put('a profile', {
    collection: 'app.bsky.actor.profile',
    rkey: 'self',
    record: { $type: 'app.bsky.actor.profile', displayName: 'Writer' },
  }),
  put('a profile with a legacy avatar', {
    collection: 'app.bsky.actor.profile',
    rkey: 'self',
    record: { $type: 'app.bsky.actor.profile', avatar: { cid: NO_BLOB, mimeType: 'image/png' } },
  }),
  remove('a record', { rkey: 'p' }),
  remove('a record that is not there', { rkey: 'p' }),
  remove('swapRecord that does not match', { rkey: 'q', swapRecord: NO_CID }),
  remove('swapCommit that does not match', { rkey: 'q', swapCommit: NO_CID }),
  remove('swapRecord, no record', { rkey: 'never', swapRecord: NO_CID }),
  remove('repo of somebody else', { repo: '{robert.did}', rkey: 'q' }),
  remove('rkey ".."', { rkey: '..' }),
  remove('no rkey', {}),
]

const batches: readonly Call[] = [
  apply('no writes', []),
  apply('three actions', [
    write('create', 'w', note('w')),
    write('update', 'q', note('q2')),
    write('delete', 'b'),
  ]),
  apply('create without rkey', [write('create', undefined, note('y'))]),
  apply('create a key that is taken', [write('create', 'w', note('x'))]),
  apply('update of a missing record', [write('update', 'never', note('x'))]),
  apply('delete of a missing record', [write('delete', 'never')]),
  apply('the same key twice', [write('create', 'z', note('x')), write('update', 'z', note('y'))]),
  apply('create and delete', [write('create', 'z', note('x')), write('delete', 'z')]),
  apply('an update that changes nothing', [write('update', 'w', note('w'))]),
  apply('an action that is none', [
    { $type: 'com.atproto.repo.applyWrites#swap', collection: NOTE, rkey: 'x' },
  ]),
  apply('no $type', [{ collection: NOTE, rkey: 'x', value: note('x') }]),
  apply('swapCommit that does not match', [write('create', 'x', note('x'))], { swapCommit: NO_CID }),
  apply('validate true, unknown type', [write('create', 'x', note('x'))], { validate: true }),
  apply('validate false', [write('create', 'v', note('v'))], { validate: false }),
  apply('a bad post', [{ ...write('create', undefined, { $type: POST, text: 1 }), collection: POST }]),
  apply('one bad write of two', [write('create', 'never2', note('x')), write('create', 'a', note('x'))]),
  get('com.atproto.repo.getRecord', 'that a failed batch made', {
    repo: '{writer.did}',
    collection: NOTE,
    rkey: 'never2',
  }),
  apply(
    '200 writes',
    Array.from({ length: 200 }, (_, i) =>
      write('create', `batch-${String(i).padStart(3, '0')}`, note(`${i}`)),
    ),
  ),
  apply(
    '201 writes',
    Array.from({ length: 201 }, (_, i) => write('create', `more-${i}`, note(`${i}`))),
  ),
  apply(
    '200 deletes',
    Array.from({ length: 200 }, (_, i) => write('delete', `batch-${String(i).padStart(3, '0')}`)),
  ),
  apply('repo of somebody else', [], { repo: '{robert.did}' }),
]

/** Writes, one by one and in batches. */
export const writeCalls: readonly Call[] = [...creations, ...changes, ...batches]
