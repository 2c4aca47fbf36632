// com.atproto.repo: imports, and the order of all.
import { get, post, signUp, upload, type Call } from '../calls.ts'
import { blobCalls } from './repo-blobs.ts'
import { list, readCalls } from './repo-reads.ts'
import { writeCalls } from './repo-writes.ts'

const importRepo = (situation: string, bytes: Uint8Array | string, by: string, extra: object = {}): Call =>
  upload('com.atproto.repo.importRepo', situation, bytes, 'application/vnd.ipld.car', { auth: by, ...extra })
const sleeping = (name: string): readonly Call[] => [
  signUp(name),
  post('com.atproto.server.deactivateAccount', `${name} before an import`, {}, { auth: name }),
]

const imports: readonly Call[] = [
  get('com.atproto.sync.getRepo', 'of lydia', { did: '{lydia.did}' }, { save: { 'lydia.car': '*' } }),
  post('com.atproto.server.deactivateAccount', 'lydia before an import', {}, { auth: 'lydia' }),
  importRepo('own archive', '{lydia.car}', 'lydia'),
  get('com.atproto.server.checkAccountStatus', 'after an import', {}, { auth: 'lydia' }),
  get('com.atproto.repo.listMissingBlobs', 'after an import', {}, { auth: 'lydia' }),
  post('com.atproto.server.activateAccount', 'after an import', undefined, { auth: 'lydia' }),
  list('after an import', { limit: 3 }),
  get('com.atproto.sync.getLatestCommit', 'after an import', { did: '{lydia.did}' }),
  ...sleeping('importer-a'),
  importRepo('somebody else’s archive', '{lydia.car}', 'importer-a'),
  ...sleeping('importer-b'),
  importRepo('no archive', 'hello', 'importer-b'),
  importRepo('nothing', '', 'importer-b'),
  upload('com.atproto.repo.importRepo', 'another content type', '{lydia.car}', 'application/octet-stream', {
    auth: 'importer-b',
  }),
  signUp('importer-c'),
  importRepo('active account', '{alice.emptyCar}', 'importer-c'),
]

/** All of com.atproto.repo: later calls use what earlier ones saved. */
export const repoCalls: readonly Call[] = [...writeCalls, ...readCalls, ...blobCalls, ...imports]
