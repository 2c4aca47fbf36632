// What was refused: by reason, one by one, and the frame to look at.
import { accountLink, bytes, count, el, factList, moment, placeLink } from './format.js'
import { reasonRow } from './overview.js'
import { meaningOf } from './reasons.js'
import { ask, paged } from './request.js'
import { stranger } from './text.js'

const ROW_BYTES = 16

/**
 * The view: `#/failures/<reason>/<id>`.
 * @param acts nodes to do something about one letter with, or, without one, about all of them
 */
export function openFailures(acts = () => []) {
  return {
    section: 'failures-view',
    async enter([reason, id]) {
      if (id !== undefined) return letter(reason, id, acts)
      return reason === undefined ? all(acts) : letters(reason, acts)
    },
  }
}

async function all(acts) {
  const { failures } = await ask('/status')
  const newest = await list(undefined, acts)
  if (failures.byReason.length === 0) return [el('p', 'empty', 'None so far. Every event was verified.')]
  const head = ['Reason', 'Times', 'Last'].map((name, i) => {
    const cell = el('th', i > 0 ? 'number' : '', name)
    cell.scope = 'col'
    return cell
  })
  const table = el(
    'table',
    '',
    el('thead', '', el('tr', '', ...head)),
    el('tbody', '', ...failures.byReason.map(reasonRow)),
  )
  return [
    el(
      'p',
      'lead',
      'Nothing that could not be proved is stored. What was refused is kept for a while as a dead letter, with the frame it came in.',
    ),
    table,
    el('h3', '', 'Newest dead letters'),
    ...acts(null),
    ...newest,
  ]
}

const back = () => el('p', '', placeLink('All reasons', 'failures'))

async function letters(reason, acts) {
  const meaning = meaningOf(reason)
  return [
    back(),
    el('h3', '', stranger(reason, 200)),
    ...(meaning === null ? [] : [el('p', 'lead', meaning)]),
    ...(await list(reason, acts)),
  ]
}

function list(reason, acts) {
  return paged(
    async (cursor) => {
      const page = await ask('/failures', { reason, cursor })
      return { items: page.failures, cursor: page.cursor }
    },
    (item) => letterRow(item, acts),
    'No dead letter of this kind is kept.',
  )
}

function letterRow(item, acts) {
  const row = el(
    'li',
    '',
    placeLink(`${item.reason}, ${moment(item.at)}`, 'failures', item.reason, String(item.id)),
    el('span', 'who', item.did === null ? stranger(item.source) : accountLink(item.did, null)),
    el('span', 'said', stranger(item.message, 400)),
  )
  if (item.hasFrame) row.append(el('span', 'tag expected', 'with its frame'))
  row.append(...acts(item))
  return row
}

async function letter(reason, id, acts) {
  const item = await ask('/failures', { id })
  const { list: facts, fact } = factList()
  const meaning = meaningOf(item.reason)
  fact('Reason', stranger(item.reason), meaning === null ? '' : `: ${meaning}`)
  fact('Message', stranger(item.message))
  fact('When', moment(item.at))
  fact('Source', stranger(item.source), item.seq === null ? '' : `, number ${count(item.seq)}`)
  if (item.did !== null) {
    fact(
      'Account',
      accountLink(item.did, null),
      ' · ',
      placeLink('Why is this repo behind?', 'coverage', item.did),
    )
  }
  return [
    el('p', '', placeLink('All reasons', 'failures'), ' › ', placeLink(reason, 'failures', reason)),
    el('h3', '', 'Dead letter ', stranger(id, 20)),
    facts,
    ...acts({ ...item, id: Number(id) }),
    ...frameView(item.frame),
  ]
}

function frameView(frame) {
  if (frame === null) {
    return [
      el(
        'p',
        'empty',
        'Its frame is not here: it came in none, is not kept any more, or belongs to an account that is off.',
      ),
    ]
  }
  const kept = Uint8Array.from(atob(frame.base64), (character) => character.charCodeAt(0))
  const { lines, stopped } = frame.outline
  const isPart = kept.length < frame.length
  const outline = el('pre', 'outline')
  outline.tabIndex = 0
  outline.setAttribute('aria-label', 'What can be read of the frame')
  for (const { depth, name, text } of lines) {
    outline.append(
      '  '.repeat(depth),
      el('span', 'key', stranger(name, 300)),
      ': ',
      stranger(text, 600),
      '\n',
    )
  }
  if (stopped !== null)
    outline.append(el('span', 'stop', `— byte ${count(stopped.at)}: `, stranger(stopped.why, 200)))
  const dump = el('pre', 'dump', hexDump(kept))
  dump.tabIndex = 0
  dump.setAttribute('aria-label', 'The bytes of the frame')
  return [
    el('h3', '', 'The frame'),
    el(
      'p',
      'note',
      `${bytes(frame.length)}${isPart ? `, of which the first ${bytes(kept.length)} are kept` : ''}.`,
    ),
    outline,
    el('details', '', el('summary', '', 'Its bytes'), dump),
  ]
}

/** Sixteen bytes a line, as numbers and as characters. */
function hexDump(kept) {
  const lines = []
  for (let start = 0; start < kept.length; start += ROW_BYTES) {
    const row = [...kept.subarray(start, start + ROW_BYTES)]
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`${start.toString(16).padStart(4, '0')}  ${hex.padEnd(ROW_BYTES * 3)} ${text}`)
  }
  return lines.join('\n')
}
