import type { StoredRecord } from './record-reader.ts'

/** Media type of an answer that is JSON text already. */
export const JSON_TYPE = 'application/json; charset=utf-8'

/** A record as getRecord and listRecords show it, of the text that is kept of its value. */
export function recordJson({ uri, cid, json }: StoredRecord): string {
  return `{"uri":${JSON.stringify(uri)},"cid":"${cid}","value":${json}}`
}
