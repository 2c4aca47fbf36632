// The process that asks full-text indexes.

import { openDatabase } from '@avocet/sqlite'
import type { Found, SearchReply, SearchRequest } from './searcher.ts'

const db = openDatabase({ path: process.argv[2]!, readOnly: true })

process.on('message', ({ id, sql, params }: SearchRequest) => {
  process.send!(answer(id, sql, params))
})
// The indexer has ended.
process.on('disconnect', () => process.exit())
process.send!('ready' satisfies SearchReply)

function answer(id: number, sql: string, params: SearchRequest['params']): SearchReply {
  try {
    return { id, rows: db.prepare(sql).all(...params) as Found[] }
  } catch (error) {
    return { id, error: (error as Error).message }
  }
}
