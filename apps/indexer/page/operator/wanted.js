// What is indexed: collections, and the repos that were named.
import { count, counted, el, placeLink } from '../format.js'
import { stateMeans } from '../reasons.js'
import { ask, paged } from '../request.js'
import { stranger } from '../text.js'
import { act, actions, perform, wordsOf } from './acts.js'

const at = (id) => document.getElementById(id)

/** The view of the collections. */
export function openCollections() {
  const form = at('collections-form')
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const names = wordsOf(at('collections-input').value)
    void perform(form, null, async () => {
      const { count: added } = await act('collections/add', { collections: names })
      form.reset()
      return `${counted(added, 'collection')} added. They are looked for, and read of the repos that are followed.`
    })
  })
  return {
    section: 'collections',
    async enter() {
      const { collections } = await ask('/admin/collections')
      if (collections === null)
        return [el('p', 'empty', 'All collections of the repos that are followed are indexed.')]
      return [el('ul', 'rows', ...collections.map(collectionRow))]
    },
  }
}

function collectionRow(name) {
  const remove = async () => {
    await act('collections/remove', { collections: [name] })
    return `${name} is not indexed any more. Its records are being removed.`
  }
  const question = `Remove ${name}, and its records with it?`
  return el('li', '', stranger(name, 300), actions(['Remove', `Remove ${name}`, question, remove]))
}

const DONE = {
  add: (n) => `${counted(n, 'repo')} added. What they have is read.`,
  resync: (n) => `${counted(n, 'repo')} ${n === 1 ? 'is' : 'are'} read anew.`,
  remove: (n) => `${counted(n, 'repo')} followed no more. What is stored of them is being removed.`,
}

/** Does something to repos. @param what `add`, `resync` or `remove` @returns what to say */
export async function doToRepos(what, dids) {
  const { count: number } = await act(what === 'resync' ? what : `repos/${what}`, { dids })
  return DONE[what](number)
}

/** The view of the repos that were named. */
export function openRepos() {
  const form = at('repos-form')
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const what = event.submitter?.value || 'add'
    const dids = wordsOf(at('repos-input').value)
    const sure =
      what === 'remove' ? `Remove ${counted(dids.length, 'repo')}, and what is stored of them?` : null
    void perform(form, sure, async () => {
      const said = await doToRepos(what, dids)
      form.reset()
      return said
    })
  })
  return {
    section: 'repos-view',
    async enter() {
      const { wanted } = await ask('/status')
      const list = await paged(
        async (cursor) => {
          const page = await ask('/admin/repos', { cursor, limit: 50 })
          return { items: page.repos, cursor: page.cursor }
        },
        repoRow,
        'No repo was named.',
      )
      return [el('p', 'note', `${count(wanted.named)} named.`), el('h3', '', 'Named repos'), ...list]
    },
  }
}

function repoRow({ did, status, reason }) {
  const said = status === null ? 'nothing of it was read yet' : `${status}: ${stateMeans(status)}`
  return el(
    'li',
    '',
    placeLink(did, 'coverage', did),
    el('span', 'said', stranger(reason === null ? said : `${said} (${reason})`, 300)),
    repoActs({ did }),
  )
}

/** What can be done about a repo. */
export function repoActs({ did }) {
  const question = `Remove ${did}, and what is stored of it? It is followed no more, whatever it writes.`
  return actions(
    ['Read anew', `Read anew: ${did}`, null, () => doToRepos('resync', [did])],
    ['Remove', `Remove ${did}`, question, () => doToRepos('remove', [did])],
  )
}
