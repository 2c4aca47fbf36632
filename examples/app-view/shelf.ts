// What the page asks the indexer. Answers are typed by the lexicons and checked by them; what they hold is what strangers wrote.
import * as DescribeRepo from '@avocet/lexicons/com.atproto.repo.describeRepo'
import { createClient, unwrap } from '@avocet/xrpc-client'

import { indexer } from './config.ts'
import { createMethods } from './generated/client.ts'
import { isBook } from './generated/com.example.reading.book.ts'

const client = createClient({ service: indexer })
const { book, note } = createMethods(client).com.example.reading

export type Book = Awaited<ReturnType<typeof listBooks>>[number]
export type Note = Awaited<ReturnType<typeof listNotes>>[number]

/** The newest books, each with the number of notes that point to it. */
export async function listBooks() {
  const linked = ['com.example.reading.note:book.uri']
  const { records } = unwrap(await book.listRecords({ params: { linked } }))
  return records.map(({ uri, cid, value: { title, writer = '' }, linked: [notes] = [] }) => {
    return { uri, cid, title, writer, notes: `${notes?.count ?? 0}${notes?.more ? '+' : ''}` }
  })
}

/** Notes with these words, the best first; without words the newest, of one book or of all. */
export async function listNotes(words: string, about: Book | null) {
  const bookUri = about === null ? {} : { bookUri: [about.uri] }
  const { records, included = [] } =
    words === ''
      ? unwrap(await note.listRecords({ params: { ...bookUri, sort: 'createdAt', hydrate: ['bookUri'] } }))
      : unwrap(await note.searchRecords({ params: { q: words, hydrate: ['bookUri'] } }))
  // What a note points to may be any record, or none.
  const titles = new Map(included.map(({ uri, value }) => [uri, isBook(value) ? value.title : '?']))
  return Promise.all(
    records.map(async (record) => {
      const { uri, did, value } = record
      const [part] = 'highlights' in record ? record.highlights : []
      const { text, ranges } = part ?? { text: value.text, ranges: [] }
      return { uri, did, handle: await handleOf(did), title: titles.get(value.book.uri) ?? '?', text, ranges }
    }),
  )
}

const handles = new Map<string, string>()

/** The handle of an account, as the indexer has verified it; else the account's DID, until the indexer knows more. */
export async function handleOf(did: `did:${string}:${string}`): Promise<string> {
  const known = handles.get(did)
  if (known !== undefined) return known
  const answer = await client.call(DescribeRepo.main, { params: { repo: did } })
  if (!answer.ok) return did
  handles.set(did, answer.value.handle)
  return answer.value.handle
}
