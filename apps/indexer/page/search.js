// Search in the words of records, where collections have an index for it.
import { el, gistOf, recordLink } from './format.js'
import { ask, paged } from './request.js'
import { stranger } from './text.js'

const SUFFIX = '.searchRecords'
const at = (id) => document.getElementById(id)

/** The view: `#/search/<collection>/<words>`. */
export function openSearch() {
  at('search-form').addEventListener('submit', (event) => {
    event.preventDefault()
    const path = [at('search-collection').value, at('search-words').value.trim()]
    const next = `#/search/${path.map(encodeURIComponent).join('/')}`
    if (location.hash === next) window.dispatchEvent(new HashChangeEvent('hashchange'))
    else location.hash = next
  })
  return {
    section: 'search',
    async enter([collection, words]) {
      const { queries } = await ask('/queries')
      const names = queries
        .filter(({ id }) => id.endsWith(SUFFIX))
        .map(({ id }) => id.slice(0, -SUFFIX.length))
      at('search-form').hidden = names.length === 0
      if (names.length === 0) return [nothing()]
      at('search-collection').replaceChildren(
        ...names.map((name) => {
          const option = el('option', '', name)
          option.value = name
          option.selected = name === collection
          return option
        }),
      )
      at('search-words').value = words ?? ''
      return words === undefined ? [] : found(collection, words)
    },
  }
}

const nothing = () =>
  el(
    'p',
    'empty',
    'No collection can be searched yet. Start the indexer with --search, for example ',
    el('code', '', '--search app.bsky.feed.post:text'),
    '.',
  )

function found(collection, q) {
  return paged(
    async (cursor) => {
      const page = await ask(`/xrpc/${collection}${SUFFIX}`, { q, cursor })
      return { items: page.records, cursor: page.cursor }
    },
    (record) =>
      el(
        'li',
        '',
        recordLink(record.uri, ...record.uri.slice(5).split('/')),
        el('span', 'who', stranger(String(record.indexedAt), 60)),
        el('span', 'said', ...excerpts(record)),
      ),
    'No record has these words.',
  )
}

function excerpts({ highlights = [], value }) {
  if (highlights.length === 0) return [stranger(gistOf(value), 300)]
  return highlights.flatMap(({ text, ranges }) => [marked(text, ranges), ' '])
}

/** A text with parts of it marked. @param ranges in bytes of its UTF-8 */
export function marked(text, ranges) {
  const bytes = new TextEncoder().encode(text)
  const decoder = new TextDecoder()
  const part = (start, end) => stranger(decoder.decode(bytes.subarray(start, end)))
  const element = el('bdi', '')
  let last = 0
  for (const { byteStart, byteEnd } of ranges) {
    element.append(part(last, byteStart), el('mark', '', part(byteStart, byteEnd)))
    last = byteEnd
  }
  element.append(part(last, bytes.length))
  return element
}
