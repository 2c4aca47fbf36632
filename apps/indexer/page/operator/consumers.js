// Groups of Tap and webhooks: how far each is, and what was given up.
import { count, counted, duration, el, factList, moment, placeLink } from '../format.js'
import { ask, paged } from '../request.js'
import { stranger } from '../text.js'
import { act, actions } from './acts.js'

/** The view: `#/consumers/<name>`. */
export function openConsumers() {
  return {
    section: 'consumers',
    async enter([name]) {
      const { consumers } = await ask('/admin/consumers')
      if (name === undefined) return all(consumers)
      const one = consumers.find((consumer) => consumer.name === name)
      const back = el('p', '', placeLink('All consumers', 'consumers'))
      return one === undefined
        ? [back, el('p', 'empty', 'There is none of this name.')]
        : [back, ...(await details(one))]
    },
  }
}

function all(consumers) {
  if (consumers.length === 0)
    return [el('p', 'empty', 'None: no group of Tap was made, and there is no webhook.')]
  return [
    el(
      'p',
      'lead',
      'Groups of Tap are made when a client asks for one; webhooks stand in the file that --webhooks names.',
    ),
    el('ul', 'rows', ...consumers.map(row)),
  ]
}

function row(consumer) {
  const item = el('li', '', placeLink(consumer.name, 'consumers', consumer.name))
  const facts = [`${count(consumer.behind)} behind`, `${count(consumer.unacked)} not acknowledged`]
  if (consumer.deadLetters > 0) facts.push(counted(consumer.deadLetters, 'dead letter'))
  item.append(el('span', 'who', facts.join(', ')))
  if (consumer.lost > 0) item.append(el('span', 'said lost', lostSays(consumer)))
  return item
}

const lostSays = ({ lost, lostAt }) =>
  `${counted(lost, 'number')} of the log gone before it got there${lostAt === null ? '' : `, last ${moment(lostAt)}`}.`

async function details(consumer) {
  const { name } = consumer
  const { list, fact } = factList()
  fact('Behind', `${counted(consumer.behind, 'number')} of the log`)
  fact('Not acknowledged', `${count(consumer.unacked)}, of which ${count(consumer.failing)} failed`)
  if (consumer.oldestMs !== null) fact('The oldest of them', `${duration(consumer.oldestMs)} ago`)
  fact('At it now', count(consumer.consumers))
  if (consumer.parked > 0) fact('Read apart', counted(consumer.parked, 'account'))
  if (consumer.lost > 0) fact('Lost', lostSays(consumer))
  if (consumer.snapshot !== null) fact('Snapshot', `${Math.floor(consumer.snapshot * 100)} % given`)
  if (consumer.origin !== undefined) fact('Goes to', stranger(consumer.origin))
  if (typeof consumer.disabled === 'string') fact('Off', stranger(consumer.disabled))
  const whole = [
    'Give the whole index',
    `Give the whole index to ${name}`,
    `Give ${name} the whole index, beside what happens?`,
    async () => {
      await act('consumers/snapshot', { name })
      return `${name} is given the whole index.`
    },
  ]
  const remove = [
    'Remove',
    `Remove ${name}`,
    `Forget ${name}, with its place and its dead letters?`,
    async () => {
      await act('consumers/remove', { name })
      location.hash = '#/consumers'
      return `${name} is gone.`
    },
  ]
  // The file that names a webhook is what removes it.
  const acts = actions(...(name.startsWith('tap/') ? [whole, remove] : [whole]))
  const letters = await paged(
    async (cursor) => {
      const page = await ask('/admin/consumers/dead-letters', { name, cursor, limit: 25 })
      return { items: page.letters, cursor: page.cursor }
    },
    (letter) => letterRow(name, letter),
    'None was given up.',
  )
  return [el('h3', '', stranger(name, 100)), list, acts, el('h3', '', 'Dead letters'), ...letters]
}

function letterRow(name, { id, seq, at, tries, reason, kind, did, collection, rkey }) {
  const path = collection === null ? did : `${did}/${collection}/${rkey}`
  const done = async (what) => {
    const { count: number } = await act(`consumers/${what}`, { name, ids: [id] })
    const left = what === 'retry' && number === 0 ? ' The log does not have it any more.' : ''
    return `${counted(number, 'letter')} ${what === 'retry' ? 'tried again' : 'dismissed'}.${left}`
  }
  return el(
    'li',
    '',
    el('span', 'who', `${kind} ${count(seq)}, ${moment(at)}, after ${counted(tries, 'try', 'tries')}`),
    el('span', 'said', stranger(path, 400)),
    el('span', 'said', stranger(reason, 300)),
    actions(
      ['Try again', `Try again: ${count(seq)}`, null, () => done('retry')],
      ['Dismiss', `Dismiss ${count(seq)}`, null, () => done('dismiss')],
    ),
  )
}
