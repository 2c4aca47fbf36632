// Tap's `/channel`: events, and acks. `?group=` names a group; those who are at one share its events.

import { GROUP_STARTS, isGroupStart, parseAck } from '@avocet/tap/wire'
import type { Group, GroupStats } from '../delivery/group-types.ts'
import { type Groups, isGroupName } from '../delivery/groups.ts'
import type { Owner } from '../delivery/window.ts'
import { REFUSALS } from '../stream/doors.ts'
import type { StreamEvent } from '../stream/event.ts'
import { textFrame, type StreamSocket } from '../stream/socket.ts'
import type { HttpRefusal, Session, Wire } from '../stream/sockets.ts'
import { type CheckCaller, strangerSays } from './password.ts'

/** The group of who names none. */
export const DEFAULT_GROUP = 'default'

/** Events at a consumer that it has not acknowledged: at first, and at most. More with each ack, half of it when one is overdue. */
const FIRST_FLIGHT = 64
const MOST_FLIGHT = 1024
/** Work at a time before the rest of the process has its turn, ms. */
const SLICE_MS = 10
/** What is said to a server here is an ack. */
const MAX_MESSAGE = 1024

/** The wire over groups. @param write an event's message */
export function createChannelWire(options: {
  readonly groups: Groups
  readonly check: CheckCaller
  readonly write: (value: StreamEvent) => string
}): Wire {
  const { groups, check } = options
  return {
    path: '/channel',
    protocol: null,
    // An ack for each event, and more of them when they come again.
    maxMessages: Infinity,
    refuse: (why) => plain(REFUSALS[why].status, REFUSALS[why].message),
    ask({ query, header, address }) {
      const stranger = check(header, address)
      if (stranger !== null) {
        const { status, text } = strangerSays(stranger)
        return plain(status, text)
      }
      const name = query.get('group') ?? DEFAULT_GROUP
      if (!isGroupName(name)) return plain(400, 'invalid group: letters, digits, - and _, at most 64')
      const start = query.get('start') ?? 'all'
      if (!isGroupStart(start)) return plain(400, `invalid start: ${GROUP_STARTS.join(', ')}`)
      return (socket, mark) => {
        // Made when the socket is there: who is refused for another reason leaves no group behind.
        const group = groups.open(name, start)
        if (group !== null) return attend(group, socket, mark, options.write)
        socket.close(1013, 'there are as many groups as may be')
        return NOBODY
      }
    },
  }
}

const NOBODY: Session = { tooSlow() {}, received() {}, receivedBytes() {}, ended() {} }

/** A consumer at a group. */
function attend(
  group: Group,
  socket: StreamSocket,
  mark: () => number,
  write: (value: StreamEvent) => string,
): Session {
  let flight = FIRST_FLIGHT
  let isWaiting = false
  let hasLeft = false

  const mayTake = (): boolean => !hasLeft && !isWaiting && owner.inFlight < flight
  const owner: Owner = {
    inFlight: 0,
    wake() {
      const began = performance.now()
      while (mayTake()) {
        if (socket.buffered >= mark()) return drain()
        if (performance.now() - began > SLICE_MS) return group.wake()
        const entry = group.take(owner)
        if (entry === null) return
        const value = group.read(entry)
        if (value !== null) socket.write(textFrame(write(value)).bytes)
      }
    },
    failed: () => socket.close(1011, 'the log cannot be read'),
    overdue: () => void (flight = Math.max(1, flight >> 1)),
  }
  const drain = (): void => {
    isWaiting = true
    socket.whenBelow(mark() / 2, () => {
      isWaiting = false
      group.wake()
    })
  }
  group.attach(owner)
  return {
    tooSlow: () => socket.cut(),
    received(text) {
      if (text.length > MAX_MESSAGE) return socket.close(1009, 'too large for an ack')
      const id = parseAck(text)
      if (id !== null && group.ack(id)) flight = Math.min(MOST_FLIGHT, flight + 1)
    },
    receivedBytes: () => socket.close(1003, 'acks are texts'),
    ended() {
      hasLeft = true
      group.detach(owner)
    },
  }
}

/** What is told of groups, by name. */
export function groupStatsOf(stats: readonly GroupStats[]): Record<string, Omit<GroupStats, 'name'>> {
  return Object.fromEntries(stats.map(({ name, ...rest }) => [name, rest]))
}

function plain(status: number, body: string): HttpRefusal {
  return { status, type: 'text/plain; charset=utf-8', body }
}
