// The log as it grows: chosen kinds, collections and accounts, over Server-Sent Events. What is shown is bounded, whatever comes.
import { count, counted, el, gistOf } from './format.js'
import { eventRow } from './latest.js'
import { ask, AskError, problem } from './request.js'
import { written } from './text.js'

const MAX_ROWS = 200
/** Events larger than this are left out: nobody reads them in a list. */
const MAX_BYTES = 100_000
const KINDS = 4

const at = (id) => document.getElementById(id)

/** The view. */
export function openLive() {
  const form = at('live-form')
  const list = at('live-list')
  const pause = at('live-pause')
  let events = null
  let path = ''
  let seen = 0
  let last = null
  let waiting = []
  let drawing = false

  const say = (text) => {
    if (at('live-state').textContent !== text) at('live-state').textContent = text
  }
  const progress = () => {
    if (events !== null)
      say(`Connected. ${counted(seen, 'event')}${last === null ? '' : `, up to number ${count(last)}`}.`)
  }

  /** Rows come with the frames of the screen: those that nobody could have seen are not made. */
  const draw = () => {
    drawing = false
    const rows = waiting.map(rowOf)
    waiting = []
    list.prepend(...rows.toReversed())
    while (list.children.length > MAX_ROWS) list.lastChild.remove()
  }
  const add = (event) => {
    seen += 1
    last = event.seq
    waiting.push(event)
    if (waiting.length > MAX_ROWS) waiting.shift()
    if (drawing) return
    drawing = true
    // A page in the background draws no frames, and keeps what it would show.
    requestAnimationFrame(draw)
  }

  const stop = () => {
    events?.close()
    events = null
  }

  const start = (address) => {
    stop()
    at('live-problem').replaceChildren()
    say('Connecting…')
    const source = new EventSource(address)
    events = source
    source.addEventListener('open', () => {
      pause.hidden = false
      pause.textContent = 'Pause'
      progress()
    })
    source.addEventListener('message', (event) => add(JSON.parse(event.data)))
    source.addEventListener('info', (event) => {
      at('live-problem').replaceChildren(
        el('p', 'hint', written(`${JSON.parse(event.data).message ?? 'Some events are gone.'}`)),
      )
    })
    source.addEventListener('error', (event) => {
      if (events !== source) return
      // The stream says why it ends; a connection that is lost says nothing, and comes back by itself.
      if (typeof event.data === 'string') return fail(said(event.data))
      if (source.readyState === EventSource.CLOSED) return void explain(address)
      say('Connection lost, trying again…')
    })
  }

  const fail = (error) => {
    stop()
    pause.hidden = true
    say('Stopped.')
    at('live-problem').replaceChildren(problem(error, () => start(path)))
  }

  /** A browser does not tell what the answer said: it is asked once more. */
  const explain = async (address) => {
    stop()
    const leave = new AbortController()
    try {
      const response = await fetch(address, { signal: leave.signal })
      const body = response.ok ? null : await response.json()
      fail(
        new AskError(
          response.status,
          body?.error ?? 'The stream ended',
          body?.message ?? 'It can be started again.',
        ),
      )
    } catch {
      fail(new AskError(0, 'No answer', 'The connection failed.'))
    }
    leave.abort()
  }

  const timer = { id: 0 }
  const watch = () => {
    clearInterval(timer.id)
    timer.id = setInterval(progress, 1000)
  }

  const submit = async () => {
    at('live-problem').replaceChildren()
    try {
      path = await addressOf(form)
    } catch (error) {
      return fail(error)
    }
    at('live-request').textContent = `GET ${path}`
    list.replaceChildren()
    waiting = []
    seen = 0
    last = null
    start(path)
    watch()
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  })
  pause.addEventListener('click', () => {
    if (events === null) {
      const address = new URL(path, location.origin)
      // It goes on behind the last one that came: a pause loses nothing.
      if (last !== null) address.searchParams.set('cursor', String(last + 1))
      start(`${address.pathname}${address.search}`)
      watch()
      return
    }
    stop()
    clearInterval(timer.id)
    pause.textContent = 'Resume'
    say(`Paused${last === null ? '' : ` at number ${count(last)}`}. What comes meanwhile is not lost.`)
  })

  return {
    section: 'live',
    enter() {
      if (path === '') void submit()
    },
    leave() {
      clearInterval(timer.id)
      stop()
      path = ''
      pause.hidden = true
    },
  }
}

/** What is asked for, as the address of the stream. Handles become DIDs. */
async function addressOf(form) {
  const data = new FormData(form)
  const words = (name) => form.elements[name].value.split(/[\s,]+/).filter(Boolean)
  const query = new URLSearchParams()
  const kinds = data.getAll('kinds')
  if (kinds.length === 0) throw new AskError(400, 'No kinds', 'Nothing would come: choose at least one kind.')
  if (kinds.length < KINDS) for (const kind of kinds) query.append('kinds', kind)
  for (const name of words('collections')) query.append('collections', name)
  for (const name of words('accounts')) query.append('dids', await didOf(name))
  const cursor = words('cursor')[0]
  if (cursor !== undefined) query.set('cursor', cursor)
  query.set('maxMessageSizeBytes', String(MAX_BYTES))
  return `/stream?${query}`
}

/** The DID of a handle; a DID as it is. */
async function didOf(name) {
  const actor = name.replace(/^@/, '')
  if (actor.startsWith('did:')) return actor
  return (await ask('/xrpc/com.atproto.repo.describeRepo', { repo: actor })).did
}

function said(data) {
  const { error, message } = JSON.parse(data)
  return new AskError(400, String(error), String(message))
}

const WORDS = { create: 'created', update: 'updated', delete: 'deleted' }

function rowOf(event) {
  const kind = event.$type.split('#').pop()
  const time = Date.parse(event.time)
  const common = { did: event.did, at: time }
  if (kind === 'commit') {
    const { operation, collection, rkey, validity, record } = event
    const text = record === undefined ? '' : gistOf(record) || JSON.stringify(record).slice(0, 400)
    return eventRow({
      ...common,
      kind: operation,
      word: WORDS[operation] ?? operation,
      collection,
      rkey,
      validity,
      text,
    })
  }
  const text = {
    identity: () => `handle ${event.identity.handle}`,
    account: () => (event.account.active ? 'active' : (event.account.status ?? 'not active')),
    sync: () => `at ${event.sync.rev}`,
  }
  return eventRow({ ...common, kind: 'other', word: kind, text: text[kind]?.() ?? '' })
}
