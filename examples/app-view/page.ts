import * as Book from './generated/com.example.reading.book.ts'
import * as Note from './generated/com.example.reading.note.ts'
import { follow } from './live.ts'
import { marked, node } from './nodes.ts'
import { handleOf, listBooks, listNotes, type Book as ShownBook, type Note as ShownNote } from './shelf.ts'
import { signIn, whoIsHere } from './sign-in.ts'

const form = (id: string): HTMLFormElement => document.querySelector<HTMLFormElement>(`form#${id}`)!
const element = (id: string): HTMLElement => document.querySelector<HTMLElement>(`#${id}`)!
const say = (text: string): void => void (element('status').textContent = text)

const someone = await whoIsHere().catch((error: Error) => {
  say(error.message)
  return null
})
const me = someone?.me
form('sign-in').hidden = me !== undefined
form('book').hidden = form('sign-out').hidden = me === undefined
if (me !== undefined) element('who').textContent = await handleOf(me.did)

/** What is looked at. */
const view: { about: ShownBook | null; words: string } = { about: null, words: '' }

const ask = follow(async () => {
  const { about, words } = view
  try {
    const [books, notes] = await Promise.all([listBooks(), listNotes(words, about)])
    draw('books', books, bookItem)
    draw('notes', notes, noteItem)
    element('about').textContent = words !== '' ? `Notes with: ${words}` : (about?.title ?? 'All notes')
    form('note').hidden = me === undefined || about === null
    element('trouble').textContent = ''
  } catch (error) {
    element('trouble').textContent = (error as Error).message
  }
})

const drawn = new Map<string, string>()

/** Draws a list anew where it is another: who is at one of its buttons stays there while others write elsewhere. */
function draw<T>(id: string, items: readonly T[], toItem: (item: T) => HTMLElement): void {
  const now = JSON.stringify(items)
  if (drawn.get(id) === now) return
  drawn.set(id, now)
  element(id).replaceChildren(...items.map(toItem))
}

function look(at: Partial<typeof view>): void {
  Object.assign(view, { about: null, words: '' }, at)
  ask()
}

function bookItem(book: ShownBook): HTMLElement {
  const open = node('button', { type: 'button', onclick: () => look({ about: book }) }, book.title)
  return node(
    'li',
    {},
    open,
    ' ',
    node('bdi', {}, book.writer),
    ' ',
    node('small', {}, `${book.notes} notes`),
  )
}

function noteItem(note: ShownNote): HTMLElement {
  const remove = node(
    'button',
    { type: 'button', onclick: () => void write(() => me!.delete(Note.main, keyOf(note.uri))) },
    'Delete',
  )
  return node(
    'li',
    {},
    node('p', { dir: 'auto' }, ...marked(note.text, note.ranges)),
    node('small', {}, `${note.handle} on `, node('cite', { dir: 'auto' }, note.title)),
    ...(note.did === me?.did ? [remove] : []),
  )
}

const keyOf = (uri: string): string => uri.slice(uri.lastIndexOf('/') + 1)

/** What is written comes back by the stream, as what others write does. */
async function write(act: () => Promise<unknown>): Promise<void> {
  say('')
  await act().catch((error: Error) => say(error.message))
}

/** Runs with the fields of a form when it is sent. */
function onSend(id: string, act: (fields: (name: string) => string) => Promise<unknown> | void): void {
  form(id).addEventListener('submit', (event) => {
    event.preventDefault()
    const data = new FormData(form(id))
    void write(async () => {
      await act((name) => String(data.get(name)).trim())
      if (id === 'book' || id === 'note') form(id).reset()
    })
  })
}

onSend('sign-in', (field) => signIn(field('handle')))
onSend('sign-out', () => someone!.signOut())
onSend('search', (field) => look({ words: field('words') }))
onSend('book', (field) => me!.create(Book.main, { title: field('title'), writer: field('writer') }))
onSend('note', (field) => {
  const { uri, cid } = view.about!
  return me!.create(Note.main, { book: { uri, cid }, text: field('text') })
})
element('all').addEventListener('click', () => look({}))
