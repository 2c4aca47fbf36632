// What reasons mean, for who has to do something about them.

const OF_FAILURES = {
  'frame-malformed': 'The source sent something that is no event. Its operator should know.',
  'frame-too-big': 'A frame larger than any event may be. The repos it was about are read anew.',
  'frame-unknown-type': 'A kind of event that this indexer does not know.',
  'stream-error': 'The source ended the stream with an error.',
  'envelope-malformed': 'An event without the fields that events have.',
  'too-costly':
    'It takes more than an account may cost. It is kept as bytes, or not at all, and not looked at.',
  'wrong-host': 'A PDS spoke of an account that it does not host. Nothing was changed.',
  'identity-unresolved': 'The DID document could not be read. It is tried again with the next event.',
  'signature-invalid':
    'The commit is not signed by the key of the account. Either it is forged, or the key changed and its document is late.',
  'block-hash-mismatch': 'A block does not have the hash that it is named by: it was damaged, or made up.',
  'car-malformed': 'The blocks of the event cannot be read.',
  'inversion-mismatch':
    'The operations do not lead from the tree before to the tree after. The repo is read anew.',
  'chain-data': 'The event does not follow the one before it: some are missing. The repo is read anew.',
  'chain-since': 'The event does not follow the one before it: some are missing. The repo is read anew.',
  'record-malformed': 'The repo holds something that is no record. It is listed, and has no content.',
  'status-unconfirmed':
    'A relay says that the account is off, and its own host is silent. It is asked again.',
  'resync-failed': 'The repo could not be read whole. It is tried again, ever more seldom.',
  'resync-terminal': 'The host says that the repo is not there any more.',
  'app-failed': 'The index refused it: see its log.',
  'queue-full': 'Too much waited for this account. What was given up is made good by reading the repo.',
  'cursor-reset': 'The source numbers its events anew.',
  duplicate: 'It was here already.',
  'account-inactive': 'Its account is off.',
  desynchronized: 'Its repo is being read whole anyway.',
}

const OF_REPOS = {
  synchronized: 'What is indexed is what its repo has, as far as its sources tell.',
  unconfirmed: 'Its source lost events since it was last seen: it is asked whether this is still the newest.',
  suspect: 'Something did not fit. Its host is asked for the newest revision before anything is read.',
  resyncing: 'It is read whole at this moment.',
  desynchronized: 'Events are missing. It waits for its turn to be read whole; what comes meanwhile is kept.',
  terminal: 'Its host does not give it any more. It is tried again when something new is heard of it.',
}

/** What a failure means; null: the name says what there is to say. */
export function meaningOf(reason) {
  return Object.hasOwn(OF_FAILURES, reason) ? OF_FAILURES[reason] : null
}

/** What a repo's state means. */
export function stateMeans(status) {
  return Object.hasOwn(OF_REPOS, status) ? OF_REPOS[status] : ''
}
