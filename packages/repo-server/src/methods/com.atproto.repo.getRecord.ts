import { ComAtprotoRepoGetRecord } from '@avocet/lexicons/com.atproto'
import { respond, type Router } from '@avocet/xrpc-server'

import { RepoServerError } from '../error.ts'
import type { RepoHost } from '../host.ts'
import { JSON_TYPE, recordJson } from '../record-json.ts'

/** One record of a repository that lives here; one that lives elsewhere, or moved there, is asked for there. */
export function getRecord(router: Router, { parts }: RepoHost): void {
  const { options, reader } = parts
  router.add(ComAtprotoRepoGetRecord.main, async (context) => {
    const { repo, collection, rkey, cid } = context.params
    const did = await parts.find(repo)
    const status = did === null ? null : await parts.statusOf(did)
    if (did === null || status !== 'active') {
      // What is taken down here is not handed out from elsewhere either.
      const isTakenDown = status === 'takendown' || status === 'suspended'
      const name = { repo: did ?? repo, collection, rkey, cid }
      const remote = isTakenDown ? null : ((await options.findRemote?.(name, context.address)) ?? null)
      if (remote === null) throw new RepoServerError('invalid-request', 'Could not locate record')
      return respond({ encoding: JSON_TYPE, body: JSON.stringify(remote) })
    }
    const record = await reader.get(did, collection, rkey)
    if (record === null || record.takedownRef !== null || (cid !== undefined && cid !== record.cid)) {
      throw new RepoServerError(
        'record-not-found',
        `Could not locate record: at://${did}/${collection}/${rkey}`,
      )
    }
    return respond({ encoding: JSON_TYPE, body: recordJson(record) })
  })
}
