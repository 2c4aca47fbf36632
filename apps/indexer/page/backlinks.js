// Who points to a record or an account: the places they do it from with counts, and each of them page by page.
import { counted, el, recordLink } from './format.js'
import { ask, paged, problem } from './request.js'
import { stranger } from './text.js'

const PAGE = 25

/** The sources of links to a subject, each to be opened. Empty where there are none. */
export async function backlinks(subject) {
  const { sources, isCut } = await ask('/link-sources', { subject })
  if (sources.length === 0) return []
  return [
    el('h3', '', 'What links to it'),
    ...sources.map((source) => group(subject, source)),
    ...(isCut ? [el('p', 'hint', `There are more places than these ${sources.length}.`)] : []),
  ]
}

function group(subject, { collection, path, links, dids }) {
  const content = el('div')
  const title = el('span', 'who', ` ${counted(links, 'link')} of ${counted(dids, 'account')}`)
  const details = el('details', '', el('summary', '', stranger(`${collection}${path}`, 400), title), content)
  const load = async () => {
    try {
      const source = `${collection}:${path.replace(/^\./, '')}`
      const list = await paged(
        async (cursor) => {
          const page = await ask('/xrpc/blue.microcosm.links.getBacklinks', {
            subject,
            source,
            limit: PAGE,
            cursor,
          })
          return { items: page.records, cursor: page.cursor }
        },
        (record) => el('li', '', recordLink(record.uri, record.did, record.collection, record.rkey)),
        'Those who link to it are off at the moment.',
      )
      content.replaceChildren(...list)
    } catch (error) {
      content.replaceChildren(problem(error, () => void load()))
    }
  }
  details.addEventListener('toggle', () => {
    if (details.open && content.childElementCount === 0) void load()
  })
  return details
}
