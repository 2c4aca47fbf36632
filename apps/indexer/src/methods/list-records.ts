import type { ComAtprotoRepoListRecords } from '@avocet/lexicons/com.atproto'
import { type MethodHandler, respond } from '@avocet/xrpc-server'
import type { RecordReader } from '../queries/records.ts'
import type { FindAccount } from '../identity/handles.ts'
import { requireActive } from './account.ts'

/** com.atproto.repo.listRecords: the records of a collection, newest key first; the cursor is the last record key. */
export function listRecords(
  records: RecordReader,
  findAccount: FindAccount,
): MethodHandler<typeof ComAtprotoRepoListRecords.main> {
  return async ({ params }) => {
    const account = requireActive(await findAccount(params.repo), params.repo)
    const rows = records.list({
      did: account.did,
      collection: params.collection,
      limit: params.limit,
      cursor: params.cursor ?? null,
      ascending: params.reverse ?? false,
    })
    const last = rows.length === params.limit ? rows.at(-1) : undefined
    const cursor = last === undefined ? '' : `"cursor":${JSON.stringify(last.rkey)},`
    const items = rows.map(({ did, collection, rkey, cid, json }) => {
      const uri = `at://${did}/${collection}/${rkey}`
      return `{"uri":${JSON.stringify(uri)},"cid":${JSON.stringify(cid)},"value":${json}}`
    })
    return respond({ encoding: 'application/json', body: `{${cursor}"records":[${items.join(',')}]}` })
  }
}
