// What is going on: what is wanted, what is being removed or made anew, and what needs a look.
import { count, counted, el, factList, moment, placeLink } from '../format.js'
import { repoStates, sourceRow } from '../overview.js'
import { ask } from '../request.js'
import { stranger } from '../text.js'
import { act, actions } from './acts.js'

/** The view. */
export function openOverview() {
  return { section: 'overview', enter: async () => show(await ask('/status')) }
}

function show(status) {
  const { totals, repos, wanted, failures, consumers, removals, reindex, judging } = status
  const { bar, legend } = repoStates(repos)
  const { list, fact } = factList()
  fact(
    'Indexed',
    stranger(wanted.collections === null ? 'all collections' : wanted.collections.join(', '), 1000),
  )
  fact('Of whom', stranger(whoSays(wanted), 300))
  fact('Named', `${counted(wanted.named, 'repo')} `, placeLink('Repos', 'repos'))
  fact('Records', count(totals.records))
  fact('Failures', count(failures.faults), ' ', placeLink('Reasons and frames', 'failures'))
  if (removals.repos > 0 || removals.collections)
    fact(
      'Being removed',
      [
        removals.repos > 0 ? counted(removals.repos, 'repo') : '',
        removals.collections ? 'records of collections' : '',
      ]
        .filter(Boolean)
        .join(', '),
    )
  if (reindex !== null)
    fact(
      'Made anew',
      reindex.finishedAt === null
        ? `${Math.floor(reindex.progress * 100)} %`
        : `finished ${moment(reindex.finishedAt)}`,
    )
  for (const { collection, progress } of judging)
    fact('Judged by other lexicons', stranger(collection, 300), ` ${Math.floor(progress * 100)} %`)
  const lost = consumers.filter((consumer) => consumer.lost > 0)
  for (const { name } of lost) fact('Lost events', placeLink(name, 'consumers', name))
  const again = async () => {
    await act('reindex', {})
    return 'Labels, links and indexes are made anew from the stored records.'
  }
  const readLexicons = async () => {
    const { documents, notes } = await act('lexicons/reload', {})
    return [`${counted(documents.length, 'lexicon')} in force.`, ...notes].join(' ')
  }
  return [
    list,
    actions(
      [
        'Make labels, links and indexes anew',
        'Make labels, links and indexes anew',
        'Go through all stored records?',
        again,
      ],
      ['Read lexicons anew', 'Read lexicons anew', null, readLexicons],
    ),
    el('h3', '', 'Repos by state'),
    el('div', 'bar', ...bar),
    el('dl', 'legend', ...legend),
    el('p', '', placeLink('Why repos are behind', 'coverage')),
    el('h3', '', 'Sources'),
    el('ul', 'sources', ...status.sources.map(sourceRow)),
    ...findingList(wanted.finding),
  ]
}

function whoSays({ everything, signal, collections }) {
  if (everything) return 'every repo'
  if (signal !== null) return `repos with a record of ${signal}`
  return collections === null ? 'named repos alone' : 'repos that have records of them'
}

function findingList(finding) {
  if (finding.length === 0) return []
  const rows = finding.map(({ host, collections, state, named, readAt }) =>
    el(
      'li',
      '',
      stranger(host, 300),
      ' ',
      el('span', `tag ${state === 'read' ? 'valid' : 'update'}`, state),
      el(
        'small',
        '',
        `${counted(named, 'repo')} with `,
        stranger(collections.join(', '), 300),
        readAt === null ? '' : `, ${moment(readAt)}`,
      ),
    ),
  )
  return [el('h3', '', 'Who was asked for repos'), el('ul', 'sources', ...rows)]
}
