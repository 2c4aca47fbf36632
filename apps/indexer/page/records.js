// The record browser: accounts → collections → records → one record. The place is in the address (#/at/did/collection/rkey).
import { el, factList, gistOf, recordLink } from './format.js'
import { backlinks } from './backlinks.js'
import { repoFacts } from './coverage.js'
import { showRecord } from './record.js'
import { ask, paged } from './request.js'
import { stranger } from './text.js'

const PAGE = 25

/** The view. */
export function openRecords() {
  const input = document.getElementById('browse-input')
  document.getElementById('browse-form').addEventListener('submit', (event) => {
    event.preventDefault()
    const path = input.value
      .trim()
      .replace(/^at:\/\//, '')
      .replace(/^@/, '')
    const next = `#/at/${path.split('/').map(encodeURIComponent).join('/')}`
    if (location.hash === next) window.dispatchEvent(new HashChangeEvent('hashchange'))
    else location.hash = next
  })
  return {
    section: 'browse',
    async enter(path) {
      const [repo, collection, rkey] = path
      showCrumbs(path.slice(0, 3))
      if (rkey !== undefined) return showRecord(repo, collection, rkey)
      if (collection !== undefined) return records(repo, collection)
      return repo === undefined ? accounts() : account(repo)
    },
  }
}

function showCrumbs(path) {
  const home = el('li', '', 'All accounts')
  if (path.length > 0) {
    const link = el('a', '', 'All accounts')
    link.href = '#/records'
    home.replaceChildren(link)
  }
  const rest = path.map((part, i) =>
    el('li', '', i === path.length - 1 ? stranger(part, 600) : recordLink(part, ...path.slice(0, i + 1))),
  )
  document.getElementById('crumbs').replaceChildren(home, ...rest)
}

function accounts() {
  return paged(
    async (cursor) => {
      const page = await ask('/accounts', { cursor })
      return { items: page.accounts, cursor: page.cursor }
    },
    ({ did, handle, status, rev }) =>
      el(
        'li',
        '',
        recordLink(handle ?? did, did),
        el('span', 'who', stranger(status ?? (handle === null ? `rev ${rev}` : did))),
      ),
    'No account is indexed yet.',
  )
}

async function account(actor) {
  const repo = await ask('/xrpc/com.atproto.repo.describeRepo', { repo: actor })
  const state = await ask('/repos', { did: repo.did }).catch(() => null)
  const { list: facts, fact } = factList()
  fact('Handle', repo.handleIsCorrect ? stranger(repo.handle, 300) : 'none verified')
  const list = el('ul', 'rows')
  for (const nsid of repo.collections) list.append(el('li', '', recordLink(nsid, repo.did, nsid)))
  if (repo.collections.length === 0) {
    return [facts, ...stateOf(state, repo), el('p', 'empty', 'No record of this account is indexed.')]
  }
  return [facts, ...stateOf(state, repo), el('h3', '', 'Collections'), list, ...(await backlinks(repo.did))]
}

function stateOf(state, { did }) {
  if (state !== null) return [repoFacts(state)]
  const { list, fact } = factList()
  fact('DID', stranger(did))
  return [list]
}

function records(repo, collection) {
  return paged(
    async (cursor) => {
      const page = await ask('/xrpc/com.atproto.repo.listRecords', { repo, collection, limit: PAGE, cursor })
      return { items: page.records, cursor: page.cursor }
    },
    (record) => {
      const rkey = record.uri.split('/').pop()
      const { createdAt } = record.value
      const said = gistOf(record.value)
      const row = el('li', '', recordLink(rkey, repo, collection, rkey))
      if (typeof createdAt === 'string') row.append(el('span', 'who', stranger(createdAt, 60)))
      if (said !== '') row.append(el('span', 'said', stranger(said, 300)))
      return row
    },
    'No record of this collection is indexed.',
  )
}
