import type { ComAtprotoRepoGetRecord } from '@avocet/lexicons/com.atproto'
import { XrpcError } from '@avocet/xrpc'
import { type MethodHandler, respond } from '@avocet/xrpc-server'
import type { RecordReader } from '../queries/records.ts'
import type { FindAccount } from '../identity/handles.ts'

/** com.atproto.repo.getRecord: one verified record. With `cid`, only that version of it. */
export function getRecord(
  records: RecordReader,
  findAccount: FindAccount,
): MethodHandler<typeof ComAtprotoRepoGetRecord.main> {
  return async ({ params }) => {
    const account = await findAccount(params.repo)
    const row =
      account === null || account.status !== null
        ? null
        : records.record(account.did, params.collection, params.rkey)
    if (row === null || (params.cid !== undefined && params.cid !== row.cid)) {
      const uri = `at://${params.repo}/${params.collection}/${params.rkey}`
      throw new XrpcError(400, 'RecordNotFound', `Could not locate record: ${uri}`)
    }
    const uri = `at://${row.did}/${row.collection}/${row.rkey}`
    return respond({
      encoding: 'application/json',
      // The row holds the record's JSON: it is put in as it is, not parsed and written again.
      body: `{"uri":${JSON.stringify(uri)},"cid":${JSON.stringify(row.cid)},"value":${row.json}}`,
    })
  }
}
