// The live list: newest first, pausable, filtered by collection.
import { clock, el, recordLink, shortCollection, shortDid } from './format.js'

const MAX_ROWS = 150
const WORDS = { create: 'created', update: 'updated', delete: 'deleted' }

/** Takes over the list; `add` shows a record. */
export function createStream() {
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
  const name = shortCollection(item.collection)
  const what = el('span', 'what')
  if (item.action === 'delete') what.append(el('strong', '', name))
  else {
    const link = recordLink(name, item.did, item.collection, item.rkey)
    link.title = `${item.collection}/${item.rkey}`
    what.append(link)
  }
  const who = el('span', 'who', ` ${item.handle ?? shortDid(item.did)}`)
  who.title = item.did
  what.append(who)
  const element = el(
    'li',
    '',
    el('span', `tag ${item.action}`, WORDS[item.action]),
    what,
    el('span', 'when', clock(item.at)),
  )
  const said = el('span', 'said', item.text ?? '')
  if (item.validity === 'invalid') said.prepend(el('span', 'tag invalid', 'invalid'), ` ${item.reason} `)
  if (said.textContent) element.append(said)
  return element
}
