// What of the network is here: repos by state, lag by source, and why a repo is behind.
import { clock, count, counted, duration, el, factList, moment, placeLink } from './format.js'
import { percent, repoStates, sourceRow, STATES } from './overview.js'
import { meaningOf, stateMeans } from './reasons.js'
import { ask } from './request.js'
import { stranger } from './text.js'

const FLAGS = {
  'first-sighting': 'seen first in the middle of its history, not read whole yet',
  gap: 'events are missing',
  legacy: 'its commits prove less than they do today',
}

/** The view. @param status the newest status, or null @param acts nodes to do something about a repo with */
export function openCoverage(status, acts = () => []) {
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
      const report = await ask('/coverage')
      const why = actor === undefined ? [] : await whyBehind(actor, acts)
      return [...why, ...whole(report, sums)]
    },
  }
}

function whole({ repos, behind, unreachable, synchronizedShare, audit, overQuota, now }, status) {
  const { bar, legend } = repoStates(repos)
  const { list, fact } = factList()
  fact('Known', count(repos.known))
  const complete = repos.synchronized - repos.partial
  fact(
    'Complete',
    `${count(complete)}${synchronizedShare === null ? '' : `, ${percent(synchronizedShare, 1)} of those that can be read`}`,
  )
  fact('Shown to be the newest', `${count(repos.confirmed)} within ${duration(repos.withinMs)}`)
  if (repos.partial > 0)
    fact('Known in part', `${count(repos.partial)}: the head is known, not all that was before it`)
  fact(
    'Waiting to be read',
    `${count(status.backfill.waiting)}, ${count(status.backfill.inProgress)} under way`,
  )
  fact('Unreachable now', count(unreachable))
  fact('Gone or closed', count(repos.terminal))
  if (overQuota > 0) fact('Out of room', `${counted(overQuota, 'account')}: not all that they have is here`)
  return [
    el('h3', '', 'Repos by state'),
    el('div', 'bar', ...bar),
    el('dl', 'legend', ...legend),
    list,
    ...behindTable(behind),
    el('h3', '', 'Lag by source'),
    el('ul', 'sources', ...status.sources.map(sourceRow)),
    el('h3', '', 'Compared with their hosts'),
    el('p', '', ...auditSays(audit)),
    el('p', 'note', `As of ${clock(now)}. `, jsonLink()),
  ]
}

function jsonLink() {
  const link = el('a', '', 'The report as JSON')
  link.href = '/coverage'
  return link
}

/** Why repos are not synchronized, the most frequent first. */
function behindTable(behind) {
  if (behind.length === 0) return []
  const head = ['State', 'Reason', 'Repos'].map((name, i) => {
    const cell = el('th', i === 2 ? 'number' : '', name)
    cell.scope = 'col'
    return cell
  })
  const rows = behind.map(({ status, reason, repos }) => {
    const meaning = meaningOf(reason)
    const why = el(
      'td',
      '',
      stranger(reason, 200),
      ...(meaning === null ? [] : [el('small', 'description', meaning)]),
    )
    return el(
      'tr',
      '',
      el('td', '', STATES[status] ?? stranger(status)),
      why,
      el('td', 'number', count(repos)),
    )
  })
  return [
    el('h3', '', 'Why repos are behind'),
    el('table', '', el('thead', '', el('tr', '', ...head)), el('tbody', '', ...rows)),
  ]
}

/** What the sampled audit found, and how sure that is. */
function auditSays(audit) {
  if (audit === null || audit.perMinute === 0) return ['The sampled audit is off.']
  const { repos, reposDifferent, reposUnknown, records, recordsDifferent } = audit
  const unknown = reposUnknown === 0 ? '' : ` ${counted(reposUnknown, 'repo')} could not be compared.`
  if (audit.reposDifferentAtMost === null) return [`Nothing was compared yet.${unknown}`]
  return [
    `${count(reposDifferent)} of ${counted(repos, 'repo')} and ${count(recordsDifferent)} of ${counted(records, 'record')} differed.${unknown} `,
    `With ${Math.round(audit.confidence * 100)} % confidence at most ${Number((audit.reposDifferentAtMost * 100).toPrecision(3))} % of the complete repos differ.`,
  ]
}

/** Where a repo stands, why, and what happens next. */
async function whyBehind(actor, acts) {
  const repo = await ask('/repos', { did: actor.replace(/^@/, '') })
  const title = el('h3', '', 'The repo of ', stranger(actor, 200))
  return [title, repoFacts(repo), ...acts(repo)]
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
