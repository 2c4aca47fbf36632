import type { Router } from '@avocet/xrpc-server'

import type { RepoHost } from './host.ts'
import { applyWrites } from './methods/com.atproto.repo.applyWrites.ts'
import { createRecord } from './methods/com.atproto.repo.createRecord.ts'
import { deleteRecord } from './methods/com.atproto.repo.deleteRecord.ts'
import { describeRepo } from './methods/com.atproto.repo.describeRepo.ts'
import { getRecord } from './methods/com.atproto.repo.getRecord.ts'
import { importRepo } from './methods/com.atproto.repo.importRepo.ts'
import { listMissingBlobs } from './methods/com.atproto.repo.listMissingBlobs.ts'
import { listRecords } from './methods/com.atproto.repo.listRecords.ts'
import { putRecord } from './methods/com.atproto.repo.putRecord.ts'
import { uploadBlob } from './methods/com.atproto.repo.uploadBlob.ts'
import { getBlob } from './methods/com.atproto.sync.getBlob.ts'
import { getBlocks } from './methods/com.atproto.sync.getBlocks.ts'
import { getCheckout } from './methods/com.atproto.sync.getCheckout.ts'
import { getHead } from './methods/com.atproto.sync.getHead.ts'
import { getLatestCommit } from './methods/com.atproto.sync.getLatestCommit.ts'
import { getRecordProof } from './methods/com.atproto.sync.getRecord.ts'
import { getRepo } from './methods/com.atproto.sync.getRepo.ts'
import { getRepoStatus } from './methods/com.atproto.sync.getRepoStatus.ts'
import { listBlobs } from './methods/com.atproto.sync.listBlobs.ts'
import { listRepos } from './methods/com.atproto.sync.listRepos.ts'
import { listReposByCollection } from './methods/com.atproto.sync.listReposByCollection.ts'
import { subscribeRepos } from './methods/com.atproto.sync.subscribeRepos.ts'

/** Adds every method of com.atproto.repo to a router. Each is there by itself, too. */
export function mountRepo(router: Router, host: RepoHost): void {
  applyWrites(router, host)
  createRecord(router, host)
  deleteRecord(router, host)
  describeRepo(router, host)
  getRecord(router, host)
  importRepo(router, host)
  listMissingBlobs(router, host)
  listRecords(router, host)
  putRecord(router, host)
  uploadBlob(router, host)
}

/** Adds every method of com.atproto.sync that a host of repositories has. */
export function mountSync(router: Router, host: RepoHost): void {
  getBlob(router, host)
  getBlocks(router, host)
  getCheckout(router, host)
  getHead(router, host)
  getLatestCommit(router, host)
  getRecordProof(router, host)
  getRepo(router, host)
  getRepoStatus(router, host)
  listBlobs(router, host)
  listRepos(router, host)
  listReposByCollection(router, host)
  subscribeRepos(router, host)
}
