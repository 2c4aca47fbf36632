// The overview's list: the newest records, a sample when much happens; pausable, filtered by collection.
import { accountLink, clock, el, recordLink, shortCollection } from './format.js'
import { stranger, written } from './text.js'

const MAX_ROWS = 150
const WORDS = { create: 'created', update: 'updated', delete: 'deleted' }

/** Takes over the list; `add` shows a record. */
export function createLatest() {
  const list = document.getElementById('stream')
  const empty = document.getElementById('stream-empty')
  const pause = document.getElementById('pause')
  const filter = document.getElementById('stream-filter')
  const recent = []
  let missed = 0

  const wanted = (item) => item.collection.toLowerCase().includes(filter.value.trim().toLowerCase())
  const paused = () => pause.getAttribute('aria-pressed') === 'true'

  const redraw = () => {
    list.replaceChildren(...recent.filter(wanted).slice(0, MAX_ROWS).map(row))
    empty.hidden = list.children.length > 0
    if (recent.length > 0) empty.textContent = 'Nothing matches the filter yet.'
  }

  pause.addEventListener('click', () => {
    const now = !paused()
    pause.setAttribute('aria-pressed', String(now))
    pause.textContent = now ? 'Resume' : 'Pause'
    missed = 0
    if (!now) redraw()
  })
  filter.addEventListener('input', redraw)

  return {
    add(item) {
      recent.unshift(item)
      if (recent.length > MAX_ROWS * 4) recent.pop()
      if (!wanted(item)) return
      if (paused()) {
        missed += 1
        pause.textContent = `Resume (${missed > 999 ? '999+' : missed})`
        return
      }
      const element = row(item)
      element.classList.add('new')
      list.prepend(element)
      empty.hidden = true
      while (list.children.length > MAX_ROWS) list.lastChild.remove()
    },
  }
}

function row(item) {
  return eventRow({
    ...item,
    word: WORDS[item.action],
    kind: item.action,
    text: item.text ?? '',
  })
}

/** A row of a list of events. `at`: ms since the epoch; collection and rkey may be missing. */
export function eventRow({ kind, word, did, handle = null, collection, rkey, at, text, validity, reason }) {
  const what = el('span', 'what')
  if (collection !== undefined) {
    const name = stranger(shortCollection(collection), 80)
    const place = kind === 'delete' ? el('strong', '', name) : recordLink(name, did, collection, rkey)
    place.title = written(`${collection}/${rkey}`)
    what.append(place, ' ')
  }
  const who = el('span', 'who', accountLink(did, handle))
  what.append(who)
  const element = el('li', '', el('span', `tag ${kind}`, word), what, el('span', 'when', clock(at)))
  const said = el('span', 'said', stranger(text, 300))
  if (validity === 'invalid') {
    said.prepend(el('span', 'tag invalid', 'invalid'), ' ', stranger(reason ?? '', 300), ' ')
  }
  if (said.textContent) element.append(said)
  return element
}
