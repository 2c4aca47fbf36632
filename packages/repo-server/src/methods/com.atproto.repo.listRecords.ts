import { ComAtprotoRepoListRecords } from '@avocet/lexicons/com.atproto'
import { respond, type Router } from '@avocet/xrpc-server'

import { RepoServerError } from '../error.ts'
import type { RepoHost } from '../host.ts'
import { JSON_TYPE, recordJson } from '../record-json.ts'
import { servedRepo } from '../repo-access.ts'

/** The records of a collection, page by page, newest key first. */
export function listRecords(router: Router, { parts }: RepoHost): void {
  router.add(ComAtprotoRepoListRecords.main, async ({ params }) => {
    const { repo, collection, limit, cursor, reverse } = params
    if ((await parts.find(repo)) === null) {
      throw new RepoServerError('invalid-request', `Could not find repo: ${repo}`)
    }
    const { did } = await servedRepo(parts, repo)
    const page = await parts.reader.page(did, collection, { limit, cursor, reverse })
    const last = page.length === limit ? page.at(-1)!.rkey : undefined
    const list = page.map(recordJson).join(',')
    const rest = last === undefined ? '' : `,"cursor":${JSON.stringify(last)}`
    return respond({ encoding: JSON_TYPE, body: `{"records":[${list}]${rest}}` })
  })
}
