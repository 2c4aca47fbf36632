// What is done about dead letters of the index: their repos are read anew, or they are taken away.
import { count, counted } from '../format.js'
import { act, actions } from './acts.js'

async function retry(choice) {
  const { repos, letters, left } = await act('dead-letters/retry', choice)
  const rest = left === 0 ? '' : ` ${counted(left, 'letter')} left: of no repo that is followed.`
  return `${counted(letters, 'letter')} tried again: ${counted(repos, 'repo')} read anew.${rest}`
}

async function dismiss(choice) {
  const { letters } = await act('dead-letters/dismiss', choice)
  return `${counted(letters, 'letter')} dismissed.`
}

/** Buttons for one letter; without one for all of them. */
export function letterActs(item) {
  if (item === null) {
    return [
      actions(
        [
          'Try all again',
          'Try all again',
          'Have the repos of all letters read anew?',
          () => retry({ all: true }),
        ],
        ['Dismiss all', 'Dismiss all', 'Take all letters away?', () => dismiss({ all: true })],
      ),
    ]
  }
  const { id } = item
  const name = `letter ${count(id)}, ${item.reason}`
  return [
    actions(
      ['Try again', `Try again: ${name}`, null, () => retry({ ids: [id] })],
      ['Dismiss', `Dismiss ${name}`, null, () => dismiss({ ids: [id] })],
    ),
  ]
}
