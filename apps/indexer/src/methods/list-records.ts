import type { ComAtprotoRepoListRecords } from '@avocet/lexicons/com.atproto'
import { type MethodHandler, respond } from '@avocet/xrpc-server'
import { createPage, MAX_PASSED } from '../queries/page.ts'
import { type RecordReader, type RecordRow, uriOf } from '../queries/records.ts'
import type { FindAccount } from '../identity/handles.ts'
import { requireActive } from './account.ts'

/**
 * com.atproto.repo.listRecords: the records of a collection, newest key first; the cursor is the last record key. An answer may hold
 * fewer than `limit`: it is bounded in bytes too. Records without content to show are left out.
 */
export function listRecords(
  records: RecordReader,
  findAccount: FindAccount,
): MethodHandler<typeof ComAtprotoRepoListRecords.main> {
  return async ({ params }) => {
    const account = requireActive(await findAccount(params.repo), params.repo)
    const page = createPage<string>(params.limit)
    const rows = records.list({
      did: account.did,
      collection: params.collection,
      limit: params.limit + MAX_PASSED,
      cursor: params.cursor ?? null,
      ascending: params.reverse ?? false,
    })
    for (const row of rows) if (!page.add(row, row.rkey, print)) break
    const cursor = page.next === null ? '' : `"cursor":${JSON.stringify(page.next)},`
    return respond({ encoding: 'application/json', body: `{${cursor}"records":[${page.items.join(',')}]}` })
  }
}

function print(row: RecordRow, value: string): string {
  return `{"uri":${JSON.stringify(uriOf(row))},"cid":${JSON.stringify(row.cid)},"value":${value}}`
}
