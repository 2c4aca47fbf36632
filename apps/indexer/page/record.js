// One record: what is known of it, its fields with the types of its lexicon, and links both ways.
import { bytes, count, el, factList, moment } from './format.js'
import { backlinks } from './backlinks.js'
import { linked } from './links.js'
import { ask, problem } from './request.js'
import { nodes, stranger } from './text.js'

/** Characters of the JSON that are shown; who wants all of it follows the link. */
const MAX_JSON = 100_000
const WHY = {
  invalid: 'It does not fit its lexicon:',
  unknown: 'It is not judged:',
  unreadable: 'It is no record:',
  'too-costly': 'It is not looked at:',
}

/** The nodes of a record's view. */
export async function showRecord(repo, collection, rkey) {
  const { did } = repo.startsWith('did:')
    ? { did: repo }
    : await ask('/xrpc/com.atproto.repo.describeRepo', { repo })
  const uri = `at://${did}/${collection}/${rkey}`
  const known = await ask('/records', { uri })
  const { list: facts, fact } = factList()
  fact('URI', stranger(known.uri))
  fact('CID', stranger(known.cid))
  fact('Lexicon', el('span', `tag ${known.validity}`, known.validity), ...reasonOf(known))
  fact('Proved by', known.provenance === 'live' ? 'a commit of the stream' : 'an export of the whole repo')
  fact('Indexed', `${moment(known.indexedAt)}, rev ${known.rev}`)
  if (known.size !== null) fact('Size', bytes(known.size))
  fact('Links to it', count(known.backlinks))
  return [
    facts,
    ...fieldsOf(known),
    ...linksOf(known),
    ...(known.backlinks > 0 ? await backlinks(uri) : []),
    rawOf(did, collection, rkey),
  ]
}

function reasonOf({ validity, reason }) {
  return reason === null ? [] : [` ${WHY[validity] ?? ''} `, stranger(reason, 600)]
}

function fieldsOf({ fields, isCut }) {
  if (fields === null)
    return [el('p', 'empty', 'Its content is larger or deeper than what is looked at here, or is no record.')]
  const head = ['Field', 'Value'].map((name) => {
    const cell = el('th', '', name)
    cell.scope = 'col'
    return cell
  })
  const table = el(
    'table',
    'fields',
    el('caption', '', 'Fields'),
    el('thead', '', el('tr', '', ...head)),
    el('tbody', '', ...fields.map(fieldRow)),
  )
  return isCut
    ? [
        table,
        el(
          'p',
          'hint',
          `These are the first ${count(fields.length)} fields. The record has more: see it as JSON.`,
        ),
      ]
    : [table]
}

function fieldRow({ depth, name, type, detail, description, declared, value, cutFrom }) {
  const kind = el('small', '', stranger(detail === null ? type : `${type} · ${detail}`, 300))
  if (!declared) kind.append(' · not in the lexicon')
  const header = el('th', `depth-${Math.min(depth, 8)}`, stranger(name, 200), kind)
  header.scope = 'row'
  const cell = el('td', `value ${type}`, ...valueOf(type, detail, value))
  if (cutFrom !== null) cell.append(el('small', '', ` the first 3,000 of ${count(cutFrom)} characters`))
  if (description !== null) cell.append(el('small', 'description', stranger(description, 300)))
  return el('tr', '', header, cell)
}

function valueOf(type, detail, value) {
  if (value === null) return type === 'null' ? [el('span', 'other', 'null')] : []
  if (typeof value !== 'string') return [el('span', 'other', String(value))]
  if (detail !== 'datetime') return [linked(value)]
  const time = Date.parse(value)
  if (Number.isNaN(time)) return [stranger(value)]
  return [stranger(value, 100), el('small', '', ` ${moment(time)} here`)]
}

function linksOf({ links }) {
  if (links === null || links.length === 0) return []
  const list = el('ul', 'rows')
  for (const { path, target } of links) {
    list.append(el('li', '', linked(target), el('span', 'who', stranger(path, 300))))
  }
  return [el('h3', '', 'What it links to'), list]
}

/** The record as it is, when somebody wants to see it. */
function rawOf(repo, collection, rkey) {
  const address = `/xrpc/com.atproto.repo.getRecord?${new URLSearchParams({ repo, collection, rkey })}`
  const whole = el('a', '', 'All of it')
  whole.href = address
  const content = el('div')
  const details = el('details', '', el('summary', '', 'As JSON'), content)
  const load = async () => {
    if (!details.open || content.childElementCount > 0) return
    try {
      const { value } = await ask(address)
      const text = JSON.stringify(value, null, 2)
      const pre = el('pre')
      pre.tabIndex = 0
      pre.setAttribute('aria-label', 'The record as JSON')
      pre.append(...nodes(text.slice(0, MAX_JSON)))
      const note =
        text.length > MAX_JSON ? `The first ${count(MAX_JSON)} of ${count(text.length)} characters. ` : ''
      content.replaceChildren(pre, el('p', 'note', note, whole))
    } catch (error) {
      content.replaceChildren(problem(error, () => void retry()))
    }
  }
  const retry = () => {
    content.replaceChildren()
    return load()
  }
  details.addEventListener('toggle', () => void load())
  return details
}
