// Puts a book on the shelf, with a note:  APP_PASSWORD=… node write.ts alice.test Middlemarch 'George Eliot' 'Page one'
import { agent, signIn } from '@avocet/atproto'

import { allowLoopback, handleResolver } from './config.ts'
import * as Book from './generated/com.example.reading.book.ts'
import * as Note from './generated/com.example.reading.note.ts'

const [handle = '', title = '', writer = '', text = ''] = process.argv.slice(2)
// The PDS of an account is found by its handle; no DNS knows those on this machine.
const where = allowLoopback ? { service: handleResolver } : {}
const me = agent(await signIn(handle, process.env['APP_PASSWORD'] ?? '', where))
const { uri, cid } = await me.create(Book.main, { title, writer })
const note = await me.create(Note.main, { book: { uri, cid }, text })
console.log(note.uri)
