// Blobs: uploadBlob, getBlob, listBlobs, listMissingBlobs.
import { get, post, signUp, upload, type Call } from '../calls.ts'
import { bskyPost, NO_BLOB, NOTE, POST } from './records.ts'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const uploadBlob = (situation: string, bytes: Uint8Array, type: string, extra: object = {}): Call =>
  upload('com.atproto.repo.uploadBlob', situation, bytes, type, { auth: 'painter', ...extra })
const paint = (situation: string, input: object): Call =>
  post(
    'com.atproto.repo.createRecord',
    situation,
    { repo: '{painter.did}', collection: NOTE, ...input },
    { auth: 'painter' },
  )
const image = (blob: unknown): object =>
  bskyPost('image', { embed: { $type: 'app.bsky.embed.images', images: [{ alt: '', image: blob }] } })

/** Uploads, records that name them, and reads. */
export const blobCalls: readonly Call[] = [
  signUp('painter'),
  uploadBlob('a picture', PNG, 'image/png', { save: { png: 'blob', 'png.cid': 'blob.ref.$link' } }),
  uploadBlob('the same again', PNG, 'image/png'),
  uploadBlob('a picture called text', PNG, 'text/plain'),
  uploadBlob('text called a picture', Buffer.from('hello'), 'image/png'),
  uploadBlob('any bytes', new Uint8Array(3000).fill(7), '*/*'),
  uploadBlob('JSON', Buffer.from('{"a":1}'), 'application/json'),
  uploadBlob('a page', Buffer.from('<!doctype html><html></html>'), 'text/html', {
    save: { page: 'blob', 'page.cid': 'blob.ref.$link' },
  }),
  uploadBlob('nothing', new Uint8Array(0), 'image/png'),
  uploadBlob('as many bytes as allowed', new Uint8Array(200_000), 'application/octet-stream'),
  uploadBlob('a byte too many', new Uint8Array(200_001), 'application/octet-stream'),
  uploadBlob('an encoding that is not what it says', Buffer.from('hello'), 'text/plain', {
    headers: { 'content-encoding': 'gzip' },
  }),
  uploadBlob('a content type with parameters', Buffer.from('hello'), 'text/plain; charset=utf-8'),
  upload('com.atproto.repo.uploadBlob', 'a content type that is none', PNG, 'picture', { auth: 'painter' }),
  get('com.atproto.sync.getBlob', 'before a record names it', { did: '{painter.did}', cid: '{png.cid}' }),
  paint('a post with a picture', { collection: POST, rkey: '3laaaaaaaaa6a', record: image('{png}') }),
  paint('a post with a picture of another type', {
    collection: POST,
    record: image({ $type: 'blob', ref: { $link: '{png.cid}' }, mimeType: 'image/jpeg', size: PNG.length }),
  }),
  paint('a post with a picture of another size', {
    collection: POST,
    record: image({ $type: 'blob', ref: { $link: '{png.cid}' }, mimeType: 'image/png', size: 1 }),
  }),
  paint('a post with a picture that is not there', {
    collection: POST,
    record: image({ $type: 'blob', ref: { $link: NO_BLOB }, mimeType: 'image/png', size: 10 }),
  }),
  paint('a post with a page for a picture', { collection: POST, record: image('{page}') }),
  paint('a post with a legacy picture', {
    collection: POST,
    record: image({ cid: '{png.cid}', mimeType: 'image/png' }),
  }),
  paint('a note with a page', { rkey: 'page', record: { $type: NOTE, page: '{page}' } }),
  get('com.atproto.sync.getBlob', 'a picture', { did: '{painter.did}', cid: '{png.cid}' }),
  get('com.atproto.sync.getBlob', 'a page', { did: '{painter.did}', cid: '{page.cid}' }),
  get('com.atproto.sync.getBlob', 'not there', { did: '{painter.did}', cid: NO_BLOB }),
  get('com.atproto.sync.getBlob', 'of somebody else', { did: '{robert.did}', cid: '{png.cid}' }),
  get('com.atproto.sync.getBlob', 'CID that is none', { did: '{painter.did}', cid: 'x' }),
  get('com.atproto.sync.getBlob', 'CID of a record', { did: '{painter.did}', cid: '{read.cid}' }),
  get('com.atproto.sync.listBlobs', 'two', { did: '{painter.did}' }),
  get(
    'com.atproto.sync.listBlobs',
    'one',
    { did: '{painter.did}', limit: 1 },
    { save: { 'blobs.cursor': 'cursor' } },
  ),
  get('com.atproto.sync.listBlobs', 'the next', { did: '{painter.did}', limit: 1, cursor: '{blobs.cursor}' }),
  get('com.atproto.sync.listBlobs', 'since the head', { did: '{painter.did}', since: '3zzzzzzzzzzzz' }),
  get('com.atproto.sync.listBlobs', 'limit 0', { did: '{painter.did}', limit: 0 }),
  get('com.atproto.repo.listMissingBlobs', 'none missing', {}, { auth: 'painter' }),
]
