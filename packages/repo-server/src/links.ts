import type { DataObject, DataValue } from '@avocet/data'

/** What a record of these collections points at; a second record that points at the same thing replaces the first. */
const SUBJECT: ReadonlyMap<string, (record: DataObject) => DataValue | undefined> = new Map([
  ['app.bsky.feed.like', strongRef],
  ['app.bsky.feed.repost', strongRef],
  ['app.bsky.graph.follow', (record) => record['subject']],
  ['app.bsky.graph.block', (record) => record['subject']],
])

/** The URIs or DIDs that a record of a one-per-subject collection points at; empty for any other record. */
export function recordLinks(collection: string, record: DataObject): string[] {
  const target = SUBJECT.get(collection)?.(record)
  return typeof target === 'string' ? [target] : []
}

function strongRef(record: DataObject): DataValue | undefined {
  const subject = record['subject']
  return subject !== null && typeof subject === 'object' ? (subject as DataObject)['uri'] : undefined
}
