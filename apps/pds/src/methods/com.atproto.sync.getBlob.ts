import { answerBlob, type BlobReader } from '@avocet/blobs'
import { ComAtprotoSyncGetBlob } from '@avocet/lexicons/com.atproto'
import { respond, type Router } from '@avocet/xrpc-server'
import type { BlobIndex } from '@avocet/repo-server/sqlite'

import { accountStatus } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import { servedRepo } from '../accounts/lookup.ts'
import { PdsError } from '../errors.ts'

/**
 * The bytes of a CID never change, but whether they may be shown does: a blob or an account that is taken down must leave the
 * caches on the way soon. After that they ask again, and are answered 304 while it may be shown.
 */
const PUBLIC = 'public, max-age=3600'

/** The bytes of a blob, or a range of them. */
export function getBlob(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  index: BlobIndex,
  files: BlobReader,
): void {
  router.add(ComAtprotoSyncGetBlob.main, {
    limits: { handlerMs: 0 },
    handler: async (context) => {
      const { did, cid } = context.params
      const caller = await authorizer.optional(context).catch(() => null)
      const account = servedRepo(accounts, did, authorizer.isAdmin(context) || caller?.did === did)
      const row = index.get(did, cid)
      if (row === null || !row.permanent || (row.takedownRef !== null && !authorizer.isAdmin(context))) {
        throw new PdsError('blob-not-found-public', 'Blob not found')
      }
      const isPublic = accountStatus(account).active && row.takedownRef === null
      const request = { range: context.header('range'), ifNoneMatch: context.header('if-none-match') }
      const blob = { did, cid, mimeType: row.mimeType, size: row.size }
      const answer = await answerBlob(
        request,
        blob,
        { store: files },
        isPublic ? PUBLIC : 'private, no-store',
      )
      if (answer === null) throw new PdsError('blob-not-found-public', 'Blob not found')
      const { status, headers, body } = answer
      if (body === null) return respond({ status, headers })
      return respond({ status, headers, body, encoding: row.mimeType })
    },
  })
}
