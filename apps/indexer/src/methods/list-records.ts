import type { ComAtprotoRepoListRecords } from '@avocet/lexicons/com.atproto'
import { type MethodHandler, respond } from '@avocet/xrpc-server'
import { MAX_ANSWER_ITEMS, recordJson } from '../queries/record-json.ts'
import type { RecordReader, RecordRow } from '../queries/records.ts'
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
    const page = createPage(params.limit)
    const rows = records.list({
      did: account.did,
      collection: params.collection,
      limit: params.limit + MAX_PASSED,
      cursor: params.cursor ?? null,
      ascending: params.reverse ?? false,
    })
    for (const row of rows) if (!page.add(row)) break
    return respond({ encoding: 'application/json', body: page.text() })
  }
}

/** Rows without content to show that are passed by in one answer. */
const MAX_PASSED = 1000
/** JSON text of an answer, in characters; one record alone may be more. */
const MAX_ANSWER = 1024 * 1024

/** An answer that ends at a number of records, of characters, or of values, whichever comes first. */
function createPage(limit: number): { add(row: RecordRow): boolean; text(): string } {
  const budget = { left: MAX_ANSWER_ITEMS }
  const items: string[] = []
  let length = 0
  let seen = 0
  let last: string | null = null
  let isCut = false

  const valueOf = (row: RecordRow): ReturnType<typeof recordJson> =>
    row.bytes === null || row.validity === 'unreadable' || row.validity === 'too-costly'
      ? { ok: false, error: 'no-json' }
      : recordJson(row.bytes, budget)

  return {
    add(row) {
      // One more was asked for than can be shown: it tells that there is more.
      isCut = items.length === limit || length >= MAX_ANSWER || seen === limit + MAX_PASSED - 1
      if (isCut) return false
      const value = valueOf(row)
      // What this answer has no room for begins the next: a record that is looked at at all fits into an empty one.
      isCut = !value.ok && value.error === 'over' && items.length > 0
      if (isCut) return false
      seen++
      last = row.rkey
      if (!value.ok) return true
      const uri = `at://${row.did}/${row.collection}/${row.rkey}`
      const item = `{"uri":${JSON.stringify(uri)},"cid":${JSON.stringify(row.cid)},"value":${value.json}}`
      items.push(item)
      length += item.length
      return true
    },
    text() {
      const cursor = isCut && last !== null ? `"cursor":${JSON.stringify(last)},` : ''
      return `{${cursor}"records":[${items.join(',')}]}`
    },
  }
}
