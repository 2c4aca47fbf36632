// Apart from what asks the server, so that --help does not load it.

/** What of the running server to tell. */
export interface StateSubject {
  readonly name: string
  readonly path: string
  readonly description: string
  /** The list in the answer that gets a line for each of its entries; absent: the answer is printed as it is. */
  readonly list?: string
}

/** Commands that tell how the running server does, as its operator's page shows it. */
export const STATE_SUBJECTS: readonly StateSubject[] = [
  {
    name: 'storage',
    path: '/operator/storage',
    description: 'accounts, blobs and the accounts with the most of them, free disk, bounds',
  },
  {
    name: 'stream',
    path: '/operator/stream',
    description: 'the firehose, its subscribers, writes that wait, chores',
  },
  {
    name: 'relays',
    path: '/operator/relays',
    description: 'what relays were told, and said',
    list: 'relays',
  },
  {
    name: 'limits',
    path: '/operator/limits',
    description: 'whom rate limits refused within the last hour',
    list: 'limits',
  },
  { name: 'errors', path: '/operator/errors', description: 'the last errors and warnings', list: 'errors' },
  {
    name: 'mail-log',
    path: '/operator/mail',
    description: 'the last mails, and what became of them',
    list: 'mails',
  },
]
