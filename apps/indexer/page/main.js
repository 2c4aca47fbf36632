// Wires the views of the page to the indexer.
import { openCoverage } from './coverage.js'
import { el, recordLink } from './format.js'
import { openFailures } from './failures.js'
import { openLive } from './live.js'
import { createLatest } from './latest.js'
import { showStatus } from './overview.js'
import { openQuery } from './query.js'
import { openRecords } from './records.js'
import { openSearch } from './search.js'
import { openRouter } from './router.js'

const state = document.getElementById('state')
const stateText = document.getElementById('state-text')

function setState(kind, text) {
  state.className = `state ${kind}`
  if (stateText.textContent !== text) stateText.textContent = text
}

const latest = createLatest()
const RETRY_MS = 2000
/** The newest status, for views that show parts of it. */
const known = { status: null }

function connect() {
  const events = new EventSource('/events')
  events.addEventListener('open', () => setState('live', 'Live'))
  events.addEventListener('error', () => {
    setState('lost', 'Connection lost, trying again')
    // Browsers try again by themselves, but not after every kind of failure.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS)
  })
  events.addEventListener('record', (event) => latest.add(JSON.parse(event.data)))
  events.addEventListener('status', (event) => {
    const status = JSON.parse(event.data)
    known.status = status
    showStatus(status)
    const waiting = status.sources.filter((source) => source.state !== 'live')
    if (waiting.length === 0) setState('live', 'Live')
    else
      setState(
        '',
        waiting.length === status.sources.length ? 'Source not reached' : 'Some sources not reached',
      )
  })
}

// The link would be taken for an address of the router.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault()
  document.getElementById('main').focus()
})

connect()
const records = openRecords()
openRouter({
  overview: { section: 'overview' },
  live: openLive(),
  records: { section: 'browse', enter: () => records.enter([]) },
  at: records,
  search: openSearch(),
  query: openQuery(),
  coverage: openCoverage(
    () => known.status,
    ({ did }) => [el('p', '', recordLink('What is indexed of it', did))],
  ),
  failures: openFailures(),
})
