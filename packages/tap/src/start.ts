// Where a consumer group begins that a server makes: ours, Tap itself has one group and knows nothing of it.

/**
 * `all`: with all that there is, by events where the server has each of them still, and else by a snapshot. `snapshot`: with everything as it
 * is now, account by account, then live. `oldest`: with the oldest event that the server has. `live`: with what happens from now on.
 */
export type GroupStart = 'all' | 'snapshot' | 'oldest' | 'live'

/** All of them. */
export const GROUP_STARTS: readonly GroupStart[] = ['all', 'snapshot', 'oldest', 'live']

/** Whether a text is one. */
export function isGroupStart(text: unknown): text is GroupStart {
  return GROUP_STARTS.some((start) => start === text)
}
