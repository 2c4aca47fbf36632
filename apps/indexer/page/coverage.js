// What of the network is here: repos by state, lag by source, and why a repo is behind.
import { clock, count, counted, duration, el, factList, moment, placeLink, recordLink } from './format.js'
import { didOf } from './live.js'
import { percent, repoStates, sourceRow } from './overview.js'
import { meaningOf, stateMeans } from './reasons.js'
import { ask } from './request.js'
import { stranger } from './text.js'

const FLAGS = {
  'first-sighting': 'seen first in the middle of its history, not read whole yet',
  gap: 'events are missing',
  legacy: 'its commits prove less than they do today',
}

/** The view. @param status the newest status, or null */
export function openCoverage(status) {
  const form = document.getElementById('why-form')
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const name = document.getElementById('why-input').value.trim()
    const next = `#/coverage/${encodeURIComponent(name)}`
    if (location.hash === next) window.dispatchEvent(new HashChangeEvent('hashchange'))
    else location.hash = next
  })
  return {
    section: 'coverage-view',
    async enter([actor]) {
      const sums = status() ?? (await ask('/status'))
      const why = actor === undefined ? [] : await whyBehind(actor)
      return [...why, ...whole(sums)]
    },
  }
}

function whole({ repos, sources, backfill, overQuota, now }) {
  const { bar, legend } = repoStates(repos)
  const { list, fact } = factList()
  fact('Known', count(repos.known))
  fact(
    'Whole, and shown to be the newest',
    `${count(repos.confirmed)} within ${duration(repos.withinMs)}${repos.known > 0 ? ` (${percent(repos.confirmed, repos.known)})` : ''}`,
  )
  if (repos.partial > 0)
    fact('Known in part', `${count(repos.partial)}: the head is known, not all that was before it`)
  fact('Waiting to be read', `${count(backfill.waiting)}, ${count(backfill.inProgress)} under way`)
  if (overQuota > 0) fact('Out of room', `${counted(overQuota, 'account')}: not all that they have is here`)
  return [
    el('h3', '', 'Repos by state'),
    el('div', 'bar', ...bar),
    el('dl', 'legend', ...legend),
    list,
    el('h3', '', 'Lag by source'),
    el('ul', 'sources', ...sources.map(sourceRow)),
    el('p', 'note', `As of ${clock(now)}.`),
  ]
}

/** Where a repo stands, why, and what happens next. */
async function whyBehind(actor) {
  const did = await didOf(actor)
  const repo = await ask('/repos', { did })
  const title = el('h3', '', 'The repo of ', stranger(actor, 200))
  return [title, repoFacts(repo), el('p', '', recordLink('What is indexed of it', did))]
}

/** The facts of a repo's state. */
export function repoFacts(repo) {
  const { list, fact } = factList()
  const isFine = repo.status === 'synchronized'
  fact(
    'State',
    el('span', `tag ${isFine ? 'valid' : 'update'}`, stranger(repo.status)),
    ` ${stateMeans(repo.status)}`,
  )
  fact('DID', stranger(repo.did))
  if (repo.reason !== null) {
    const meaning = meaningOf(repo.reason)
    fact('Reason', placeLink(repo.reason, 'failures', repo.reason), meaning === null ? '' : ` ${meaning}`)
  }
  if (repo.attempts > 0) fact('Tries', `${counted(repo.attempts, 'try', 'tries')} failed`)
  if (!isFine && repo.nextTry !== null) {
    fact(
      'Next try',
      repo.nextTry <= Date.now()
        ? 'due now'
        : `${moment(repo.nextTry)}, in ${duration(repo.nextTry - Date.now())}`,
    )
  }
  for (const flag of repo.flags) fact('Known in part', FLAGS[flag] ?? stranger(flag))
  fact('Revision', repo.rev === null ? 'none yet' : stranger(repo.rev))
  fact('Shown to be the newest', repo.confirmedAt === null ? 'not yet' : moment(repo.confirmedAt))
  return list
}
