// Wires the parts of the page to the indexer's event stream.
import { openBrowser } from './browse.js'
import { showFailure, showOldFailures, showStatus } from './status.js'
import { createStream } from './stream.js'

const state = document.getElementById('state')
const stateText = document.getElementById('state-text')

function setState(kind, text) {
  state.className = `state ${kind}`
  if (stateText.textContent !== text) stateText.textContent = text
}

const stream = createStream()
const RETRY_MS = 2000

function connect() {
  const events = new EventSource('/events')
  events.addEventListener('open', () => setState('live', 'Live'))
  events.addEventListener('error', () => {
    setState('lost', 'Connection lost, trying again')
    // Browsers try again by themselves, but not after every kind of failure.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS)
  })
  events.addEventListener('record', (event) => stream.add(JSON.parse(event.data)))
  events.addEventListener('failure', (event) => showFailure(JSON.parse(event.data)))
  events.addEventListener('status', (event) => {
    const status = JSON.parse(event.data)
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

// The old ones first, so that the newest is at the top.
void showOldFailures().finally(connect)
openBrowser()
