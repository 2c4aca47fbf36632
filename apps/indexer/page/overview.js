// The overview: tiles, states of repos, failures and sources, as the indexer sends them every second.
import { bytes, clock, count, counted, duration, el, placeLink } from './format.js'
import { stranger, written } from './text.js'

const at = (id) => document.getElementById(id)
const rates = []
const MAX_RATES = 60

/** The states of repos, in words. */
export const STATES = {
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
  const shown = written(text)
  if (element.textContent !== shown) element.textContent = shown
}

/** Shows a status. */
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
  const { bar, legend } = repoStates(repos)
  at('coverage-bar').replaceChildren(...bar)
  at('coverage').replaceChildren(...legend)
  showReasons(failures.byReason)
  at('sources').replaceChildren(...status.sources.map(sourceRow))
}

/** Accounts of which not all is here, if there are any. */
function full(accounts) {
  if (accounts === 0) return ''
  return `, ${counted(accounts, 'account has', 'accounts have')} used up their room`
}

/** The threads that verify, and what is to be known of them. */
function threads(workers) {
  if (workers === null) return ''
  const { size, replaced } = workers
  return `, ${counted(size, 'verifying thread')}${replaced > 0 ? ` (${count(replaced)} replaced)` : ''}`
}

/** Numbers with their words, those that are 0 left out. */
function listed(changes) {
  return changes
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${count(number)} ${word}`)
    .join(', ')
}

/** A part of a whole, in percent, never said to be more than it is. */
export function percent(part, whole) {
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

/** How many repos are in each state: the parts of a bar, and its legend. What is an exception has its place only when there is one. */
export function repoStates(repos) {
  const parts = Object.keys(STATES).filter((name) => !RARE.has(name) || repos[name] > 0)
  const bar = parts
    .filter((name) => repos[name] > 0)
    .map((name) => {
      const part = el('i', name)
      part.style.flexGrow = String(repos[name])
      return part
    })
  const legend = parts.flatMap((name) => [el('dt', name, STATES[name]), el('dd', '', count(repos[name]))])
  return { bar, legend }
}

function showReasons(reasons) {
  at('reasons-empty').hidden = reasons.length > 0
  at('reasons').hidden = reasons.length === 0
  at('reasons').tBodies[0].replaceChildren(...reasons.map(reasonRow))
}

/** A reason with how often, and a link to its dead letters where some are kept. */
export function reasonRow({ reason, fault, count: times, lastAt }) {
  const name = el('td', '', fault ? placeLink(reason, 'failures', reason) : stranger(reason))
  if (!fault) name.append(' ', el('span', 'tag expected', 'expected'))
  return el('tr', '', name, el('td', 'number', count(times)), el('td', 'number', clock(lastAt)))
}

/** A source: what it is, and how far behind. */
export function sourceRow(source) {
  const tag = el('span', `tag ${source.state === 'live' ? 'valid' : 'update'}`, source.state)
  const facts = [source.kind]
  if (source.seq !== null) facts.push(`seq ${count(source.seq)}`)
  facts.push(source.lagMs === null ? 'no event yet' : `${duration(source.lagMs)} behind`)
  return el('li', '', stranger(source.url), ' ', tag, el('small', '', facts.join(' · ')))
}
