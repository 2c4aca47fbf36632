// The tiles, the states of repos, the failures and the sources.
import { bytes, clock, count, duration, el } from './format.js'

const at = (id) => document.getElementById(id)
const rates = []
const MAX_RATES = 60
const MAX_LETTERS = 20

const STATES = {
  synchronized: 'Synchronized',
  unconfirmed: 'To be confirmed',
  suspect: 'In doubt',
  resyncing: 'Being read',
  desynchronized: 'Waiting to be read',
  terminal: 'Gone or closed',
}

const RARE = new Set(['unconfirmed', 'suspect', 'terminal'])

function set(id, text) {
  const element = at(id)
  if (element.textContent !== text) element.textContent = text
}

/** Shows a status as the indexer sends it every second. */
export function showStatus(status) {
  const { totals, repos, failures } = status
  set('records', count(totals.records))
  const changes = ['created', 'updated', 'deleted'].map((word) => [totals[`${word.slice(0, -1)}s`], word])
  set('records-note', listed(changes) || 'none yet')
  set('commits', count(totals.commits))
  set('commits-note', `${count(Math.round(status.rates.commits * 10) / 10)} a second`)
  set('repos', count(repos.known))
  set(
    'repos-note',
    repos.known > 0
      ? `${percent(repos.confirmed, repos.known)} confirmed within ${duration(repos.withinMs)}`
      : 'none seen yet',
  )
  set('lag', status.lagMs === null ? '–' : duration(status.lagMs))
  set('lag-note', status.lagMs === null ? 'no event yet' : 'from event to index')
  set('failures', count(failures.faults))
  set('failures-note', failures.faults > 0 ? 'refused, see the reasons' : 'every event was verified')
  at('failures-tile').classList.toggle('bad', failures.faults > 0)
  set(
    'version',
    `avocet-indexer ${status.version}, up ${duration(status.now - status.startedAt)}, database ${bytes(status.database.bytes)}${threads(status.workers)}${full(status.overQuota)}`,
  )
  showRates(status.rates.commits)
  showCoverage(repos)
  showReasons(failures.byReason)
  showSources(status.sources)
}

/** Accounts of which not all is here, if there are any. */
function full(accounts) {
  if (accounts === 0) return ''
  return `, ${count(accounts)} ${accounts === 1 ? 'account has' : 'accounts have'} used up their room`
}

/** The threads that verify, and what is to be known of them. */
function threads(workers) {
  if (workers === null) return ''
  const { size, replaced } = workers
  return `, ${count(size)} verifying ${size === 1 ? 'thread' : 'threads'}${replaced > 0 ? ` (${count(replaced)} replaced)` : ''}`
}

/** Numbers with their words, those that are 0 left out. */
function listed(changes) {
  return changes
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${count(number)} ${word}`)
    .join(', ')
}

function percent(part, whole) {
  return `${Math.floor((part / whole) * 1000) / 10} %`
}

function showRates(rate) {
  rates.push(rate)
  if (rates.length > MAX_RATES) rates.shift()
  const top = Math.max(1, ...rates)
  // The newest is at the right edge.
  const x = (i) => (120 - ((rates.length - 1 - i) / (MAX_RATES - 1)) * 120).toFixed(1)
  const points = rates.map((value, i) => `${x(i)} ${(31 - (value / top) * 28).toFixed(1)}`)
  const [area, line] = at('spark').querySelectorAll('path')
  line.setAttribute('d', `M${points.join('L')}`)
  area.setAttribute('d', `M${x(0)} 32L${points.join('L')}L120 32Z`)
}

function showCoverage(repos) {
  // What is an exception has its place only when there is one.
  const parts = Object.keys(STATES).filter((name) => !RARE.has(name) || repos[name] > 0)
  at('coverage-bar').replaceChildren(
    ...parts
      .filter((name) => repos[name] > 0)
      .map((name) => {
        const part = el('i', name)
        part.style.flexGrow = String(repos[name])
        return part
      }),
  )
  at('coverage').replaceChildren(
    ...parts.flatMap((name) => [el('dt', name, STATES[name]), el('dd', '', count(repos[name]))]),
  )
}

function showReasons(reasons) {
  at('reasons-empty').hidden = reasons.length > 0
  at('reasons').hidden = reasons.length === 0
  at('reasons').tBodies[0].replaceChildren(
    ...reasons.map((row) => {
      const name = el('td', '', row.reason)
      if (!row.fault) name.append(' ', el('span', 'tag expected', 'expected'))
      return el('tr', '', name, el('td', 'number', count(row.count)), el('td', 'number', clock(row.lastAt)))
    }),
  )
}

function showSources(sources) {
  at('sources').replaceChildren(
    ...sources.map((source) => {
      const tag = el('span', `tag ${source.state === 'live' ? 'valid' : 'update'}`, source.state)
      const facts = [source.kind]
      if (source.seq !== null) facts.push(`seq ${count(source.seq)}`)
      if (source.lagMs !== null) facts.push(`${duration(source.lagMs)} behind`)
      return el('li', '', source.url, ' ', tag, el('small', '', facts.join(' · ')))
    }),
  )
}

/** Shows one failure among the newest. */
export function showFailure(failure) {
  const list = at('letters-list')
  at('letters').hidden = false
  const where = failure.did ?? failure.source
  list.prepend(
    el('li', '', el('strong', '', failure.reason), ` ${clock(failure.at)} ${where}: ${failure.message}`),
  )
  while (list.children.length > MAX_LETTERS) list.lastChild.remove()
}

/** Shows the newest refused events from before the page was opened. */
export async function showOldFailures() {
  const response = await fetch('/failures')
  const { failures } = await response.json()
  for (const failure of failures.toReversed()) showFailure(failure)
}
