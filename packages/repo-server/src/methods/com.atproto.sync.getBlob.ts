import { answerBlob } from '@avocet/blobs'
import { ComAtprotoSyncGetBlob } from '@avocet/lexicons/com.atproto'
import { respond, type Router } from '@avocet/xrpc-server'

import { RepoServerError } from '../error.ts'
import type { RepoHost } from '../host.ts'
import { readableRepo } from '../repo-access.ts'

/**
 * The bytes of a CID never change, but whether they may be shown does: a blob or an account that is taken down must leave the
 * caches on the way soon. After that they ask again, and are answered 304 while it may be shown.
 */
const PUBLIC = 'public, max-age=3600'

/** The bytes of a blob, or a range of them. */
export function getBlob(router: Router, { parts }: RepoHost): void {
  const { store } = parts.options
  router.add(ComAtprotoSyncGetBlob.main, {
    limits: { handlerMs: 0 },
    handler: async (context) => {
      const { did, cid } = context.params
      const { status, as } = await readableRepo(parts, context, did)
      const row = await store.blobs.get(did, cid)
      if (row === null || !row.permanent || (row.takedownRef !== null && as !== 'operator')) {
        throw new RepoServerError('blob-not-found-public', 'Blob not found')
      }
      const isPublic = status === 'active' && row.takedownRef === null
      const request = { range: context.header('range'), ifNoneMatch: context.header('if-none-match') }
      const blob = { did, cid, mimeType: row.mimeType, size: row.size }
      const answer = await answerBlob(request, blob, parts.blobs, isPublic ? PUBLIC : 'private, no-store')
      if (answer === null) throw new RepoServerError('blob-not-found-public', 'Blob not found')
      const { status: code, headers, body } = answer
      if (body === null) return respond({ status: code, headers })
      return respond({ status: code, headers, body, encoding: row.mimeType })
    },
  })
}
