// The record browser: accounts → collections → records → one record. The place is in the address (#/did/collection/rkey).
import { clock, count, el, recordLink } from './format.js'

const view = document.getElementById('browse-view')
const crumbs = document.getElementById('crumbs')
const input = document.getElementById('browse-input')
const PAGE = 25
// Each visit has a number, so that a slow answer to an earlier one is not shown over a later one.
const visits = { newest: 0 }

/** Starts it: shows what the address says. */
export function openBrowser() {
  document.getElementById('browse-form').addEventListener('submit', (event) => {
    event.preventDefault()
    const path = input.value
      .trim()
      .replace(/^at:\/\//, '')
      .replace(/^@/, '')
    const next = `#/${path.split('/').map(encodeURIComponent).join('/')}`
    if (location.hash === next) void visit()
    else location.hash = next
  })
  window.addEventListener('hashchange', () => {
    void visit()
    document.getElementById('browse').scrollIntoView({ block: 'start' })
  })
  void visit()
}

async function query(method, params) {
  const search = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== undefined))
  const response = await fetch(`/xrpc/${method}?${search}`)
  const body = await response.json()
  if (!response.ok) throw new Error(body.message ?? body.error ?? `HTTP ${response.status}`)
  return body
}

async function visit() {
  const visitNumber = ++visits.newest
  const path = location.hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decodeURIComponent)
  const [repo, collection, rkey] = path
  showCrumbs(path)
  let content
  try {
    if (rkey !== undefined) content = await oneRecord(repo, collection, rkey)
    else if (collection !== undefined) content = await records(repo, collection)
    else if (repo !== undefined) content = await collections(repo)
    else content = await accounts()
  } catch (error) {
    content = [el('p', 'error', error.message)]
  }
  if (visitNumber === visits.newest) view.replaceChildren(...content)
}

function showCrumbs(path) {
  const home = el('li', '', path.length === 0 ? 'All accounts' : recordLink('All accounts'))
  const rest = path.map((part, i) =>
    el('li', '', i === path.length - 1 ? part : recordLink(part, ...path.slice(0, i + 1))),
  )
  crumbs.replaceChildren(home, ...rest)
}

/** A list whose next page is fetched by a button. */
function paged(fetchPage, toRow, emptyText) {
  const list = el('ul', 'rows')
  const more = el('button', 'more', 'More')
  more.type = 'button'
  let cursor
  const load = async () => {
    const page = await fetchPage(cursor)
    list.append(...page.items.map(toRow))
    cursor = page.cursor
    more.hidden = cursor === undefined || page.items.length === 0
    if (list.children.length === 0) list.append(el('li', 'empty', emptyText))
  }
  more.addEventListener('click', () => {
    void load()
  })
  return load().then(() => [list, more])
}

function accounts() {
  return paged(
    async (cursor) => {
      const response = await fetch(`/accounts?${new URLSearchParams(cursor === undefined ? {} : { cursor })}`)
      const page = await response.json()
      return { items: page.accounts, cursor: page.cursor }
    },
    (account) =>
      el(
        'li',
        '',
        recordLink(account.handle ?? account.did, account.did),
        el('span', 'who', account.status ?? (account.handle === null ? `rev ${account.rev}` : account.did)),
      ),
    'No account is indexed yet.',
  )
}

/** Why a repo is not synchronized, and when it is tried next. */
function whyBehind({ reason, attempts, nextTry }) {
  const tries = attempts > 0 ? `, ${attempts} ${attempts === 1 ? 'try' : 'tries'} failed` : ''
  const next = nextTry === null ? '' : nextTry <= Date.now() ? ', due now' : `, next try at ${clock(nextTry)}`
  return `${reason ?? ''}${tries}${next}`
}

async function collections(actor) {
  const repo = await query('com.atproto.repo.describeRepo', { repo: actor })
  const response = await fetch(`/repos?${new URLSearchParams({ did: repo.did })}`)
  const state = response.ok ? await response.json() : null
  const facts = el('dl', 'facts')
  const fact = (name, ...value) => facts.append(el('dt', '', name), el('dd', '', ...value))
  fact('DID', repo.did)
  fact('Handle', repo.handleIsCorrect ? repo.handle : 'none verified')
  if (state) {
    const isFine = state.status === 'synchronized'
    fact(
      'State',
      el('span', `tag ${isFine ? 'valid' : 'update'}`, state.status),
      isFine ? '' : ` ${whyBehind(state)}`,
    )
    fact('Revision', state.rev ?? 'none yet')
  }
  const list = el('ul', 'rows')
  for (const nsid of repo.collections) list.append(el('li', '', recordLink(nsid, repo.did, nsid)))
  if (repo.collections.length === 0) list.append(el('li', 'empty', 'No record of this account is indexed.'))
  return [facts, list]
}

function records(repo, collection) {
  return paged(
    async (cursor) => {
      const page = await query('com.atproto.repo.listRecords', { repo, collection, limit: PAGE, cursor })
      return { items: page.records, cursor: page.cursor }
    },
    (record) => {
      const rkey = record.uri.split('/').pop()
      const said =
        record.value.text ??
        record.value.displayName ??
        record.value.name ??
        record.value.subject?.uri ??
        record.value.subject
      const row = el(
        'li',
        '',
        recordLink(rkey, repo, collection, rkey),
        el('span', 'who', record.value.createdAt ?? ''),
      )
      if (typeof said === 'string' && said) row.append(el('span', 'said', said))
      return row
    },
    'No record of this collection is indexed.',
  )
}

async function oneRecord(repo, collection, rkey) {
  const record = await query('com.atproto.repo.getRecord', { repo, collection, rkey })
  const response = await fetch(`/records?${new URLSearchParams({ uri: record.uri })}`)
  const meta = response.ok ? await response.json() : null
  const facts = el('dl', 'facts')
  const fact = (name, ...value) => facts.append(el('dt', '', name), el('dd', '', ...value))
  fact('URI', record.uri)
  fact('CID', record.cid)
  if (meta) {
    fact('Lexicon', el('span', `tag ${meta.validity}`, meta.validity), meta.reason ? ` ${meta.reason}` : '')
    fact('Proved by', meta.provenance === 'live' ? 'a commit of the stream' : 'an export of the whole repo')
    fact(
      'Indexed',
      `${new Date(meta.indexedAt).toLocaleDateString('en-GB')} ${clock(meta.indexedAt)}, rev ${meta.rev}`,
    )
    fact('Links to it', count(meta.backlinks))
  }
  const pre = el('pre')
  pre.tabIndex = 0
  pre.append(...pretty(record.value, ''))
  return [facts, pre]
}

/** JSON with colours and with at:// URIs and DIDs as links, built of elements, not of markup. */
function* pretty(value, indent) {
  const inner = `${indent}  `
  if (typeof value === 'string') {
    const text = JSON.stringify(value)
    const path = value.startsWith('at://')
      ? value.slice(5).split('/')
      : value.startsWith('did:')
        ? [value]
        : null
    if (path === null) yield el('span', 'string', text)
    else yield recordLink(text, ...path)
  } else if (Array.isArray(value) && value.length > 0) {
    yield '[\n'
    for (const [i, item] of value.entries()) {
      yield inner
      yield* pretty(item, inner)
      yield i < value.length - 1 ? ',\n' : '\n'
    }
    yield `${indent}]`
  } else if (value !== null && typeof value === 'object' && Object.keys(value).length > 0) {
    yield '{\n'
    const entries = Object.entries(value)
    for (const [i, [key, item]] of entries.entries()) {
      yield inner
      yield el('span', 'key', JSON.stringify(key))
      yield ': '
      yield* pretty(item, inner)
      yield i < entries.length - 1 ? ',\n' : '\n'
    }
    yield `${indent}}`
  } else yield el('span', 'other', JSON.stringify(value))
}
