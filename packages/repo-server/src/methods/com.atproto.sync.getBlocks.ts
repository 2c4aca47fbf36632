import { parseCid, type CID } from '@avocet/data'
import { ComAtprotoSyncGetBlocks } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { RepoServerError } from '../error.ts'
import { answerCar } from '../export-answer.ts'
import type { RepoHost } from '../host.ts'
import { readableRepo } from '../repo-access.ts'

const MAX_BLOCKS = 1000

/** Blocks of a repository by CID, as a CAR; one that is named twice is in it once. */
export function getBlocks(router: Router, { parts }: RepoHost): void {
  router.add(ComAtprotoSyncGetBlocks.main, {
    limits: { handlerMs: 0 },
    handler: async (context) => {
      const { did, cids } = context.params
      await readableRepo(parts, context, did)
      if (cids.length > MAX_BLOCKS) {
        throw new RepoServerError('invalid-request', `Too many CIDs. Max: ${MAX_BLOCKS}`)
      }
      const wanted = cids.map(readCid)
      return answerCar(parts, context.address, () => parts.exports.blocks(did, wanted))
    },
  })
}

/** @throws RepoServerError `block-not-found` */
function readCid(cid: string): CID {
  try {
    return parseCid(cid)
  } catch (cause) {
    throw new RepoServerError('block-not-found', `Could not find cids: ${cid}`, { cause })
  }
}
