// The query builder: what may be asked of a collection, by the lexicon of its query, the request it makes, and the answer.
import { count, counted, button, el, gistOf, recordLink } from './format.js'
import { ask, paged, problem } from './request.js'
import { stranger } from './text.js'

const at = (id) => document.getElementById(id)

/** The view: `#/query/<nsid>/?<parameters>`. It asks when there are parameters, were it none. */
export function openQuery() {
  let shown = null
  at('query-form').addEventListener('submit', (event) => {
    event.preventDefault()
    if (shown === null) return
    const next = `#/query/${encodeURIComponent(shown.id)}/${encodeURIComponent(`?${valuesOf(shown)}`)}`
    if (location.hash === next) window.dispatchEvent(new HashChangeEvent('hashchange'))
    else location.hash = next
  })
  at('query-form').addEventListener('input', () => showRequest(shown))
  at('query-name').addEventListener('change', () => {
    location.hash = `#/query/${encodeURIComponent(at('query-name').value)}`
  })
  return {
    section: 'query',
    async enter([nsid, search]) {
      const { queries } = await ask('/queries')
      at('query-form').hidden = queries.length === 0
      at('query-request').hidden = queries.length === 0
      if (queries.length === 0) return [nothing()]
      shown = queries.find(({ id }) => id === nsid) ?? queries[0]
      at('query-name').replaceChildren(
        ...queries.map(({ id }) => {
          const option = el('option', '', id)
          option.value = id
          option.selected = id === shown.id
          return option
        }),
      )
      const values = new URLSearchParams(search?.replace(/^\?/, '') ?? '')
      at('query-about').replaceChildren(stranger(shown.description ?? '', 600))
      at('query-fields').replaceChildren(
        ...Object.entries(shown.parameters)
          .filter(([name]) => name !== 'cursor')
          .map(([name, parameter]) => field(name, parameter, values)),
      )
      showRequest(shown)
      return search === undefined ? [] : answerOf(shown.id, values)
    },
  }
}

const nothing = () =>
  el(
    'p',
    'empty',
    'No collection can be asked by its fields yet. Start the indexer with --index, for example ',
    el('code', '', '--index app.bsky.feed.post:createdAt'),
    '.',
  )

/** A field for a parameter: what it takes follows from its type. */
function field(name, parameter, values) {
  const isList = parameter.type === 'array'
  const { type, enum: words, knownValues } = isList ? parameter.items : parameter
  const id = `query-${name}`
  const given = values.getAll(name)
  let input
  if (type === 'boolean' || (words !== undefined && !isList)) {
    input = el('select', '')
    for (const word of ['', ...(words ?? ['true', 'false'])]) {
      const option = el('option', '', word === '' ? 'any' : word)
      option.value = word
      option.selected = given[0] === word
      input.append(option)
    }
  } else if (isList) {
    input = el('textarea', '')
    input.rows = Math.min(5, Math.max(1, given.length))
    input.value = given.join('\n')
  } else {
    input = el('input', '')
    input.type = 'text'
    input.value = given[0] ?? ''
    if (type === 'integer') input.inputMode = 'numeric'
  }
  input.id = id
  input.name = name
  input.autocapitalize = 'none'
  input.spellcheck = false
  const label = el('label', '', stranger(name, 200))
  label.htmlFor = id
  const known = words ?? knownValues ?? []
  const hints = [
    ...(parameter.description === undefined ? [] : [stranger(parameter.description, 400)]),
    ...(isList ? [' One a line.'] : []),
    ...(isList && known.length > 0 ? [' ', stranger(known.slice(0, 20).join(', '), 600)] : []),
  ]
  const help = el('p', 'help', ...hints)
  help.id = `${id}-help`
  input.setAttribute('aria-describedby', help.id)
  return el('div', 'field', label, input, help)
}

/** The parameters as they are filled in. */
function valuesOf({ parameters }) {
  const values = new URLSearchParams()
  for (const [name, { type }] of Object.entries(parameters)) {
    const text = at(`query-${name}`)?.value ?? ''
    for (const value of type === 'array' ? text.split('\n') : [text]) {
      if (value.trim() !== '') values.append(name, value.trim())
    }
  }
  return values
}

function showRequest(query) {
  if (query === null) return
  const values = valuesOf(query)
  const path = `/xrpc/${query.id}${values.size > 0 ? `?${values}` : ''}`
  const link = el('a', '', stranger(`GET ${path}`, 3000))
  link.href = path
  at('query-address').replaceChildren(link)
}

async function answerOf(nsid, values) {
  const method = `/xrpc/${nsid}`
  const params = Object.fromEntries([...values.keys()].map((key) => [key, values.getAll(key)]))
  const first = await ask(method, params)
  const title = el('h3', '', 'Answer')
  if (!Array.isArray(first.records)) return [title, ...counts(first, method, params)]
  let next = first
  const list = await paged(
    async (cursor) => {
      const page = next ?? (await ask(method, { ...params, cursor }))
      next = null
      return { items: page.records, cursor: page.cursor }
    },
    recordRow,
    'No record is so.',
  )
  return [title, ...list]
}

function recordRow({ uri, value, indexedAt, linked }) {
  const row = el(
    'li',
    '',
    recordLink(uri, ...uri.slice(5).split('/')),
    el('span', 'who', stranger(String(indexedAt ?? ''), 60)),
    el('span', 'said', stranger(gistOf(value), 400)),
  )
  for (const { source, count: links, more } of linked ?? []) {
    row.append(
      el(
        'span',
        'tag expected',
        `${count(links)}${more === true ? ' and more' : ''} from `,
        stranger(source, 200),
      ),
    )
  }
  return row
}

/** A count, by intervals where it was asked so; an answer with a cursor is a part of it. */
function counts(first, method, params) {
  let sum = 0
  const total = el('p', 'figure')
  const table = el('tbody', '')
  const buckets = new Map()
  const more = el('div')
  const show = (answer) => {
    sum += answer.count
    total.textContent = `${counted(sum, 'record')}${answer.cursor === undefined ? '' : ' so far'}`
    for (const bucket of answer.buckets ?? [])
      buckets.set(bucket.start, (buckets.get(bucket.start) ?? 0) + bucket.count)
    const rows = [...buckets].slice(0, 500).map(([start, times]) => {
      const head = el('th', '', stranger(start, 60))
      head.scope = 'row'
      return el('tr', '', head, el('td', 'number', count(times)))
    })
    table.replaceChildren(...rows)
    const { cursor } = answer
    more.replaceChildren(...(cursor === undefined ? [] : [button('Count on', () => void goOn(cursor))]))
  }
  const goOn = async (cursor) => {
    try {
      show(await ask(method, { ...params, cursor }))
    } catch (error) {
      more.replaceChildren(problem(error, () => void goOn(cursor)))
    }
  }
  show(first)
  return [total, ...(buckets.size > 0 ? [el('table', '', table)] : []), more]
}
