import type { ComAtprotoRepoGetRecord } from '@avocet/lexicons/com.atproto'
import { XrpcError } from '@avocet/xrpc'
import { type MethodHandler, respond } from '@avocet/xrpc-server'
import { MAX_ANSWER_ITEMS, recordJson } from '../queries/record-json.ts'
import { type RecordReader, uriOf } from '../queries/records.ts'
import type { FindAccount } from '../identity/handles.ts'

/** com.atproto.repo.getRecord: one verified record. With `cid`, only that version of it. @throws XrpcError `RecordTooCostly` */
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
    const where = `at://${params.repo}/${params.collection}/${params.rkey}`
    const isVersion = row !== null && (params.cid === undefined || params.cid === row.cid)
    if (!isVersion || row.validity === 'unreadable') {
      throw new XrpcError(400, 'RecordNotFound', `Could not locate record: ${where}`)
    }
    const value =
      row.bytes === null || row.validity === 'too-costly'
        ? null
        : recordJson(row.bytes, { left: MAX_ANSWER_ITEMS })
    if (value === null || !value.ok) {
      throw new XrpcError(
        400,
        'RecordTooCostly',
        `The record is larger than what is looked at here: ${where}`,
      )
    }
    return respond({
      encoding: 'application/json',
      body: `{"uri":${JSON.stringify(uriOf(row))},"cid":${JSON.stringify(row.cid)},"value":${value.json}}`,
    })
  }
}
